// SPDX-License-Identifier: Apache-2.0

package scale

import (
	"math"
	"time"
)

const (
	// learnedLeast is how many gaps must be known before they are believed.
	learnedLeast = 5
	// keepLeast and keepMost bound how long an idle instance is kept while nothing is
	// known: a moment spares a retry its cold start, an hour is past all patience.
	keepLeast = 5 * time.Second
	keepMost  = time.Hour
	// typicalCold and typicalMemory are the cold start and the instance for which
	// Trade.Hold is meant; others are held for longer or shorter in proportion,
	// within proportionMost either way. Each cold start counts tailCold more than it
	// takes: it is also a start of processes, and always somebody's slowest call.
	typicalCold    = 200 * time.Millisecond
	tailCold       = 200 * time.Millisecond
	typicalMemory  = 128 << 20
	memoryLeast    = 8 << 20
	proportionMost = 8.0
	// startShare is what starting an instance ahead of time counts as, in cold
	// starts: nobody waits for it, yet the node does the work.
	startShare = 0.05
	// extraShare is how much shorter than a function's last instance the others are
	// kept: they are missed only when calls come together again.
	extraShare = 2
	// cronLead is how long before a known time an instance starts, beside the time
	// that starting takes; cronStay how long it waits for a call that is late.
	cronLead = 50 * time.Millisecond
	cronStay = 5 * time.Second
	// regularLeast gaps of which the middle half differs from the median by no more
	// than regularMost of it are called regular.
	regularLeast = 3
	regularMost  = 0.15
	// spreadLeast is the least coefficient of variation of the bins for which a span
	// in the midst of them is believed to be a habit.
	spreadLeast = 1.0
	// blurMost and blur are how far around a span its gaps are looked for, as a share
	// of its time: blur over the root of their number, as few gaps tell less.
	blurMost = 0.05
	blur     = 0.1
)

// defaultHold is what the simulation of package simtest found to need no more memory
// than keeping every instance for ten minutes, at a fraction of its cold starts.
const defaultHold = 25 * time.Minute

// Trade is what memory is worth beside waiting.
type Trade struct {
	// Hold is for how long 128 MiB may lie idle to spare one call a cold start of
	// 200 ms: longer means fewer cold starts and more memory. 0 means the default.
	Hold time.Duration
}

// Subject is what is known of a function when its next call is awaited.
type Subject struct {
	Cold        time.Duration // what the next call pays when no instance is there
	MemoryBytes int64         // of an idle instance
	Next        time.Time     // of the next call that is known, as a cron's; or zero
	KnownOnly   bool          // all its calls come at known times
}

// Reason is why a Plan is what it is.
type Reason uint8

// The reasons.
const (
	ReasonUnknown Reason = iota // too little is known of the function's calls
	ReasonLearned               // the gaps between calls say so
	ReasonRegular               // the last few gaps were alike
	ReasonRare                  // calls are too rare for what memory costs
)

// Plan is how long a function that has nothing to do is kept warm, as times since its
// last call ended: until Keep, and again from Prewarm to Until when Until is not 0.
type Plan struct {
	Keep, Prewarm, Until time.Duration
	// Extra is how long instances beside the last one are kept after their use.
	Extra  time.Duration
	Reason Reason
	Gaps   float64       // on which it rests
	Covers float64       // share of the gaps, as remembered, that end while it is warm
	Worth  time.Duration // what it may lie idle for each cold start that it spares
}

// NewPlan weighs what keeping an instance costs against what it spares.
//
// For each span of the history, being warm in it spares the share of calls that came
// in it a cold start, and costs the memory of all gaps that were not over by then. The
// plan takes the spans from the start, and one window later, that are worth most. As
// long as too little is known it keeps an instance until it has cost as much as the
// start that it may spare, so that it never costs more than twice the best plan.
func NewPlan(h *History, s Subject, t Trade) Plan {
	worth := t.worth(s)
	p := Plan{Extra: clamp(worth/extraShare, keepLeast, keepMost), Worth: worth, Gaps: h.Gaps()}
	switch {
	case p.Gaps < learnedLeast:
		p.Keep, p.Reason = clamp(worth, keepLeast, keepMost), ReasonUnknown
	case h.Beyond() > 0.5:
		p.rare(h)
	default:
		p.learned(h)
	}
	p.Covers = h.covered(p)
	return p
}

