// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/queue"
	"github.com/dayfly-faas/dayfly/internal/topic"
)

const (
	// replayMax bounds the events that one Replay looks at; the next goes on behind them.
	replayMax = 20_000
	// replayTime bounds how long one Replay takes.
	replayTime = 15 * time.Second
)

// Status tells where the triggers of a source stand.
func (t *Triggers) Status(ctx context.Context, source topic.Source) ([]topic.Reader, error) {
	list := []topic.Reader{}
	for _, c := range t.onSource(source) {
		s := topic.Reader{Function: c.function, Trigger: c.trigger.Name, Filter: filterOf(c.trigger)}
		c.mu.Lock()
		s.Counts = c.counts
		c.mu.Unlock()
		cursor, ok := t.topic.Cursor(c.name)
		if !ok {
			continue // it was removed a moment ago
		}
		s.Cursor = cursor.Sequence
		var err error
		if s.Behind, s.Since, err = t.topic.Behind(ctx, source, cursor.Sequence); err != nil {
			return nil, err
		}
		if s.Waiting, err = t.queue.Waiting(ctx, c.function, c.trigger.Name); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// Replay copies events that are kept to the work of one function once more, as its
// trigger would, marked by the extension topic.ExtensionReplay. It returns when all are
// durable, or after some, with where to go on.
func (t *Triggers) Replay(ctx context.Context, r topic.Replay) (topic.Replayed, error) {
	c, err := t.chosen(r)
	if err != nil {
		return topic.Replayed{}, err
	}
	last, err := t.lastOf(ctx, r)
	if err != nil {
		return topic.Replayed{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*replayTime)
	defer cancel()
	p := &replay{copier: c, began: time.Now().UTC(), out: topic.Replayed{To: last}}
	p.mark = strconv.FormatInt(p.began.UnixNano(), 36)
	from, looked := r.From, 0
	for looked < replayMax && time.Since(p.began) < replayTime {
		page, err := t.topic.Read(ctx, c.source, from, copyBatch)
		if err != nil {
			return p.out, err
		}
		looked += len(page.Messages)
		if err := p.copy(ctx, page.Messages); err != nil {
			return p.out, err
		}
		from = topic.From{Sequence: page.Next}
		if p.out.Next > 0 { // the lane has no room for more
			return p.out, nil
		}
		if page.Pending == 0 || page.Next > last {
			return p.out, nil
		}
	}
	p.out.Next = from.Sequence
	return p.out, nil
}

// chosen finds the copier that a replay is for.
func (t *Triggers) chosen(r topic.Replay) (*copier, error) {
	var found []*copier
	for _, c := range t.onSource(topic.QueueSource(r.Project, r.Queue)) {
		if c.function.Name == r.Function && (r.Trigger == "" || c.trigger.Name == r.Trigger) {
			found = append(found, c)
		}
	}
	switch len(found) {
	case 0:
		return nil, dayfly.Errorf(dayfly.KindNotFound, "function %s has no such trigger on queue %s",
			dayfly.FunctionRef{Project: r.Project, Name: r.Function}, r.Queue).
			WithHint("dayfly queue stats %s lists the triggers", dayfly.SuggestName(string(r.Queue), "NAME"))
	case 1:
		return found[0], nil
	}
	names := make([]string, len(found))
	for i, c := range found {
		names[i] = string(c.trigger.Name)
	}
	return nil, dayfly.Errorf(dayfly.KindInvalid, "function %s has several triggers on queue %s: %s",
		r.Function, r.Queue, strings.Join(names, ", ")).WithHint("choose one with --trigger")
}

// lastOf gives the last sequence that a replay copies.
func (t *Triggers) lastOf(ctx context.Context, r topic.Replay) (uint64, error) {
	switch {
	case r.To > 0:
		return r.To, nil
	case !r.UpTo.IsZero():
		end, err := t.topic.FirstSince(ctx, r.UpTo.Add(time.Nanosecond))
		return max(end, 1) - 1, err
	}
	return t.topic.Last(ctx)
}

// replay is one Replay under way.
type replay struct {
	*copier
	began time.Time
	mark  string
	out   topic.Replayed
}

// copy copies one page. What there is no room for is where to go on.
func (p *replay) copy(ctx context.Context, messages []topic.Message) error {
	var pushes []queue.Push
	var sequences []uint64
	for i := range messages {
		m := &messages[i]
		if m.Sequence > p.out.To {
			break
		}
		yes, key, err := p.matcher.match(&m.Event)
		switch {
		case err != nil:
			p.out.Failed++
			continue
		case !yes:
			p.out.Skipped++
			continue
		}
		extensions := maps.Clone(m.Event.Extensions)
		if extensions == nil {
			extensions = make(map[string]string, 1)
		}
		extensions[topic.ExtensionReplay] = p.began.Format(time.RFC3339)
		m.Event.Extensions = extensions
		pushes = append(pushes, p.pushOf(m, key, p.mark+":"+identity(m)))
		sequences = append(sequences, m.Sequence)
	}
	var tally topic.Counts
	passed, err := p.push(ctx, pushes, sequences, &tally)
	p.out.Copied += tally.Copied
	p.out.Failed += tally.Failed
	if dayfly.KindOf(err) != dayfly.KindExhausted {
		return err
	}
	if p.out.Copied == 0 {
		return err
	}
	p.out.Next = sequences[0]
	if passed > 0 {
		p.out.Next = passed + 1
	}
	return nil
}
