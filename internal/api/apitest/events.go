// SPDX-License-Identifier: Apache-2.0

package apitest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/logs"
	"github.com/dayfly-faas/dayfly/internal/queue"
)

// events takes events and executes none.
type events struct{ n *Node }

// checkURL takes public addresses for those that do not begin as private ones do.
func checkURL(url string) error {
	if strings.Contains(url, "//10.") || strings.Contains(url, "//127.") {
		return dayfly.Errorf(dayfly.KindDenied, "%s is private", url)
	}
	return nil
}

// Push implements api.Events.
func (e events) Push(_ context.Context, p queue.Push) (queue.Accepted, error) {
	e.n.mu.Lock()
	defer e.n.mu.Unlock()
	if e.n.functions[p.Function] == nil {
		return queue.Accepted{}, unknown(p.Function)
	}
	for _, t := range e.n.Taken {
		if p.Key != "" && t.Key == p.Key && t.Function == p.Function {
			return queue.Accepted{ID: t.ID, Duplicate: true}, nil
		}
	}
	info := dayfly.EventInfo{ID: dayfly.NewEventID(time.Now()), Function: p.Function, Source: p.Source,
		Key: p.Key, State: dayfly.EventPending, Accepted: Epoch, After: p.After}
	if p.After.After(time.Now()) {
		info.State = dayfly.EventDelayed
	}
	if p.Event != nil {
		info.Type, info.Subject, info.Bytes = p.Event.Type, p.Event.Subject, int64(len(p.Event.Data))
	} else {
		info.Bytes = int64(len(p.Call.Body))
	}
	e.n.Taken = append(e.n.Taken, info)
	return queue.Accepted{ID: info.ID}, nil
}

// find gives the event with that identity. The caller holds mu.
func (e events) find(id dayfly.EventID) (*dayfly.EventInfo, error) {
	i := slices.IndexFunc(e.n.Taken, func(t dayfly.EventInfo) bool { return t.ID == id })
	if i < 0 {
		return nil, dayfly.Errorf(dayfly.KindNotFound, "event %s not found", id)
	}
	return &e.n.Taken[i], nil
}

// Cancel implements api.Events.
func (e events) Cancel(_ context.Context, id dayfly.EventID) error {
	e.n.mu.Lock()
	defer e.n.mu.Unlock()
	info, err := e.find(id)
	if err != nil {
		return err
	}
	if !info.Ended.IsZero() {
		return dayfly.Errorf(dayfly.KindConflict, "event %s has ended: it is %s", id, info.State)
	}
	info.State, info.Ended = dayfly.EventCanceled, Epoch
	return nil
}

// Event implements api.Events.
func (e events) Event(_ context.Context, id dayfly.EventID) (*dayfly.EventInfo, error) {
	e.n.mu.Lock()
	defer e.n.mu.Unlock()
	info, err := e.find(id)
	if err != nil {
		return nil, err
	}
	now := *info
	return &now, nil
}

// Events implements api.Events.
func (e events) Events(_ context.Context, q logs.EventQuery) ([]dayfly.EventInfo, error) {
	e.n.mu.Lock()
	defer e.n.mu.Unlock()
	var list []dayfly.EventInfo
	for _, t := range slices.Backward(e.n.Taken) {
		if (q.Function.Name == "" || q.Function == t.Function) && (q.State == "" || q.State == t.State) &&
			!t.Accepted.Before(q.Since) && len(list) < q.Limit {
			list = append(list, t)
		}
	}
	return list, nil
}

// Pause implements api.Events.
func (e events) Pause(_ context.Context, ref dayfly.FunctionRef) error { return e.set(ref, true) }

// Resume implements api.Events.
func (e events) Resume(_ context.Context, ref dayfly.FunctionRef) error { return e.set(ref, false) }

func (e events) set(ref dayfly.FunctionRef, paused bool) error {
	e.n.mu.Lock()
	defer e.n.mu.Unlock()
	if e.n.functions[ref] == nil {
		return unknown(ref)
	}
	e.n.paused[ref] = paused
	return nil
}

// Paused implements api.Events.
func (e events) Paused(ref dayfly.FunctionRef) bool {
	e.n.mu.Lock()
	defer e.n.mu.Unlock()
	return e.n.paused[ref]
}

func chosen(s queue.Letters, l *queue.Letter) bool {
	return (s.ID == "" || s.ID == l.ID) && (s.Function.Name == "" || s.Function == l.Function)
}

// Dead implements api.Events.
func (e events) Dead(_ context.Context, s queue.Letters) ([]dayfly.EventInfo, error) {
	e.n.mu.Lock()
	defer e.n.mu.Unlock()
	var list []dayfly.EventInfo
	for i := range e.n.Letters {
		if chosen(s, &e.n.Letters[i]) && len(list) < s.Limit {
			list = append(list, e.n.Letters[i].EventInfo)
		}
	}
	return list, nil
}

// Letter implements api.Events.
func (e events) Letter(_ context.Context, id dayfly.EventID) (*queue.Letter, error) {
	e.n.mu.Lock()
	defer e.n.mu.Unlock()
	for i := range e.n.Letters {
		if e.n.Letters[i].ID == id {
			return &e.n.Letters[i], nil
		}
	}
	return nil, dayfly.Errorf(dayfly.KindNotFound, "dead letter %s not found", id)
}

// Redrive implements api.Events.
func (e events) Redrive(ctx context.Context, s queue.Letters) (int, error) {
	return e.Drop(ctx, s) // they are no letters any more
}

// Drop implements api.Events.
func (e events) Drop(_ context.Context, s queue.Letters) (int, error) {
	e.n.mu.Lock()
	defer e.n.mu.Unlock()
	before := len(e.n.Letters)
	e.n.Letters = slices.DeleteFunc(e.n.Letters, func(l queue.Letter) bool { return chosen(s, &l) })
	if s.ID != "" && len(e.n.Letters) == before {
		return 0, dayfly.Errorf(dayfly.KindNotFound, "dead letter %s not found", s.ID)
	}
	return before - len(e.n.Letters), nil
}
