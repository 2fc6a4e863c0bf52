// SPDX-License-Identifier: Apache-2.0

package scale_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly/internal/scale"
)

const ms = time.Millisecond

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// idle makes times of last use so long before start.
func idle(ages ...time.Duration) []time.Time {
	var out []time.Time
	for _, a := range ages {
		out = append(out, start.Add(-a))
	}
	return out
}

func TestDecide(t *testing.T) {
	t.Parallel()
	wide := scale.Limits{Max: 100, Concurrency: 1, IdleTimeout: time.Minute}
	with := func(change func(*scale.Limits)) scale.Limits {
		l := wide
		change(&l)
		return l
	}
	for name, c := range map[string]struct {
		o      scale.Observed
		l      scale.Limits
		start  int
		retire []int
		why    string
	}{
		"nothing to do": {scale.Observed{Gate: 4}, wide, 0, nil, ""},
		"first call starts an instance": {
			scale.Observed{Waiting: 1, Gate: 4}, wide, 1, nil, "1 waiting",
		},
		"burst starts one each": {
			scale.Observed{Waiting: 10, Gate: 100, StartTime: 2 * ms, ServiceTime: 100 * ms},
			wide, 10, nil, "10 waiting",
		},
		"gate bounds a burst": {
			scale.Observed{Waiting: 10, Gate: 4}, wide, 4, nil, "the node starts 4",
		},
		"closed gate starts none, and says so": {
			scale.Observed{Waiting: 1}, wide, 0, nil, "the node starts 0 more now",
		},
		"maximum bounds a burst": {
			scale.Observed{Waiting: 10, Busy: 98, Gate: 9}, wide, 2, nil, "the maximum is 100",
		},
		"starting instances count": {
			scale.Observed{Waiting: 10, Starting: 10, Gate: 9}, wide, 0, nil, "10 starting",
		},
		"idle instances count": {
			scale.Observed{Waiting: 1, Idle: idle(time.Hour), Gate: 9}, wide, 0, nil, "1 idle",
		},
		"short call is waited for": {
			scale.Observed{Waiting: 1, Busy: 1, ServiceTime: ms, StartTime: 2 * ms, Gate: 9}, wide,
			0, nil, "a release is expected in 500µs, a start takes 2ms",
		},
		"long call is not waited for": {
			scale.Observed{Waiting: 1, Busy: 1, ServiceTime: 100 * ms, StartTime: 2 * ms, Gate: 9},
			wide,
			1, nil, "1 waiting",
		},
		"long line of short calls": { // one is released each ms: five before a start is done
			scale.Observed{Waiting: 8, Busy: 1, ServiceTime: ms, StartTime: 5 * ms, Gate: 9}, wide,
			3, nil, "want 3",
		},
		"many busy ones release often": { // of 9, a tenth of a call apart
			scale.Observed{Waiting: 3, Busy: 9, ServiceTime: 10 * ms, StartTime: 3 * ms, Gate: 9},
			wide,
			0, nil, "a release",
		},
		"unknown service time starts": {
			scale.Observed{Waiting: 1, Busy: 1, StartTime: time.Second, Gate: 9},
			wide, 1, nil, "1 waiting",
		},
		"concurrency shares an instance": {
			scale.Observed{Waiting: 25, Gate: 9},
			with(func(l *scale.Limits) { l.Concurrency = 10 }), 3, nil, "25 waiting",
		},
		"minimum is kept": {
			scale.Observed{Busy: 1},
			with(func(l *scale.Limits) { l.Min = 3 }), 2, nil, "the minimum of 3",
		},
		"demand beyond the minimum": {
			scale.Observed{Waiting: 5, Gate: 9},
			with(func(l *scale.Limits) { l.Min = 3 }), 5, nil, "5 waiting",
		},
		"idle ones retire, oldest first": {
			scale.Observed{Idle: idle(30*time.Second, time.Hour, 2*time.Hour)},
			wide, 0, []int{2, 1}, "idle for 1m0s",
		},
		"idle exactly as long retires": {
			scale.Observed{Idle: idle(time.Minute)}, wide, 0, []int{0}, "idle",
		},
		"minimum does not retire": {
			scale.Observed{Idle: idle(time.Hour, 2*time.Hour, 3*time.Hour)},
			with(func(l *scale.Limits) { l.Min = 2 }), 0, []int{2}, "idle",
		},
		"busy ones count for the minimum, starting ones do not": {
			scale.Observed{Idle: idle(time.Hour, 2*time.Hour), Busy: 1, Starting: 5},
			with(func(l *scale.Limits) { l.Min = 2 }), 0, []int{1}, "idle",
		},
		"lowered maximum retires the young": {
			scale.Observed{Idle: idle(ms, 2*ms, 3*ms), Busy: 1},
			with(func(l *scale.Limits) { l.Max = 2 }), 0, []int{2, 1}, "the maximum of 2",
		},
		"maximum of none retires all": {
			scale.Observed{Idle: idle(ms, 2*ms)},
			with(func(l *scale.Limits) { l.Max, l.Min = 0, 1 }), 0, []int{1, 0}, "the maximum of 0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := scale.Decide(start, c.o, c.l)
			told := strings.Contains(got.Why, c.why) && (c.why == "") == (got.Why == "")
			if got.Start != c.start || !cmp.Equal(got.Retire, c.retire) || !told {
				t.Errorf("Decide(%+v, %+v) = %+v; want start %d, retire %v, because %q",
					c.o, c.l, got, c.start, c.retire, c.why)
			}
		})
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		position, instances, concurrency int
		service, want                    time.Duration
	}{
		"not in line":              {0, 1, 1, 100 * ms, 0},
		"calls that take no time":  {5, 1, 1, 0, 0},
		"no instance":              {1, 0, 1, ms, 0},
		"head of one":              {1, 1, 1, 100 * ms, 50 * ms},
		"second of one":            {2, 1, 1, 100 * ms, 150 * ms},
		"head of three":            {1, 3, 1, 100 * ms, 25 * ms},
		"third of three":           {3, 3, 1, 100 * ms, 75 * ms},
		"fourth of three":          {4, 3, 1, 100 * ms, 125 * ms},
		"concurrency is instances": {4, 1, 3, 100 * ms, 125 * ms},
		"concurrency unset":        {1, 1, 0, 100 * ms, 50 * ms},
		"hours upon hours":         {1 << 40, 1, 1, 24 * time.Hour, math.MaxInt64},
	} {
		got := scale.Wait(c.position, c.instances, c.concurrency, c.service)
		if got != c.want {
			t.Errorf("%s: Wait(%d, %d, %d, %s) = %s, want %s", name,
				c.position, c.instances, c.concurrency, c.service, got, c.want)
		}
	}
}

