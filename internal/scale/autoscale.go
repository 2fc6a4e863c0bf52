// SPDX-License-Identifier: Apache-2.0

package scale

import (
	"math"
	"time"
)

// The windows and bounds are those of Knative's pod autoscaler by default, so that it
// can stand for it; the target is in calls at once in one instance or node.
const (
	// AutoscaleTick is the time between two looks.
	AutoscaleTick = 2 * time.Second
	stableTicks   = 30 // a minute
	panicTicks    = 3  // a tenth of it
	panicRatio    = 2.0
	riseMost      = 1000.0
	fallMost      = 2.0
	graceTicks    = 15 // half a minute of nothing before zero
)

// Autoscaler finds how many of something a mean concurrency needs: nodes for a
// function, or instances as Knative has them. It takes about 150 bytes. The zero value
// has seen nothing.
type Autoscaler struct {
	ring   [stableTicks]float32
	pos    uint8
	seen   uint8
	quiet  uint8 // ticks since anything was wanted
	calm   uint8 // ticks since panic had a reason
	panics bool
	want   int32
	high   int32 // most that was wanted in this panic
}

// Tick takes the mean concurrency since the last tick and what is ready, and gives how
// many are wanted when each takes target at once.
func (a *Autoscaler) Tick(concurrency float64, ready int, target float64) int {
	a.ring[a.pos] = float32(max(concurrency, 0))
	a.pos = (a.pos + 1) % stableTicks
	a.seen = min(a.seen+1, stableTicks)
	stable, short := a.mean(stableTicks), a.mean(panicTicks)
	target = max(target, 0.01)
	base := float64(max(ready, 1))
	low, high := math.Floor(float64(ready)/fallMost), math.Ceil(base*riseMost)
	want := min(max(math.Ceil(stable/target), low), high)
	rush := min(max(math.Ceil(short/target), low), high)
	a.alarm(rush/base >= panicRatio)
	if a.panics {
		a.high = max(a.high, int32(rush), int32(want), int32(min(ready, countMax)))
		want = float64(a.high)
	}
	a.want = int32(min(want, countMax))
	return a.grace(stable)
}

// alarm begins a panic, and ends it once it had no reason for a minute.
func (a *Autoscaler) alarm(reason bool) {
	switch {
	case reason:
		a.panics, a.calm = true, 0
	case a.panics:
		if a.calm++; a.calm >= stableTicks {
			a.panics, a.high, a.calm = false, 0, 0
		}
	}
}

// grace keeps the last one for a while after nothing was called for a whole window.
func (a *Autoscaler) grace(stable float64) int {
	if stable > 0 {
		a.quiet = 0
		return int(max(a.want, 1))
	}
	if a.quiet++; a.quiet < graceTicks {
		return int(max(a.want, 1))
	}
	a.quiet = graceTicks
	return 0
}

// Quiet says whether nothing is left that the next ticks could see.
func (a *Autoscaler) Quiet() bool { return a.quiet >= graceTicks }

func (a *Autoscaler) mean(ticks int) float64 {
	n := min(ticks, int(a.seen))
	sum := 0.0
	for i := range n {
		sum += float64(a.ring[(int(a.pos)-1-i+2*stableTicks)%stableTicks])
	}
	return sum / float64(max(n, 1))
}
