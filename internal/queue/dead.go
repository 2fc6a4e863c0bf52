// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

const (
	// lettersDefault and lettersMax are how many dead letters one list has.
	lettersDefault = 100
	lettersMax     = 10_000
)

// Letters says which dead letters are meant: one, those of a function or a project, or, for
// the zero value, all.
type Letters struct {
	ID       dayfly.EventID
	Function dayfly.FunctionRef
	Project  dayfly.ProjectName
	// Limit bounds a list; default 100, at most 10,000. Redrive and Drop take all.
	Limit int
}

// Letter is a dead letter: the life of an event that was given up, and the whole event.
type Letter struct {
	dayfly.EventInfo
	Call  *Call
	Event *dayfly.Event
}

// pattern gives the subjects of the letters.
func (s Letters) pattern() (string, error) {
	project, function, id := "*", "*", "*"
	if s.Project != "" {
		project = string(s.Project)
	}
	if s.Function.Name != "" {
		if s.Function.Project == "" {
			s.Function.Project = dayfly.DefaultProject
		}
		project, function = string(s.Function.Project), string(s.Function.Name)
		if err := s.Function.Validate(); err != nil {
			return "", err
		}
	}
	if s.ID != "" {
		if !work.ValidID(s.ID) {
			return "", dayfly.Errorf(dayfly.KindNotFound, "dead letter %q not found", s.ID)
		}
		id = string(s.ID)
	}
	if project != "*" {
		if err := dayfly.ValidateName("project", project); err != nil {
			return "", err
		}
	}
	return bus.SubjectDead + "." + project + "." + function + "." + id, nil
}

// subjects gives the subjects of letters, the newest event first.
func (q *Queue) subjects(ctx context.Context, s Letters) ([]string, error) {
	pattern, err := s.pattern()
	if err != nil {
		return nil, err
	}
	info, err := q.dead.Info(ctx, jetstream.WithSubjectFilter(pattern))
	if err != nil {
		return nil, bus.Explain("list dead letters", err)
	}
	list := make([]string, 0, len(info.State.Subjects))
	for subject := range info.State.Subjects {
		list = append(list, subject)
	}
	slices.SortFunc(list, func(a, b string) int { return strings.Compare(lastToken(b), lastToken(a)) })
	return list, nil
}

func lastToken(subject string) string { return subject[strings.LastIndexByte(subject, '.')+1:] }

// letter reads one letter, and where it is.
func (q *Queue) letter(ctx context.Context, subject string) (*work.Entry, uint64, error) {
	m, err := q.dead.GetLastMsgForSubject(ctx, subject)
	if err != nil {
		if isMissing(err) {
			return nil, 0, dayfly.Errorf(dayfly.KindNotFound, "dead letter %s not found", lastToken(subject))
		}
		return nil, 0, bus.Explain("read dead letter", err)
	}
	var e work.Entry
	if err := e.Unmarshal(m.Data); err != nil {
		return nil, 0, fmt.Errorf("read dead letter %s: %w", lastToken(subject), err)
	}
	return &e, m.Sequence, nil
}

// Dead lists dead letters, the newest event first.
func (q *Queue) Dead(ctx context.Context, s Letters) ([]dayfly.EventInfo, error) {
	subjects, err := q.subjects(ctx, s)
	if err != nil {
		return nil, err
	}
	limit := s.Limit
	if limit <= 0 {
		limit = lettersDefault
	}
	list := []dayfly.EventInfo{}
	for _, subject := range subjects[:min(len(subjects), limit, lettersMax)] {
		e, _, err := q.letter(ctx, subject)
		if dayfly.KindOf(err) == dayfly.KindNotFound {
			continue // it went meanwhile
		}
		if err != nil {
			return nil, err
		}
		list = append(list, *e.Info(dayfly.EventDead))
	}
	return list, nil
}

