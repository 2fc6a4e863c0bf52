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
}

// Limits bound the decision.
type Limits struct {
	Min, Max    int // instances; Min ≤ Max
	Concurrency int // calls at once in one instance, at least 1
	IdleTimeout time.Duration
}

// Decision is what to do now.
type Decision struct {
	Start  int
	Retire []int // indices into Observed.Idle
	Why    string
}

// Decide keeps the minimum, ends what has idled past the time-out, longest idle first,
// and never goes past the maximum. Calls that wait are the pool's own affair; their
// presence only keeps instances from being retired.
func Decide(now time.Time, o Observed, l Limits) Decision {
	have := len(o.Idle) + o.Busy + o.Starting
	if missing := l.Min - have; missing > 0 {
		return Decision{Start: missing, Why: fmt.Sprintf("%d of the minimum of %d are missing", missing, l.Min)}
	}
	order := make([]int, len(o.Idle))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return o.Idle[a].Compare(o.Idle[b]) })
	var retire []int
	for _, i := range order {
		spare := have - len(retire) - l.Min
		overMax := have-len(retire) > l.Max
		expired := now.Sub(o.Idle[i]) >= l.IdleTimeout && o.Waiting == 0
		if spare <= 0 || !overMax && !expired {
			break
		}
		retire = append(retire, i)
	}
	if len(retire) == 0 {
		return Decision{}
	}
	return Decision{Retire: retire, Why: fmt.Sprintf("%d idled for %s or exceed the maximum of %d",
		len(retire), l.IdleTimeout, l.Max)}
}

// Wait is how long a call at that place in the line (1 is its head) waits for a
// release, when instances are all busy and each serves concurrency calls at once: a
// release is due every service/(instances × concurrency). Without instances, or when
// the service time is not known, nothing can be expected, and Wait is 0.
func Wait(position, instances, concurrency int, service time.Duration) time.Duration {
	slots := instances * max(1, concurrency)
	if position <= 0 || slots <= 0 || service <= 0 {
		return 0
	}
	wait := float64(position) * float64(service) / float64(slots)
	if wait > math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(wait)
}
