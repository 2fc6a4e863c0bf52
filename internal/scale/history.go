// SPDX-License-Identifier: Apache-2.0

package scale

import (
	"math"
	"slices"
	"time"
)

// The bins of a History: narrow where calls come often, wide where they are rare, up
// to somewhat more than a day, so that what comes daily is seen.
const (
	fineWidth   = 10 * time.Second
	fineBins    = 12
	minuteBins  = 118
	fineEnd     = fineBins * fineWidth
	minuteEnd   = fineEnd + minuteBins*time.Minute
	mediumWidth = 4 * time.Minute
	mediumBins  = 60
	mediumEnd   = minuteEnd + mediumBins*mediumWidth
	coarseWidth = 20 * time.Minute
	coarseBins  = 60
	binsMax     = fineBins + minuteBins + mediumBins + coarseBins
	// Horizon is the longest gap that a History tells apart; longer ones are counted.
	Horizon = mediumEnd + coarseBins*coarseWidth
)

const (
	// weight is what one gap counts as; halving it leaves something four times.
	weight = 16
	// decayPeriod is after how long counts are halved: yesterday counts half of today.
	decayPeriod = 24 * time.Hour
	// decayLeast is how many gaps a History must hold to be halved: what is called
	// twice a day would be forgotten faster than it is learned.
	decayLeast = 32
	// lastMax is how many gaps are kept one by one, for what is called so rarely, or
	// so regularly, that bins do not tell.
	lastMax = 10
)

// History is what is remembered of when a function was called: how long it lay idle
// between calls. It takes about 570 bytes, however much is called. The zero value
// remembers nothing. It is not safe for use by several goroutines.
type History struct {
	bins    [binsMax]uint16
	total   uint32 // sum of bins
	beyond  uint32 // gaps longer than Horizon, in weights
	halved  int64  // unix seconds of the last halving; 0 before the first gap
	last    [lastMax]uint32
	lastLen uint8
	lastPos uint8
}

// Add remembers that a function that had nothing to do was called at now, after gap.
func (h *History) Add(now time.Time, gap time.Duration) {
	h.decay(now)
	gap = max(gap, 0)
	h.last[h.lastPos] = uint32(min(int64(gap/time.Second), math.MaxUint32))
	h.lastPos = (h.lastPos + 1) % lastMax
	h.lastLen = min(h.lastLen+1, lastMax)
	if gap >= Horizon {
		h.beyond = min(h.beyond, math.MaxUint32-weight) + weight
		return
	}
	b := binOf(gap)
	if h.bins[b] > math.MaxUint16-weight {
		h.halve()
	}
	h.bins[b] += weight
	h.total += weight
}

// Gaps is how many gaps are remembered, after forgetting.
func (h *History) Gaps() float64 { return float64(h.total+h.beyond) / weight }

// Beyond is the share of the gaps that was longer than Horizon.
func (h *History) Beyond() float64 {
	if h.total+h.beyond == 0 {
		return 0
	}
	return float64(h.beyond) / float64(h.total+h.beyond)
}

// Spread is the coefficient of variation of the bins: near zero when gaps of every
// length are as frequent, so that nothing is predicted; large when they gather.
func (h *History) Spread() float64 {
	if h.total == 0 {
		return 0
	}
	mean := float64(h.total) / binsMax
	squares := 0.0
	for _, n := range h.bins {
		d := float64(n) - mean
		squares += d * d
	}
	return math.Sqrt(squares/binsMax) / mean
}

// Within gives the gap below which the share p of the gaps lies, as bins tell, or
// Horizon.
func (h *History) Within(p float64) time.Duration {
	want := p * float64(h.total+h.beyond)
	sum := 0.0
	for b, n := range h.bins {
		sum += float64(n)
		if sum >= want && sum > 0 {
			return binStart(b + 1)
		}
	}
	return Horizon
}

// recent gives the last gaps, sorted, to the second.
func (h *History) recent() []time.Duration {
	out := make([]time.Duration, 0, lastMax)
	for _, seconds := range h.last[:h.lastLen] {
		out = append(out, time.Duration(seconds)*time.Second)
	}
	slices.Sort(out)
	return out
}

// decay halves the counts for each day that went by.
func (h *History) decay(now time.Time) {
	at := now.Unix()
	if h.halved == 0 {
		h.halved = at
	}
	for range 16 { // after as many halvings nothing is left
		if at-h.halved < int64(decayPeriod/time.Second) {
			return
		}
		h.halved += int64(decayPeriod / time.Second)
		if h.total+h.beyond >= decayLeast*weight {
			h.halve()
		}
	}
	h.halved = at
}

// cumulate gives for each bin how much of the counts lies below its end, so that any
// span is two look-ups.
func (h *History) cumulate(sums *[binsMax + 1]float64) {
	sum := 0.0
	for b, n := range h.bins {
		sum += float64(n)
		sums[b+1] = sum
	}
}

func (h *History) halve() {
	h.total = 0
	for b := range h.bins {
		h.bins[b] /= 2
		h.total += uint32(h.bins[b])
	}
	h.beyond /= 2
}

// binOf gives the bin of a gap below Horizon.
func binOf(gap time.Duration) int {
	switch {
	case gap < fineEnd:
		return int(gap / fineWidth)
	case gap < minuteEnd:
		return fineBins + int((gap-fineEnd)/time.Minute)
	case gap < mediumEnd:
		return fineBins + minuteBins + int((gap-minuteEnd)/mediumWidth)
	}
	return fineBins + minuteBins + mediumBins + int((gap-mediumEnd)/coarseWidth)
}

// binAt gives the first bin that starts at or after a gap.
func binAt(gap time.Duration) int {
	if gap >= Horizon {
		return binsMax
	}
	b := binOf(gap)
	if binStart(b) < gap {
		b++
	}
	return b
}

// binStart gives the shortest gap of a bin; that after the last one starts at Horizon.
func binStart(b int) time.Duration {
	switch {
	case b <= fineBins:
		return time.Duration(b) * fineWidth
	case b <= fineBins+minuteBins:
		return fineEnd + time.Duration(b-fineBins)*time.Minute
	case b <= fineBins+minuteBins+mediumBins:
		return minuteEnd + time.Duration(b-fineBins-minuteBins)*mediumWidth
	}
	return mediumEnd + time.Duration(b-fineBins-minuteBins-mediumBins)*coarseWidth
}
