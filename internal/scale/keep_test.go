// SPDX-License-Identifier: Apache-2.0

package scale_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/dayfly-faas/dayfly/internal/scale"
)

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// taught gives a history of gaps that follow one another.
func taught(gaps ...time.Duration) *scale.History {
	h, now := &scale.History{}, monday
	for _, gap := range gaps {
		now = now.Add(gap)
		h.Add(now, gap)
	}
	return h
}

func repeated(n int, gap time.Duration) []time.Duration {
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = gap
	}
	return out
}

var ordinary = scale.Subject{Cold: 200 * time.Millisecond, MemoryBytes: 128 << 20}

func TestHistoryIsSmall(t *testing.T) {
	t.Parallel()
	if size := unsafe.Sizeof(scale.History{}); size > 600 {
		t.Errorf("a history takes %d bytes", size)
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gaps       []time.Duration
		reason     scale.Reason
		warm, cold []time.Duration
	}{
		"nothing known: kept as long as a cold start is worth": {nil, scale.ReasonUnknown,
			[]time.Duration{0, 20 * time.Minute}, []time.Duration{26 * time.Minute}},
		"often: kept past the gaps and no longer": {repeated(50, 30*time.Second), scale.ReasonLearned,
			[]time.Duration{0, 30 * time.Second}, []time.Duration{5 * time.Minute}},
		"hourly: let go and started ahead of time": {repeated(50, time.Hour), scale.ReasonLearned,
			[]time.Duration{time.Second, time.Hour}, []time.Duration{10 * time.Minute, 2 * time.Hour}},
		"every second day, on the minute: started ahead of time": {repeated(9, 48*time.Hour),
			scale.ReasonRegular, []time.Duration{48 * time.Hour}, []time.Duration{time.Hour, 50 * time.Hour}},
		"rare and irregular: let go": {[]time.Duration{30 * time.Hour, 90 * time.Hour, 50 * time.Hour,
			200 * time.Hour, 27 * time.Hour, 140 * time.Hour}, scale.ReasonRare,
			[]time.Duration{time.Second}, []time.Duration{time.Minute, 60 * time.Hour}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := scale.NewPlan(taught(c.gaps...), ordinary, scale.Trade{})
			if p.Reason != c.reason {
				t.Errorf("reason %d, want %d: %s", p.Reason, c.reason, p.Why())
			}
			for _, gap := range c.warm {
				if !p.Warm(gap) {
					t.Errorf("cold after %s: %+v", gap, p)
				}
			}
			for _, gap := range c.cold {
				if p.Warm(gap) {
					t.Errorf("warm after %s: %+v", gap, p)
				}
			}
		})
	}
}

func TestDearAndSmallIsKeptLonger(t *testing.T) {
	t.Parallel()
	h := &scale.History{}
	keep := func(s scale.Subject) time.Duration { return scale.NewPlan(h, s, scale.Trade{}).Keep }
	dear, large := ordinary, ordinary
	dear.Cold, large.MemoryBytes = 2*time.Second, 1<<30
	if keep(dear) <= keep(ordinary) || keep(large) >= keep(ordinary) {
		t.Errorf("dear %s, ordinary %s, large %s", keep(dear), keep(ordinary), keep(large))
	}
}

func TestPlansAreAlwaysPossible(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		h, now := &scale.History{}, monday
		limit := time.Duration(1) << (20 + r.IntN(35))
		for range r.IntN(60) {
			gap := time.Duration(r.Int64N(int64(limit)))
			now = now.Add(gap)
			h.Add(now, gap)
		}
		s := scale.Subject{Cold: time.Duration(r.Int64N(int64(time.Minute))), MemoryBytes: r.Int64N(8 << 30)}
		p := scale.NewPlan(h, s, scale.Trade{Hold: time.Duration(r.Int64N(int64(3 * time.Hour)))})
		if p != scale.NewPlan(h, s, scale.Trade{Hold: 0}) && p.Worth < 0 || p.Keep < 0 || p.Extra < 0 {
			t.Fatalf("negative: %+v", p)
		}
		if p.Until > 0 && (p.Prewarm <= p.Keep || p.Until <= p.Prewarm) {
			t.Fatalf("spans out of order: %+v", p)
		}
		if p.Covers < -1e-9 || p.Covers > 1+1e-9 {
			t.Fatalf("covers %f", p.Covers)
		}
		for at, n := time.Duration(0), 0; ; n++ {
			next, ok := p.Next(at)
			if !ok {
				break
			}
			if next <= at || n > 4 || p.Warm(next) == p.Warm(at) {
				t.Fatalf("at %s next is %s: %+v", at, next, p)
			}
			at = next
		}
		if c := scale.WhatIf(h, p, s); c.Cold > c.Calls+1e-6 || c.IdleSeconds < 0 || c.ColdTime < 0 {
			t.Fatalf("impossible cost %+v", c)
		}
	}
}