// FuzzDecide holds the promises of the package's doc against any input.
func FuzzDecide(f *testing.F) {
	f.Add([]byte{1, 2, 3}, 1, 0, 5, int64(ms), int64(2*ms), 4, 0, 10, 1, int64(time.Second))
	f.Add([]byte{}, 0, 0, 1, int64(0), int64(0), 0, 1, 0, 0, int64(0))
	f.Add([]byte{9}, 1<<40, 7, 1<<40, int64(1), int64(1<<60), 1<<40, 3, 1<<40, 1<<40, int64(-1))
	f.Fuzz(func(t *testing.T, ages []byte, busy, starting, waiting int, service, boot int64,
		gate, least, most, concurrency int, timeout int64,
	) {
		busy, starting, waiting = positive(busy), positive(starting), positive(waiting)
		o := scale.Observed{
			Busy: busy, Starting: starting, Waiting: waiting, Gate: gate,
			ServiceTime: time.Duration(service), StartTime: time.Duration(boot),
		}
		for _, a := range ages {
			o.Idle = append(o.Idle, start.Add(-time.Duration(a)*time.Second))
		}
		l := scale.Limits{
			Min: positive(least), Max: positive(most), Concurrency: concurrency,
			IdleTimeout: time.Duration(timeout),
		}
		d := scale.Decide(start, o, l)
		live := len(o.Idle) + busy + starting
		switch {
		case d.Start < 0, d.Start > 0 && live+d.Start > l.Max:
			t.Errorf("start %d beside %d leads past %d", d.Start, live, l.Max)
		case d.Start > max(gate, min(l.Min, l.Max)-live, 0):
			t.Errorf("start %d through a gate of %d, with %d of %d", d.Start, gate, live, l.Min)
		case waiting > 0 && len(d.Retire) > 0 && live <= l.Max:
			t.Errorf("retire %v while %d wait", d.Retire, waiting)
		case d.Start > 0 && len(d.Retire) > 0:
			t.Errorf("start %d and retire %v at once", d.Start, d.Retire)
		case len(d.Retire) > 0 && live-starting-len(d.Retire) < min(l.Min, l.Max):
			t.Errorf("retire %v of %d leaves less than %d", d.Retire, live-starting, l.Min)
		case (d.Start > 0 || len(d.Retire) > 0) && d.Why == "":
			t.Errorf("%+v has no reason", d)
		}
		checkRetired(t, o, l, d.Retire)
	})
}

// checkRetired holds that each is named once, and none while an older one stays or
// while it is neither too old nor too many.
func checkRetired(t *testing.T, o scale.Observed, l scale.Limits, retired []int) {
	t.Helper()
	seen := map[int]bool{}
	excess := len(o.Idle) + o.Busy + o.Starting - l.Max
	for n, i := range retired {
		if i < 0 || i >= len(o.Idle) || seen[i] {
			t.Fatalf("retire %v of %d", retired, len(o.Idle))
		}
		seen[i] = true
		if n >= excess && start.Sub(o.Idle[i]) < l.IdleTimeout {
			t.Errorf("retire %d, idle for %s only", i, start.Sub(o.Idle[i]))
		}
	}
	for i := range o.Idle {
		for j := range seen {
			if !seen[i] && o.Idle[i].Before(o.Idle[j]) {
				t.Errorf("%d stays though it is older than %d", i, j)
			}
		}
	}
}

// FuzzWait holds that standing further back never means a shorter wait, and more
// instances never a longer one.
func FuzzWait(f *testing.F) {
	f.Add(1, 1, 1, int64(ms))
	f.Add(1<<40, 1<<20, 1000, int64(time.Hour))
	f.Fuzz(func(t *testing.T, position, instances, concurrency int, service int64) {
		position, instances = positive(position), positive(instances)
		s := time.Duration(service)
		at := scale.Wait(position, instances, concurrency, s)
		if at < 0 {
			t.Fatalf("wait is %s", at)
		}
		if behind := scale.Wait(position+1, instances, concurrency, s); behind < at {
			t.Errorf("position %d waits %s, the next %s", position, at, behind)
		}
		if more := scale.Wait(position, instances+1, concurrency, s); instances > 0 && more > at {
			t.Errorf("%d instances mean %s, one more %s", instances, at, more)
		}
	})
}

// positive folds a number into 0 … 2^31.
func positive(n int) int { return int(uint(n) % (1 << 31)) }

func BenchmarkDecideWaiting(b *testing.B) {
	o := scale.Observed{Busy: 4, Waiting: 1, ServiceTime: 100 * ms, StartTime: 2 * ms, Gate: 4}
	l := scale.Limits{Max: 100, Concurrency: 1, IdleTimeout: time.Minute}
	for b.Loop() {
		scale.Decide(start, o, l)
	}
}