// worth is how long an instance may be idle for each cold start that it spares.
func (t Trade) worth(s Subject) time.Duration {
	hold := t.Hold
	if hold <= 0 {
		hold = defaultHold
	}
	dear := float64(max(s.Cold, 0)+tailCold) / float64(typicalCold+tailCold)
	small := float64(typicalMemory) / float64(max(s.MemoryBytes, memoryLeast))
	ratio := min(max(dear*small, 1/proportionMost), proportionMost)
	return time.Duration(min(float64(hold)*ratio, float64(Horizon)))
}

// rare plans for a function whose calls lie further apart than the history reaches:
// it is started ahead of time when its last gaps were alike.
func (p *Plan) rare(h *History) {
	p.Reason, p.Keep = ReasonRare, keepLeast
	gaps := h.recent()
	if len(gaps) < regularLeast {
		return
	}
	low, middle, high := gaps[len(gaps)/4], gaps[len(gaps)/2], gaps[len(gaps)*3/4]
	margin := max(time.Minute, (high-low)*2)
	alike := float64(high-low) <= regularMost*float64(middle)
	if alike && low-margin > p.Keep && high-low+2*margin <= p.Worth {
		p.Reason, p.Prewarm, p.Until = ReasonRegular, low-margin, high+margin
	}
}

// learned takes the spans of the history that are worth most.
func (p *Plan) learned(h *History) {
	var sums [binsMax + 1]float64
	h.cumulate(&sums)
	w := weighing{sums: &sums, all: float64(h.total + h.beyond), worth: float64(p.Worth),
		blur: min(blurMost, blur/math.Sqrt(max(p.Gaps, 1)))}
	end := w.prefix()
	p.Reason, p.Keep = ReasonLearned, max(binStart(end), keepLeast)
	if h.Spread() >= spreadLeast {
		if from, to := w.window(end); to > from {
			p.Prewarm, p.Until = max(binStart(from), p.Keep), binStart(to)
			return
		}
	}
	if end == 0 {
		p.Reason = ReasonRare
	}
}

// weighing says what being warm in each bin is worth.
type weighing struct {
	sums  *[binsMax + 1]float64
	all   float64 // gaps, those beyond the bins as well
	worth float64
	blur  float64
}

// value is what it is worth to be warm in bin b, in cold starts.
func (w *weighing) value(b int) float64 {
	from, to := binStart(b), binStart(b+1)
	width := float64(to - from)
	low := min(binOf(time.Duration(float64(from)*(1-w.blur))), b)
	high := max(binAt(time.Duration(float64(to)*(1+w.blur))), b+1)
	spread := float64(binStart(high) - binStart(low))
	calls := (w.sums[high] - w.sums[low]) * width / spread
	alive := w.all - (w.sums[b]+w.sums[b+1])/2
	return calls - alive*width/w.worth
}

// prefix gives the bin up to which keeping is worth most.
func (w *weighing) prefix() (end int) {
	sum, best := 0.0, 0.0
	for b := range binsMax {
		if sum += w.value(b); sum > best {
			best, end = sum, b+1
		}
	}
	return end
}

// window gives the bins after end that are worth starting an instance again.
func (w *weighing) window(end int) (from, to int) {
	sum, best, start := 0.0, 0.0, end
	for b := end; b < binsMax; b++ {
		if sum <= 0 {
			sum, start = -startShare*(w.all-w.sums[b]), b
		}
		if sum += w.value(b); sum > best {
			best, from, to = sum, start, b+1
		}
	}
	return from, to
}

// Warm says whether the plan wants an instance when a function has had nothing to do
// for so long.
func (p Plan) Warm(idle time.Duration) bool {
	return idle < p.Keep || p.Until > 0 && idle >= p.Prewarm && idle < p.Until
}

// Next gives the time since the last call at which Warm changes next after idle; false
// when it does not.
func (p Plan) Next(idle time.Duration) (time.Duration, bool) {
	switch {
	case p.Until > 0 && p.Prewarm <= p.Keep && idle < p.Until:
		return max(p.Keep, p.Until), true
	case idle < p.Keep:
		return p.Keep, true
	case p.Until == 0 || idle >= p.Until:
		return 0, false
	case idle < p.Prewarm:
		return p.Prewarm, true
	}
	return p.Until, true
}

// Idle is for how long of a gap the plan keeps an instance that nobody uses.
func (p Plan) Idle(gap time.Duration) time.Duration {
	idle := min(gap, p.Keep)
	if p.Until > 0 {
		idle += max(min(gap, p.Until)-max(p.Prewarm, p.Keep), 0)
	}
	return idle
}

func clamp(d, low, high time.Duration) time.Duration { return min(max(d, low), high) }
