// SPDX-License-Identifier: Apache-2.0

package apitest

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api"
	"github.com/dayfly-faas/dayfly/internal/blob/notice"
	"github.com/dayfly-faas/dayfly/internal/bundle"
	"github.com/dayfly-faas/dayfly/internal/clock"
	"github.com/dayfly-faas/dayfly/internal/logs"
	"github.com/dayfly-faas/dayfly/internal/queue"
	"github.com/dayfly-faas/dayfly/internal/rollout"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
	"github.com/dayfly-faas/dayfly/internal/topic"
)

// Token opens the API of every Node.
const Token = "token-of-a-test-node"

// Epoch is when everything on a Node happened.
var Epoch = time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)

// Node is a node in memory. Set its fields before the first request.
type Node struct {
	URL string // of the management API
	API *api.API

	// Invoke answers calls; nil echoes the event.
	Invoke func(context.Context, *dayfly.Invocation) (*dayfly.Result, error)
	// Deploying runs within each deploy; its error ends it.
	Deploying func(context.Context, rollout.Request, func(rollout.Event)) error
	// Instances are what every function has.
	Instances []api.Instance
	Lines     []dayfly.LogLine
	Records   []dayfly.Record
	Found     []string
	Runtimes  []toolchain.Runtime
	Features  []sandbox.Feature
	// Follow sends lines to whoever follows; closing it ends that with an error.
	Follow chan dayfly.LogLine

	// Taken are the events that were accepted, in order; Letters the dead ones.
	Taken   []dayfly.EventInfo
	Letters []queue.Letter
	// S3 is where its S3 door would be; empty: off.
	S3 string
	// Ledgers are its crons, Clock its time.
	Ledgers []Ledger
	Clock   *clock.Clock

	// Readers are the triggers of its queues, by name; Replays what was asked of them.
	Readers map[string][]topic.Reader
	// Notices are what its buckets tell by themselves.
	Notices []notice.Entry
	Replays []topic.Replay

	mu        sync.Mutex // guards all below
	paused    map[dayfly.FunctionRef]bool
	sources   map[dayfly.Digest]bool
	functions map[dayfly.FunctionRef]*dayfly.Function
	revisions map[dayfly.RevisionID]*dayfly.Revision
}

// Start runs a node, with a clock that can be put forward, until the test ends.
func Start(t testing.TB) *Node { return StartAt(t, clock.NewVirtual()) }

// StartAt runs a node with that clock until the test ends.
func StartAt(t testing.TB, c *clock.Clock) *Node {
	t.Helper()
	n := &Node{Clock: c, paused: map[dayfly.FunctionRef]bool{}, sources: map[dayfly.Digest]bool{},
		Follow:    make(chan dayfly.LogLine),
		functions: map[dayfly.FunctionRef]*dayfly.Function{},
		revisions: map[dayfly.RevisionID]*dayfly.Revision{}}
	cfg := api.Config{Token: Token, Node: "node-1", Version: "1.2.3",
		GatewayURL: "http://127.0.0.1:8080"}
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "dayfly_up 1\n")
	})
	door, err := api.New(cfg, slog.New(slog.DiscardHandler), api.Deps{
		Catalog: catalog{n}, Rollout: deployer{n}, Sources: sources{n}, Pool: pool{n},
		Invoker: invoker{n}, Events: events{n}, CheckURL: checkURL, Logs: history{n}, Runtimes: runtimes{n},
		Metrics: metrics, Values: values(t), Objects: objects(t), S3: s3Door{n},
		Queues: queues(t), Triggers: readers{n}, Notices: notices{n}, Access: keys(t, c), Certificates: certificates(t),
		Crons: crons{n}, Clock: n.Clock,
		Features: func() []sandbox.Feature { return n.Features },
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(door)
	t.Cleanup(server.Close)
	n.URL, n.API = server.URL, door
	return n
}

// Has tells whether a source was uploaded.
func (n *Node) Has(d dayfly.Digest) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sources[d]
}

func unknown(f dayfly.FunctionRef) error {
	return dayfly.Errorf(dayfly.KindNotFound, "function %s does not exist", f).
		WithHint("dayfly list shows what there is")
}

type catalog struct{ n *Node }

// Function implements api.Catalog.
func (c catalog) Function(f dayfly.FunctionRef) (dayfly.Function, error) {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	if known := c.n.functions[f]; known != nil {
		return *known, nil
	}
	return dayfly.Function{}, unknown(f)
}

// Functions implements api.Catalog.
func (c catalog) Functions(p dayfly.ProjectName) []dayfly.Function {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	var list []dayfly.Function
	for ref, f := range c.n.functions {
		if p == "" || ref.Project == p {
			list = append(list, *f)
		}
	}
	return list
}

// Revision implements api.Catalog.
func (c catalog) Revision(f dayfly.FunctionRef, n int) (*dayfly.Revision, error) {
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	if r := c.n.revisions[f.Revision(n)]; r != nil {
		return r, nil
	}
	return nil, dayfly.Errorf(dayfly.KindNotFound, "%s has no revision %d", f, n)
}

type deployer struct{ n *Node }

