// SPDX-License-Identifier: Apache-2.0

package clock

import (
	"context"
	"slices"
	"time"
)

// Alarm wakes one owner, at one time after the other.
type Alarm struct {
	clock  *Clock
	rings  chan Ring
	busy   chan struct{} // held while it rings, until Done
	closed chan struct{}

	// The clock's mu guards these.
	at    time.Time // when it rings; zero: not set
	timer *time.Timer
}

// Ring tells the owner of an alarm that its time has come.
type Ring struct {
	At time.Time // the time that it is
	// Jump says that Advance got here: no time has passed since the last ring.
	Jump bool
	// Begin says that Advance is about to begin, whether the alarm is set or not: its owner
	// sees to it that the alarm is set for all that it knows of by now.
	Begin bool
	done  chan int
}

// Done tells the clock that what was to be done is done, and how many things were fired. It
// must be called once for each ring, after the alarm was set again.
func (r Ring) Done(fired int) { r.done <- fired }

// Alarm makes an alarm, which is not set. Its owner must receive from C until it
// calls Close.
func (c *Clock) Alarm() *Alarm {
	a := &Alarm{clock: c, rings: make(chan Ring), busy: make(chan struct{}, 1),
		closed: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alarms = append(c.alarms, a)
	return a
}

// C is where the alarm rings.
func (a *Alarm) C() <-chan Ring { return a.rings }

// Set makes it ring at that time, at once if that is past, and at no other. The zero time
// makes it silent.
func (a *Alarm) Set(at time.Time) {
	a.clock.mu.Lock()
	defer a.clock.mu.Unlock()
	a.at = at.Round(0)
	a.arm()
}

// Close takes the alarm away; it does not ring any more.
func (a *Alarm) Close() {
	a.clock.mu.Lock()
	defer a.clock.mu.Unlock()
	a.at = time.Time{}
	a.arm()
	a.clock.alarms = slices.DeleteFunc(a.clock.alarms, func(other *Alarm) bool { return other == a })
	close(a.closed)
}

// arm starts or stops the timer. The caller holds the clock's mu.
func (a *Alarm) arm() {
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
	if a.at.IsZero() || !a.clock.frozen.IsZero() {
		return
	}
	a.timer = time.AfterFunc(min(a.at.Sub(a.clock.now()), lookPeriod), a.look)
}

// look rings if the time has come. It runs in a goroutine of the timer, which ends with
// the owner's Done or Close.
func (a *Alarm) look() {
	select {
	case a.busy <- struct{}{}:
	default:
		return // it rings already, and is set again after that
	}
	a.clock.mu.Lock()
	now := a.clock.now()
	due := !a.at.IsZero() && !a.at.After(now) && a.clock.frozen.IsZero()
	if due {
		a.at = time.Time{}
	} else {
		a.arm()
	}
	a.clock.mu.Unlock()
	if due {
		a.deliver(context.Background(), Ring{At: now})
	}
	<-a.busy
	a.again()
}

// again arms the timer for a time that was set while the alarm rang, and that it may have
// let pass because of that.
func (a *Alarm) again() {
	a.clock.mu.Lock()
	defer a.clock.mu.Unlock()
	a.arm()
}

// ring rings for Advance.
func (a *Alarm) ring(ctx context.Context, r Ring) (int, error) {
	select {
	case a.busy <- struct{}{}:
		defer func() { <-a.busy }()
	case <-ctx.Done():
		return 0, stopped(ctx)
	}
	n := a.deliver(ctx, r)
	if ctx.Err() != nil {
		return n, stopped(ctx)
	}
	return n, nil
}

// deliver hands the ring to the owner and waits until it is through.
func (a *Alarm) deliver(ctx context.Context, r Ring) int {
	r.done = make(chan int, 1)
	select {
	case a.rings <- r:
	case <-a.closed:
		return 0
	case <-ctx.Done():
		a.clock.mu.Lock()
		defer a.clock.mu.Unlock()
		if a.at.IsZero() && !r.Begin {
			a.at = r.At // nobody heard it
		}
		return 0
	}
	select {
	case n := <-r.done:
		return n
	case <-a.closed:
		return 0
	}
}