func TestHistoryForgets(t *testing.T) {
	t.Parallel()
	h := taught(repeated(200, time.Minute)...)
	before := h.Gaps()
	h.Add(monday.Add(30*24*time.Hour), time.Hour)
	if h.Gaps() >= before/3 {
		t.Errorf("%.1f gaps of %.1f are left after a month", h.Gaps(), before)
	}
}

func TestVerdictAwaitsKnownCalls(t *testing.T) {
	t.Parallel()
	s := ordinary
	s.Next, s.KnownOnly = monday.Add(time.Hour), true
	p := scale.NewPlan(&scale.History{}, s, scale.Trade{})
	at := func(d time.Duration) scale.Verdict { return p.Verdict(monday.Add(d), monday, s) }
	if v := at(time.Minute); v.Warm || !v.Change.Equal(s.Next.Add(-250*time.Millisecond)) {
		t.Errorf("a minute later: %+v", v)
	}
	v := at(time.Hour - 200*time.Millisecond)
	if !v.Warm || !strings.Contains(v.Why(), "due at 2026-03-02T01:00:00Z") {
		t.Errorf("just before: %+v %s", v, v.Why())
	}
	if v := at(time.Hour + time.Minute); v.Warm {
		t.Errorf("a minute past a call that did not come: %+v", v)
	}
	s.Next = monday.Add(time.Minute)
	if v := at(30 * time.Second); !v.Warm {
		t.Errorf("calls each minute: it is started again each time: %+v", v)
	}
}

func TestWhy(t *testing.T) {
	t.Parallel()
	for want, gaps := range map[string][]time.Duration{
		"too few of its calls are known (0): it is kept for 25m": nil,
		"(50 remembered) 100 % end in the first 50s":             repeated(50, 30*time.Second),
		"started 47h59m after a call":                            repeated(9, 48*time.Hour),
	} {
		p := scale.NewPlan(taught(gaps...), ordinary, scale.Trade{})
		if got := p.Verdict(monday, monday, ordinary).Why(); !strings.Contains(got, want) {
			t.Errorf("got %q, want it to hold %q", got, want)
		}
	}
}

func TestWhatIfAgreesWithReplay(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	h, now := &scale.History{}, monday
	calls := []scale.Call{{At: now, Took: 0}}
	for range 400 {
		gap := time.Duration(r.ExpFloat64() * float64(3*time.Minute))
		now = now.Add(gap)
		h.Add(now, gap)
		calls = append(calls, scale.Call{At: now})
	}
	for _, keep := range []time.Duration{time.Minute, 5 * time.Minute, 20 * time.Minute} {
		told := scale.WhatIf(h, scale.Fixed(keep), ordinary)
		exact := scale.Replay(calls, ordinary, func(*scale.History) scale.Plan { return scale.Fixed(keep) })
		if d := told.Cold - (exact.Cold - 1); d > 10 || d < -10 { // a replay's first call is cold
			t.Errorf("%s: %.1f cold as bins tell, %.0f as replayed", keep, told.Cold, exact.Cold)
		}
		if q := told.IdleSeconds / exact.IdleSeconds; q < 0.9 || q > 1.1 {
			t.Errorf("%s: idle %.0f s as bins tell, %.0f as replayed", keep, told.IdleSeconds, exact.IdleSeconds)
		}
	}
}

func TestAutoscaler(t *testing.T) {
	t.Parallel()
	var a scale.Autoscaler
	want := 1
	for range 40 {
		want = a.Tick(7, want, 0.7)
	}
	if want != 10 {
		t.Errorf("7 calls at once want %d instances, want 10", want)
	}
	rush := a.Tick(70, want, 0.7)
	for range 3 {
		rush = a.Tick(70, rush, 0.7)
	}
	if rush < 90 {
		t.Errorf("in a rush %d are wanted", rush)
	}
	for n := 0; rush > 0; n++ {
		if rush = a.Tick(0, rush, 0.7); n > 120 {
			t.Fatalf("%d are wanted after four minutes of nothing", rush)
		}
	}
	if !a.Quiet() {
		t.Error("it is not quiet at zero")
	}
}

func BenchmarkNewPlan(b *testing.B) {
	h := taught(repeated(100, time.Hour)...)
	for b.Loop() {
		scale.NewPlan(h, ordinary, scale.Trade{})
	}
}
