// SPDX-License-Identifier: Apache-2.0

package simtest

import (
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// curve is the inverse of a distribution: what lies below the share p of all. Between
// knots it goes straight in the logarithm, as what is drawn spans powers of ten.
type curve []knot

type knot struct{ p, x float64 }

// The curves are fitted by hand to the marginals that were published of the trace of
// Azure Functions in 2019 (Shahrad and others, ATC 2020): a handful of knots each.
var (
	// callsADay is how often an application is called.
	callsADay = curve{{0, 0.7}, {.14, 1.5}, {.23, 2.5}, {.30, 5}, {.35, 9}, {.40, 18},
		{.45, 36}, {.50, 74}, {.55, 140}, {.60, 240}, {.70, 430}, {.75, 600}, {.80, 1200},
		{.85, 1850}, {.90, 4500}, {.95, 20e3}, {.98, 107e3}, {.99, 333e3}, {.995, 950e3},
		{.999, 5.3e6}, {1, 6e7}}
	// gapsVary is the coefficient of variation of the gaps; timers stand at zero.
	gapsVary = curve{{0, .001}, {.22, .001}, {.25, .02}, {.30, .07}, {.35, .13}, {.40, .25},
		{.45, .38}, {.50, .53}, {.55, .75}, {.60, .94}, {.65, 1.17}, {.70, 1.53}, {.75, 1.97},
		{.80, 2.5}, {.85, 3.4}, {.90, 5}, {.95, 9}, {.98, 19}, {.99, 33}, {1, 500}}
	// secondsTaken is how long a call takes on average.
	secondsTaken = curve{{0, .002}, {.05, .01}, {.10, .02}, {.20, .08}, {.30, .18}, {.40, .36},
		{.50, .67}, {.60, 1.15}, {.70, 2.1}, {.80, 4.8}, {.85, 8.2}, {.90, 16.5}, {.95, 42},
		{.98, 111}, {.99, 222}, {.995, 300}, {1, 600}}
	// mebibytes is what an application has allocated.
	mebibytes = curve{{0, 60}, {.01, 90}, {.05, 100}, {.15, 110}, {.25, 120}, {.50, 140},
		{.60, 170}, {.75, 185}, {.85, 200}, {.95, 240}, {.98, 335}, {.99, 405}, {1, 1400}}
)

// at gives the value below which the share p lies.
func (c curve) at(p float64) float64 {
	i := 1
	for i < len(c)-1 && c[i].p < p {
		i++
	}
	a, b := c[i-1], c[i]
	along := (p - a.p) / (b.p - a.p)
	return math.Exp(math.Log(a.x)*(1-along) + math.Log(b.x)*along)
}

const (
	// variesMost bounds the variation of gaps: above, one burst and one silence are
	// all that a week would show.
	variesMost = 8.0
	// timerBelow is the variation below which a function is taken to be a timer.
	timerBelow = 0.02
	// atOnceMost bounds how many calls of a function run at once on average. Rates
	// and times are drawn apart from each other, while what is called a million times
	// a day is short.
	atOnceMost = 5.0
	// coldMedian and coldSigma are of the lognormal from which cold starts are drawn;
	// the trace says nothing of them.
	coldMedian = 0.150
	coldSigma  = 1.0
	// tookSigma is how much the calls of one function differ.
	tookSigma = 0.5
)

// Synthetic describes a trace that is made up.
type Synthetic struct {
	Seed      uint64
	Functions int
	Span      time.Duration
	// Wave is how much the rate swings over a day: 0.5 is half more and half less. Each
	// function has its own hour, most of them the same half of the day.
	Wave float64
	// Burst is how many calls come together with each on average, at the same moment.
	Burst float64
}

// Generate makes the trace up. The same description gives the same calls.
func Generate(s Synthetic) *Trace {
	t := &Trace{Name: "synthetic, marginals of Azure 2019", Span: s.Span}
	for i := range s.Functions {
		t.Functions = append(t.Functions, s.function(i))
	}
	return t
}

func (s Synthetic) function(i int) Function {
	r := rand.New(rand.NewPCG(s.Seed, uint64(i)))
	perDay, varies := callsADay.at(r.Float64()), min(gapsVary.at(r.Float64()), variesMost)
	took, memory := secondsTaken.at(r.Float64()), mebibytes.at(r.Float64())
	cold := coldMedian * math.Exp(coldSigma*r.NormFloat64())
	mean := 86400 / perDay
	took = min(took, mean*atOnceMost)
	f := Function{Name: "f" + strconv.Itoa(i), MemoryBytes: int64(memory * (1 << 20)),
		Cold: seconds(min(cold, 10)), Took: seconds(took), Timer: varies < timerBelow}
	g := gaps{synthetic: s, mean: mean, varies: varies, took: took, phase: r.NormFloat64() * 0.12}
	if f.Timer {
		g.synthetic.Wave, g.synthetic.Burst = 0, 0
	}
	perMinute := perDay / 1440 * (1 + g.synthetic.Burst)
	f.Popular = mean < popularGap.Seconds()
	begin := [2]uint64{r.Uint64(), r.Uint64()}
	if perMinute > busyRate {
		f.Count = func() Counter { c := g; return c.begin(begin) }
	} else {
		f.Open = func() Calls { c := g; return c.begin(begin) }
	}
	return f
}

// gaps draws the calls of one function.
type gaps struct {
	synthetic          Synthetic
	mean, varies, took float64 // seconds
	phase              float64 // days
	random             *rand.Rand
	at                 float64
	more               int // calls that come with the last one
}

func (g *gaps) begin(seed [2]uint64) *gaps {
	g.random = rand.New(rand.NewPCG(seed[0], seed[1]))
	g.at = g.random.Float64() * g.mean
	return g
}

// Next implements Calls.
func (g *gaps) Next() (at, took time.Duration, ok bool) {
	if g.more > 0 {
		g.more--
	} else {
		g.at += g.gap() / g.rate(g.at)
		if g.synthetic.Burst > 0 {
			g.more = int(g.random.ExpFloat64() * g.synthetic.Burst)
		}
	}
	at = seconds(g.at)
	length := g.took * math.Exp(tookSigma*g.random.NormFloat64()-tookSigma*tookSigma/2)
	return at, seconds(length), at < g.synthetic.Span
}

// Count implements Counter: a number of calls has the variation of the gaps between
// them.
func (g *gaps) Count(from, to time.Duration) int {
	middle := (from + to) / 2
	mean := (to - from).Seconds() / g.mean * g.rate(middle.Seconds()) * (1 + g.synthetic.Burst)
	n := mean + g.varies*math.Sqrt(mean)*g.random.NormFloat64()
	return int(max(n+g.random.Float64(), 0))
}

// rate is how much more than on average is called at a time.
func (g *gaps) rate(at float64) float64 {
	if g.synthetic.Wave == 0 {
		return 1
	}
	return max(1+g.synthetic.Wave*math.Sin(2*math.Pi*(at/86400+g.phase)), 0.05)
}

// gap draws the time to the next call, in seconds: a gamma where calls are regular, a
// mixture of two exponentials where they come in crowds.
func (g *gaps) gap() float64 {
	switch v := g.varies; {
	case v < timerBelow:
		return g.mean
	case v <= 1:
		shape := 1 / (v * v)
		return gamma(g.random, shape) * g.mean / shape
	default:
		p := 0.5 * (1 + math.Sqrt((v*v-1)/(v*v+1)))
		if g.random.Float64() >= p {
			p = 1 - p
		}
		return g.random.ExpFloat64() * g.mean / (2 * p)
	}
}

// gamma draws from the gamma distribution of a shape of one or more (Marsaglia and
// Tsang, 2000).
func gamma(r *rand.Rand, shape float64) float64 {
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := r.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log(1-r.Float64()) < 0.5*x*x+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