// Letter gives one dead letter with the whole event.
func (q *Queue) Letter(ctx context.Context, id dayfly.EventID) (*Letter, error) {
	pattern, err := Letters{ID: id}.pattern()
	if err != nil || id == "" {
		return nil, dayfly.Errorf(dayfly.KindNotFound, "dead letter %q not found", id)
	}
	e, _, err := q.letter(ctx, pattern)
	if err != nil {
		return nil, err
	}
	l := &Letter{EventInfo: *e.Info(dayfly.EventDead)}
	if e.Event != nil {
		l.Event = e.CloudEvent()
	}
	if c := e.Call; c != nil {
		l.Call = &Call{Kind: c.Kind, Method: c.Method, Path: c.Path, RawQuery: c.RawQuery, Host: c.Host,
			Scheme: c.Scheme, RemoteAddr: c.RemoteAddr, Header: c.Header, Body: e.Body}
	}
	return l, nil
}

// Redrive executes dead letters again, as if they were accepted now, with their own
// identities. It gives how many were taken; when it fails, the others are still letters.
func (q *Queue) Redrive(ctx context.Context, s Letters) (int, error) {
	subjects, err := q.subjects(ctx, s)
	if err != nil {
		return 0, err
	}
	if s.ID != "" && len(subjects) == 0 {
		return 0, dayfly.Errorf(dayfly.KindNotFound, "dead letter %s not found", s.ID)
	}
	slices.Reverse(subjects) // the oldest first
	for i, subject := range subjects {
		err := q.redrive(ctx, subject)
		if err != nil && (s.ID != "" || dayfly.KindOf(err) != dayfly.KindNotFound) {
			return i, err
		}
	}
	return len(subjects), nil
}

func (q *Queue) redrive(ctx context.Context, subject string) error {
	e, seq, err := q.letter(ctx, subject)
	if err != nil {
		return err
	}
	if _, err := q.resolve(e.Function); err != nil {
		return dayfly.Errorf(dayfly.KindConflict, "dead letter %s cannot be executed again: %w", e.ID, err)
	}
	e.Tries, e.Attempts, e.Reason = 0, nil, ""
	e.Accepted, e.After, e.Due, e.Ended = time.Now(), time.Time{}, time.Time{}, time.Time{}
	data, err := e.Marshal()
	if err != nil {
		return err
	}
	m := &nats.Msg{Subject: e.Lane().WorkSubject(), Data: data, Header: nats.Header{
		jetstream.MsgIDHeader: {"redrive/" + string(e.ID) + "/" + strconv.FormatUint(seq, 10)}}}
	told := q.marks.Pushing(e.ID)
	defer q.marks.Pushed(e.ID)
	q.fault("redrive:before")
	if _, err := q.js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(0)); err != nil {
		return bus.Explain("execute the dead letter again", err)
	}
	if err := q.force(ctx, e, bus.StreamWork); err != nil {
		return err
	}
	q.fault("redrive:between")
	// Not what is newer: it may have run by now, and died again.
	err = q.dead.Purge(ctx, jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(seq+1))
	if err != nil {
		return bus.Explain("remove the dead letter", err)
	}
	told.UnlessEnded(func() { q.deps.Journal.Event(e.Info(dayfly.EventPending)) })
	q.wake(e.Lane())
	return nil
}

// Drop removes dead letters for good, and gives how many.
func (q *Queue) Drop(ctx context.Context, s Letters) (int, error) {
	subjects, err := q.subjects(ctx, s)
	if err != nil {
		return 0, err
	}
	if s.ID != "" && len(subjects) == 0 {
		return 0, dayfly.Errorf(dayfly.KindNotFound, "dead letter %s not found", s.ID)
	}
	pattern, err := s.pattern()
	if err != nil {
		return 0, err
	}
	if err := q.dead.Purge(ctx, jetstream.WithPurgeSubject(pattern)); err != nil {
		return 0, bus.Explain("drop dead letters", err)
	}
	return len(subjects), nil
}
