// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/ndjson"
	"github.com/dayfly-faas/dayfly/internal/logs"
)

const (
	// tailDefault is how many lines or invocations an unbounded question gets.
	tailDefault = 100
	// tailMax bounds what one question may get.
	tailMax = 10_000
)

// logLine is one line of the answer: a line, or the error that ended the stream.
type logLine struct {
	*dayfly.LogLine
	Error *problem `json:"error,omitempty"`
}

// logLines streams log lines, oldest first; with follow it goes on as they are
// written, until the caller leaves.
func (a *API) logLines(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	query := logs.Query{
		Function:   q.function(),
		Invocation: dayfly.InvocationID(q.text("invocation")),
		Since:      q.instant("since"),
		Tail:       q.number("tail", tailDefault, tailMax),
	}
	if query.Tail == 0 {
		query.Tail = -1 // none of what there is
	}
	if q.flag("follow") {
		query.Follow = logs.FollowNew
	}
	if err := q.done(); err != nil {
		return err
	}
	if query.Invocation != "" && query.Function.Name == "" {
		// A guest may claim any invocation for its lines; only those of the function
		// that was called are that call's.
		if record, err := a.deps.Logs.Find(r.Context(), query.Invocation); err == nil {
			query.Function = record.Function
		}
	}
	out := ndjson.New(w, paceTimeout)
	ctx := r.Context()
	if query.Follow != logs.FollowNone {
		var leave context.CancelFunc
		ctx, leave = context.WithCancel(ctx)
		defer leave()
		defer context.AfterFunc(a.closing, leave)()
		out.Begin()
	}
	for line, err := range a.deps.Logs.Lines(ctx, query) {
		if a.closing.Err() != nil && ctx.Err() != nil {
			err = errStopping()
		}
		if err != nil {
			if out.Started() && r.Context().Err() == nil {
				p := newProblem(err, w.Header().Get("X-Dayfly-Request"))
				_ = out.Put(logLine{Error: &p})
			}
			return err
		}
		if err := out.Put(logLine{LogLine: &line}); err != nil {
			return nil // the caller has seen enough
		}
	}
	out.Begin()
	if ctx.Err() != nil && r.Context().Err() == nil {
		p := newProblem(errStopping(), w.Header().Get("X-Dayfly-Request"))
		_ = out.Put(logLine{Error: &p})
	}
	return nil
}

func errStopping() error {
	return dayfly.Errorf(dayfly.KindUnavailable, "the node is stopping")
}

// invocations lists what is known of the latest calls, newest first.
func (a *API) invocations(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	query := logs.RecordQuery{
		Function: q.function(),
		Since:    q.instant("since"),
		Limit:    q.number("limit", tailDefault, tailMax),
	}
	if q.flag("failed") {
		query.Outcome = logs.OutcomeFailed
	}
	if err := q.done(); err != nil {
		return err
	}
	records, err := a.deps.Logs.Records(r.Context(), query)
	if err != nil {
		return err
	}
	if records == nil {
		records = []dayfly.Record{}
	}
	return writeJSON(w, map[string]any{"invocations": records})
}

func (a *API) invocation(w http.ResponseWriter, r *http.Request) error {
	id := dayfly.InvocationID(r.PathValue("id"))
	record, err := a.deps.Logs.Find(r.Context(), id)
	if err != nil {
		return err
	}
	return writeJSON(w, record)
}
