// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// Follow says whether a query ends with what there is.
type Follow int

// The ways to follow.
const (
	FollowNone Follow = iota // only what there is
	FollowNew                // then what comes, until the context ends
)

// Query says which lines are wanted.
type Query struct {
	Function   dayfly.FunctionRef  // the zero value is all functions
	Invocation dayfly.InvocationID // "" is all invocations
	Since      time.Time           // the zero value is as old as there is
	// Tail limits what there is to the last so many lines: 0 does not limit it, a
	// negative number leaves nothing of it, which is of use with FollowNew.
	Tail   int
	Follow Follow
}

func (q *Query) wants(line *dayfly.LogLine) bool {
	return (q.Function == dayfly.FunctionRef{} || q.Function == line.Function) &&
		(q.Invocation == "" || q.Invocation == line.Invocation) &&
		!line.Time.Before(q.Since)
}

// normal fills in what the query implies.
func (q Query) normal() Query {
	if q.Function.Name != "" && q.Function.Project == "" {
		q.Function.Project = dayfly.DefaultProject
	}
	if began, ok := beganMillis(string(q.Invocation)); ok && time.UnixMilli(began).After(q.Since) {
		q.Since = time.UnixMilli(began)
	}
	return q
}

// Lines gives the lines that the query wants, oldest first. Those of one function come in
// their order; those of several by time, which before what memory has is the
// time of their batch. An error ends the sequence.
func (l *Logs) Lines(ctx context.Context, q Query) iter.Seq2[dayfly.LogLine, error] {
	return func(yield func(dayfly.LogLine, error) bool) {
		more := true
		tell := func(line dayfly.LogLine, err error) bool {
			more = more && yield(line, err)
			return more
		}
		if err := l.lines(ctx, q.normal(), tell); err != nil {
			tell(dayfly.LogLine{}, err)
		}
	}
}

func (l *Logs) lines(
	ctx context.Context, q Query, yield func(dayfly.LogLine, error) bool,
) error {
	var f *follower
	if q.Follow == FollowNew {
		var err error
		if f, err = l.follow(q); err != nil {
			return err
		}
		defer l.leave(f)
	}
	m := l.remembered(q)
	more := true
	if q.Tail >= 0 {
		tell := func(line dayfly.LogLine) bool {
			more = more && yield(line, nil)
			return more
		}
		if err := l.present(ctx, q, m, tell); err != nil {
			return err
		}
	}
	if f != nil && more {
		f.stream(ctx, m.told, yield)
	}
	return nil
}

// memory is what a query found on the shelves at one time.
type memory struct {
	at    time.Time
	lines []dayfly.LogLine
	first map[dayfly.FunctionRef]uint64 // number of the oldest line on each shelf
	told  map[*shelf]uint64             // number of the next line of each shelf
	left  time.Time                     // of what is older, some is in the stream only
}

func (l *Logs) remembered(q Query) memory {
	m := memory{
		at: time.Now(), left: time.Unix(0, l.evicted.Load()),
		first: make(map[dayfly.FunctionRef]uint64), told: make(map[*shelf]uint64),
	}
	if l.started.After(m.left) {
		m.left = l.started
	}
	for _, s := range l.holding(q.Function) {
		s.mu.Lock()
		lines := s.lines.from(0)
		m.first[s.ref], m.told[s] = s.lines.first, s.lines.next
		if s.linesLeft.After(m.left) {
			m.left = s.linesLeft
		}
		s.mu.Unlock()
		m.lines = append(m.lines, slices.DeleteFunc(lines, func(line dayfly.LogLine) bool {
			return !q.wants(&line)
		})...)
	}
	if len(m.first) > 1 {
		byTime(m.lines)
	}
	return m
}

