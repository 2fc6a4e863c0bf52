// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dayfly-faas/dayfly/bench/caller"
)

// openConnsMax bounds the connections of the open loop: more than any queue of the
// platform takes in, so that what is refused is refused by it and not by us.
const openConnsMax = 6000

// once makes one call on a connection of its own and gives how long it took, the
// connection included.
func once(rawURL string) (caller.Answer, time.Duration, error) {
	to, err := caller.NewTarget(rawURL)
	if err != nil {
		return caller.Answer{}, 0, err
	}
	began := time.Now()
	c, err := caller.Dial(to)
	if err != nil {
		return caller.Answer{}, 0, err
	}
	defer c.Conn.Close()
	a, err := c.Call()
	took := time.Since(began)
	if err == nil && a.Status != 200 {
		err = fmt.Errorf("%s answered %d", rawURL, a.Status)
	}
	return a, took, err
}

// tally is what a load saw.
type tally struct {
	mu      sync.Mutex // guards all below, when loops add to it
	ok      []time.Duration
	added   []time.Duration // time beyond the handler's own clock
	refused []time.Duration // answered 429
	other   map[int]int     // other statuses
	failed  int             // connections that broke
	unsent  int64           // calls that found every connection of ours busy
	err     error           // the first reason
	took    time.Duration   // the load lasted
	drained time.Duration   // until the last answer
}

func newTally() *tally { return &tally{other: map[int]int{}} }

// perSecond gives the rate of good answers.
func (t *tally) perSecond() float64 { return float64(len(t.ok)) / t.took.Seconds() }

// goodput gives the rate of good answers until the last one, those from a queue that
// outlived the load included.
func (t *tally) goodput() float64 { return float64(len(t.ok)) / t.drained.Seconds() }

// clean reports anything but good answers.
func (t *tally) clean() error {
	if t.failed > 0 || len(t.refused) > 0 || len(t.other) > 0 {
		return fmt.Errorf("of %d calls %d were refused, %d broke (%v), other statuses %v",
			len(t.ok), len(t.refused), t.failed, t.err, t.other)
	}
	return nil
}

func (t *tally) note(a caller.Answer, took time.Duration, err error) {
	switch {
	case err != nil:
		t.failed++
		if t.err == nil {
			t.err = err
		}
	case a.Status == 200 || a.Status == 202:
		t.ok = append(t.ok, took)
		t.added = append(t.added, took-time.Duration(a.Micros)*time.Microsecond)
	case a.Status == 429:
		t.refused = append(t.refused, took)
	default:
		t.other[a.Status]++
	}
}

func (t *tally) merge(o *tally) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ok = append(t.ok, o.ok...)
	t.added = append(t.added, o.added...)
	t.refused = append(t.refused, o.refused...)
	t.failed += o.failed
	if t.err == nil {
		t.err = o.err
	}
	for status, n := range o.other {
		t.other[status] += n
	}
}

// closedLoop keeps conns calls on their way for a time: each connection calls again
// as soon as it has its answer.
func closedLoop(ctx context.Context, to caller.Target, conns int, d time.Duration) *tally {
	all := newTally()
	began := time.Now()
	end := began.Add(d)
	var loops sync.WaitGroup
	for range conns {
		loops.Go(func() {
			mine := newTally()
			defer all.merge(mine)
			var c *caller.Conn
			for ctx.Err() == nil && time.Now().Before(end) {
				started := time.Now()
				a, err := callOn(&c, to)
				mine.note(a, time.Since(started), err)
			}
			if c != nil {
				c.Conn.Close()
			}
		})
	}
	loops.Wait()
	all.took = time.Since(began)
	return all
}

// callOn makes a call on *c, opening it when needed and closing it when spent.
func callOn(c **caller.Conn, to caller.Target) (caller.Answer, error) {
	if *c == nil {
		fresh, err := caller.Dial(to)
		if err != nil {
			return caller.Answer{}, err
		}
		*c = fresh
	}
	a, err := (*c).Call()
	if err != nil || (*c).Spent {
		(*c).Conn.Close()
		*c = nil
	}
	return a, err
}

// openLoop offers rate calls a second for a time, whether answers come or not. It
// measures a served call from the moment it was due, so that a stall is seen in full,
// and a refused one from when it was sent: the promise is about the platform's word.
func openLoop(ctx context.Context, to caller.Target, rate float64, d time.Duration) *tally {
	all := newTally()
	due := make(chan time.Time)
	var callers sync.WaitGroup
	var lost atomic.Int64
	for range openConnsMax {
		callers.Go(func() {
			mine := newTally()
			defer all.merge(mine)
			var c *caller.Conn
			for at := range due {
				sent := time.Now()
				a, err := callOn(&c, to)
				if a.Status == 429 {
					at = sent
				}
				mine.note(a, time.Since(at), err)
			}
			if c != nil {
				c.Conn.Close()
			}
		})
	}
	began := time.Now()
	gap := time.Duration(float64(time.Second) / rate)
	for at := began; at.Before(began.Add(d)) && ctx.Err() == nil; at = at.Add(gap) {
		time.Sleep(time.Until(at))
		select {
		case due <- at:
		default:
			lost.Add(1)
		}
	}
	all.took = time.Since(began)
	close(due)
	callers.Wait()
	all.drained = time.Since(began)
	all.unsent = lost.Load()
	return all
}
