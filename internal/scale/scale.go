// SPDX-License-Identifier: Apache-2.0

package scale

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Observed is the state of one revision on one node.
type Observed struct {
	Idle        []time.Time   // when each idle instance was last used, in any order
	Busy        int           // instances with at least one call
	Starting    int           // instances on their way
	Waiting     int           // calls in line
	ServiceTime time.Duration // mean time of a call on an instance; 0 when not known
	StartTime   time.Duration // mean time of a cold start; 0 when not known
	// Gate is how many instances the node lets calls in line start at this moment,
	// so that a burst of cold starts does not starve warm calls. At 0 the line only
	// keeps instances from being retired. The minimum is not subject to it.
	Gate int
}

// Limits bound the decision.
type Limits struct {
	Min, Max    int           // instances; Max wins over Min
	Concurrency int           // calls at once in one instance; below 1 means 1
	IdleTimeout time.Duration // an instance idle for so long is retired
}

// Decision is what to do now; its zero value is nothing.
type Decision struct {
	Start  int
	Retire []int  // indices into Observed.Idle, longest idle first
	Why    string // the reason in words; also why nothing is done while calls wait
}

// Decide says what to do about o at the time now.
//
// A waiting call gets a new instance when it would wait longer than one takes to
// start; shorter waits are left to the instances that are busy. What starting and
// idle instances will take is counted first. While a time is not known, starting is
// taken to be the shorter way.
func Decide(now time.Time, o Observed, l Limits) Decision {
	l.Concurrency = max(l.Concurrency, 1)
	live := len(o.Idle) + o.Busy + o.Starting
	below := max(min(l.Min, l.Max)-live, 0)
	unserved := max(o.Waiting-times(len(o.Idle)+o.Starting, l.Concurrency), 0)
	patient := absorbed(unserved, o, l)
	wanted := ceilDiv(unserved-patient, l.Concurrency)
	start := max(below, min(wanted, o.Gate, l.Max-live))
	switch {
	case start > 0 || wanted > 0 || below > 0:
		return Decision{Start: start, Why: whyStart(o, l, below, wanted, start)}
	case unserved > 0:
		first := Wait(1, o.Busy, l.Concurrency, o.ServiceTime)
		return Decision{Why: fmt.Sprintf("a release is expected in %s, a start takes %s",
			round(first), round(o.StartTime))}
	case o.Waiting > 0:
		return Decision{Why: fmt.Sprintf("%d starting and %d idle instances take %d waiting calls",
			o.Starting, len(o.Idle), o.Waiting)}
	}
	return retire(now, o, l)
}

// absorbed is how many of the waiting calls the busy instances take before a new one
// could.
func absorbed(waiting int, o Observed, l Limits) int {
	if o.Busy <= 0 || o.ServiceTime <= 0 || o.StartTime <= 0 {
		return 0
	}
	slots := times(o.Busy, l.Concurrency)
	rounds := o.StartTime / o.ServiceTime
	if rounds >= time.Duration(waiting) {
		return waiting
	}
	rest := float64(o.StartTime%o.ServiceTime) * float64(slots+1) / float64(o.ServiceTime)
	return min(waiting, times(int(rounds), slots)+int(min(rest, float64(slots))))
}

func whyStart(o Observed, l Limits, below, wanted, start int) string {
	var why string
	if wanted > 0 {
		why = fmt.Sprintf("%d waiting calls want %d more instances", o.Waiting, wanted)
	} else {
		why = fmt.Sprintf("%d more instances are needed for the minimum of %d", below, l.Min)
	}
	switch live := len(o.Idle) + o.Busy + o.Starting; {
	case start >= max(below, wanted):
		return why
	case start >= l.Max-live:
		return fmt.Sprintf("%s, the maximum is %d", why, l.Max)
	}
	return fmt.Sprintf("%s, the node starts %d more now", why, start)
}

// retire picks idle instances that had their time, and those past the maximum.
func retire(now time.Time, o Observed, l Limits) Decision {
	order := make([]int, len(o.Idle))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return o.Idle[a].Compare(o.Idle[b]) })
	ready := len(o.Idle) + o.Busy
	excess := ready + o.Starting - l.Max
	spare := ready - min(l.Min, l.Max)
	n := 0
	for n < len(order) && n < spare {
		old := now.Sub(o.Idle[order[n]]) >= l.IdleTimeout
		if !old && n >= excess {
			break
		}
		n++
	}
	if n == 0 {
		return Decision{}
	}
	why := fmt.Sprintf("idle for %s or more", l.IdleTimeout)
	if n <= excess {
		why = fmt.Sprintf("more than the maximum of %d", l.Max)
	}
	return Decision{Retire: order[:n], Why: why}
}

// Wait is how long a call can expect to wait for a release when it is the
// position-th in line (the head is 1) of so many instances, each of which takes
// concurrency calls of length service at once. With n calls under way, each at a
// random point of its own, the k-th release is expected after k/(n+1) of a call; then
// the line goes on in rounds of n. Without instances, or when the service time is not
// known, nothing can be expected and Wait is 0.
func Wait(position, instances, concurrency int, service time.Duration) time.Duration {
	if position <= 0 || instances <= 0 || service <= 0 {
		return 0
	}
	slots := times(instances, max(concurrency, 1))
	rounds, place := (position-1)/slots, (position-1)%slots+1
	wait := float64(service) * (float64(rounds) + float64(place)/float64(slots+1))
	if wait >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(wait)
}

// countMax is more of anything than a node has; products stop there.
const countMax = math.MaxInt32

// times multiplies counts without overflow.
func times(a, b int) int {
	a, b = max(a, 0), max(b, 0)
	if b != 0 && a > countMax/b {
		return countMax
	}
	return a * b
}

func ceilDiv(a, b int) int {
	if a <= 0 {
		return 0
	}
	return (a-1)/b + 1
}

// round leaves a span as exact as a reader wants it.
func round(d time.Duration) time.Duration {
	if d >= 10*time.Millisecond {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}