// remembers reports whether the line with that number of a function was in memory, or came
// later. A function without a shelf may have got one since: its numbers begin
// with the time of that.
func (m *memory) remembers(ref dayfly.FunctionRef, number uint64) bool {
	first, ok := m.first[ref]
	if !ok {
		first = uint64(m.at.UnixNano())
	}
	return number >= first
}

// covers reports whether memory has all that the query wants of what there is.
func (m *memory) covers(q Query) bool {
	if q.Since.After(m.left) {
		return true
	}
	if q.Tail == 0 || len(m.lines) < q.Tail {
		return false
	}
	one := q.Function != dayfly.FunctionRef{}
	return one || m.lines[len(m.lines)-q.Tail].Time.After(m.left)
}

// present tells what there is.
func (l *Logs) present(
	ctx context.Context, q Query, m memory, tell func(dayfly.LogLine) bool,
) error {
	if !m.covers(q) {
		h, err := l.history()
		if err != nil {
			return err
		}
		defer h.close()
		if q.Tail == 0 {
			if err := h.lines(ctx, q, &m, tell); err != nil {
				return err
			}
		} else if m.lines, err = h.tail(ctx, q, &m); err != nil {
			return err
		}
	}
	if q.Tail > 0 {
		m.lines = m.lines[max(0, len(m.lines)-q.Tail):]
	}
	for _, line := range m.lines {
		if !tell(line) {
			return nil
		}
	}
	return nil
}

// lines tells all that the stream has and memory does not.
func (h *history) lines(
	ctx context.Context, q Query, m *memory, tell func(dayfly.LogLine) bool,
) error {
	found, err := h.scan(ctx, q.Function, q.Since)
	if err != nil {
		return err
	}
	for _, p := range found {
		lines, err := h.linesOf(ctx, q, m, p)
		if err != nil {
			return err
		}
		for _, line := range lines {
			if !tell(line) {
				return nil
			}
		}
	}
	return nil
}

// tail gives the lines that memory has behind as many from the stream as are missing.
func (h *history) tail(ctx context.Context, q Query, m *memory) ([]dayfly.LogLine, error) {
	need := q.Tail - len(m.lines)
	if q.Function == (dayfly.FunctionRef{}) {
		need = q.Tail // some in memory may be older than what is not
	}
	count := func(found []past) (lines int) {
		for _, p := range found {
			if !m.remembers(p.function, p.firstLine) {
				lines += p.lines
			}
		}
		return lines
	}
	found, err := h.scanBack(ctx, q.Function, q.Since, func(found []past) bool {
		return q.Invocation == "" && count(found) >= need
	})
	if err != nil {
		return nil, err
	}
	var chunks [][]dayfly.LogLine // newest first
	for _, p := range slices.Backward(found) {
		if need <= 0 {
			break
		}
		lines, err := h.linesOf(ctx, q, m, p)
		if err != nil {
			return nil, err
		}
		chunks = append(chunks, lines)
		need -= len(lines)
	}
	slices.Reverse(chunks)
	lines := append(slices.Concat(chunks...), m.lines...)
	if q.Function == (dayfly.FunctionRef{}) {
		byTime(lines)
	}
	return lines, nil
}

// linesOf reads the lines of a batch that the query wants and memory does not have.
func (h *history) linesOf(
	ctx context.Context, q Query, m *memory, p past,
) ([]dayfly.LogLine, error) {
	if p.lines == 0 || m.remembers(p.function, p.firstLine) {
		return nil, nil
	}
	if began, ok := beganMillis(string(q.Invocation)); ok && !p.mayHave(began) {
		return nil, nil
	}
	b, err := h.read(ctx, p)
	if err != nil {
		return nil, err
	}
	var lines []dayfly.LogLine
	for i, line := range b.lines {
		if !m.remembers(p.function, p.firstLine+uint64(i)) && q.wants(&line) {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

func byTime(lines []dayfly.LogLine) {
	slices.SortStableFunc(lines, func(a, b dayfly.LogLine) int { return a.Time.Compare(b.Time) })
}