// Deploy implements api.Rollout.
func (d deployer) Deploy(
	ctx context.Context, r rollout.Request, progress func(rollout.Event),
) (rollout.Outcome, error) {
	if !d.n.Has(r.Source) {
		return rollout.Outcome{}, dayfly.Errorf(dayfly.KindNotFound, "source %s is not here", r.Source)
	}
	spec := dayfly.DefaultSpec()
	if err := r.Settings.Apply(&spec); err != nil {
		return rollout.Outcome{}, err
	}
	if d.n.Deploying != nil {
		if err := d.n.Deploying(ctx, r, progress); err != nil {
			return rollout.Outcome{}, err
		}
	}
	d.n.mu.Lock()
	defer d.n.mu.Unlock()
	f := d.n.functions[r.Function]
	if f == nil {
		f = &dayfly.Function{FunctionRef: r.Function, CreatedAt: Epoch, UpdatedAt: Epoch}
		d.n.functions[r.Function] = f
	} else if live := d.n.revisions[r.Function.Revision(f.Live)]; live.Source == r.Source {
		return rollout.Outcome{Function: *f, Revision: live, Found: d.n.Found, Unchanged: true}, nil
	}
	f.Previous, f.Live = f.Live, len(f.Revisions)+1
	f.Revisions = append(f.Revisions, f.Live)
	revision := &dayfly.Revision{ID: r.Function.Revision(f.Live), Function: r.Function,
		Number: f.Live, Source: r.Source, Bundle: r.Source, Spec: spec, CreatedAt: Epoch}
	d.n.revisions[revision.ID] = revision
	return rollout.Outcome{Function: *f, Revision: revision, Found: d.n.Found}, nil
}

// Rollback implements api.Rollout.
func (d deployer) Rollback(
	_ context.Context, ref dayfly.FunctionRef, number int,
) (dayfly.Function, error) {
	d.n.mu.Lock()
	defer d.n.mu.Unlock()
	f := d.n.functions[ref]
	if f == nil {
		return dayfly.Function{}, unknown(ref)
	}
	if number == 0 {
		number = f.Previous
	}
	if !slices.Contains(f.Revisions, number) {
		return dayfly.Function{}, dayfly.Errorf(dayfly.KindConflict, "%s has no revision %d to go to",
			ref, number)
	}
	f.Live, f.Previous = number, f.Live
	return *f, nil
}

// Remove implements api.Rollout.
func (d deployer) Remove(_ context.Context, ref dayfly.FunctionRef) error {
	d.n.mu.Lock()
	defer d.n.mu.Unlock()
	if d.n.functions[ref] == nil {
		return unknown(ref)
	}
	delete(d.n.functions, ref)
	return nil
}

type sources struct{ n *Node }

// Has implements api.Sources.
func (s sources) Has(_ context.Context, d dayfly.Digest) (bool, error) { return s.n.Has(d), nil }

// Put implements api.Sources.
func (s sources) Put(_ context.Context, d dayfly.Digest, r io.Reader) error {
	dir, err := os.MkdirTemp("", "apitest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	got, _, err := bundle.Unpack(r, dir, bundle.Limits{})
	if err != nil {
		return err
	}
	if got != d {
		return dayfly.Errorf(dayfly.KindInvalid, "the source is %s, not %s", got, d)
	}
	s.n.mu.Lock()
	defer s.n.mu.Unlock()
	s.n.sources[d] = true
	return nil
}

type pool struct{ n *Node }

// Instances implements api.Pool.
func (p pool) Instances(dayfly.FunctionRef) []api.Instance { return p.n.Instances }

// Evict implements api.Pool.
func (p pool) Evict(dayfly.FunctionRef) int { return len(p.n.Instances) }

type invoker struct{ n *Node }

// Invoke implements api.Invoker.
func (i invoker) Invoke(ctx context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
	if i.n.Invoke != nil {
		return i.n.Invoke(ctx, inv)
	}
	return &dayfly.Result{Status: http.StatusOK, Header: inv.Request.Header,
		Body: inv.Request.Body}, nil
}

type history struct{ n *Node }

// Lines implements api.Logs.
func (l history) Lines(ctx context.Context, q logs.Query) iter.Seq2[dayfly.LogLine, error] {
	return func(yield func(dayfly.LogLine, error) bool) {
		for _, line := range l.n.Lines {
			if q.Invocation != "" && line.Invocation != q.Invocation {
				continue
			}
			if !yield(line, nil) {
				return
			}
		}
		for q.Follow == logs.FollowNew {
			select {
			case line, ok := <-l.n.Follow:
				if !ok {
					yield(line, dayfly.Errorf(dayfly.KindUnavailable, "the log is closed"))
					return
				}
				if !yield(line, nil) {
					return
				}
			case <-ctx.Done():
				yield(dayfly.LogLine{}, ctx.Err())
				return
			}
		}
	}
}

// Records implements api.Logs.
func (l history) Records(_ context.Context, q logs.RecordQuery) ([]dayfly.Record, error) {
	var list []dayfly.Record
	for _, r := range l.n.Records {
		if (q.Outcome == logs.OutcomeAny || r.Fault != "") && len(list) < q.Limit {
			list = append(list, r)
		}
	}
	return list, nil
}

// Find implements api.Logs.
func (l history) Find(_ context.Context, id dayfly.InvocationID) (*dayfly.Record, error) {
	for _, r := range l.n.Records {
		if r.ID == id {
			return &r, nil
		}
	}
	return nil, dayfly.Errorf(dayfly.KindNotFound, "invocation %s is not known", id)
}

// Totals implements api.Logs.
func (l history) Totals(dayfly.FunctionRef) logs.Totals {
	return logs.Totals{Calls: int64(len(l.n.Records))}
}

type runtimes struct{ n *Node }

// List implements api.Runtimes.
func (r runtimes) List(context.Context) ([]toolchain.Runtime, error) { return r.n.Runtimes, nil }
