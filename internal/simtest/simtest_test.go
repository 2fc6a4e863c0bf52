// SPDX-License-Identifier: Apache-2.0

package simtest_test

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly/internal/place"
	"github.com/dayfly-faas/dayfly/internal/scale"
	"github.com/dayfly-faas/dayfly/internal/simtest"
)

var update = flag.Bool("update", false, "write golden files anew")

const day = 24 * time.Hour

func small() *simtest.Trace {
	return simtest.Generate(simtest.Synthetic{Seed: 7, Functions: 150, Span: 2 * day})
}

var ordinary = simtest.Config{Nodes: 5, Method: place.MethodIdle, Learn: day}

func table(t *testing.T, results ...*simtest.Result) string {
	t.Helper()
	var out bytes.Buffer
	if err := simtest.WriteTable(&out, results); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestSmallSimulationIsGolden(t *testing.T) {
	t.Parallel()
	var results []*simtest.Result
	for _, p := range []simtest.Policy{simtest.Fixed("fixed 10 minutes", 10*time.Minute), simtest.Knative(),
		simtest.Weighed("Dayfly", scale.Trade{}), simtest.Scheduled("Dayfly, timers", scale.Trade{})} {
		results = append(results, simtest.Run(small(), ordinary, p))
	}
	got := table(t, results...)
	golden := filepath.Join("testdata", "small.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the small simulation came out otherwise (-update accepts it):\n%s", diff)
	}
	fixed, own := results[0], results[2]
	if own.ColdShare() > 0.0075 || own.ColdShare() > fixed.ColdShare() || own.IdleGiB() > fixed.IdleGiB()*1.05 {
		t.Errorf("cold %.5f at %.1f GiB idle; fixed has %.5f at %.1f", own.ColdShare(), own.IdleGiB(),
			fixed.ColdShare(), fixed.IdleGiB())
	}
}

func TestResultDoesNotDependOnCores(t *testing.T) { // not parallel: it sets their number
	run := func(cores int) string {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		config := ordinary
		config.NodeMemory = 2 << 30
		return table(t, simtest.Run(small(), config, simtest.Weighed("Dayfly", scale.Trade{})))
	}
	if diff := cmp.Diff(run(1), run(3)); diff != "" {
		t.Error(diff)
	}
}

func TestOrderOfFunctionsDoesNotMatter(t *testing.T) {
	t.Parallel()
	trace := small()
	first := simtest.Run(trace, ordinary, simtest.Weighed("Dayfly", scale.Trade{}))
	for i, j := 0, len(trace.Functions)-1; i < j; i, j = i+1, j-1 {
		trace.Functions[i], trace.Functions[j] = trace.Functions[j], trace.Functions[i]
	}
	second := simtest.Run(trace, ordinary, simtest.Weighed("Dayfly", scale.Trade{}))
	if diff := cmp.Diff(table(t, first), table(t, second)); diff != "" {
		t.Error(diff)
	}
}

func TestMemoryThatIsShortIsFreed(t *testing.T) {
	t.Parallel()
	config := ordinary
	free := simtest.Run(small(), config, simtest.Fixed("fixed", time.Hour))
	config.NodeMemory = int64(free.MemoryMost) * 3 / 4
	short := simtest.Run(small(), config, simtest.Fixed("fixed", time.Hour))
	if short.Evicted == 0 || short.Memory >= free.Memory || short.Cold <= free.Cold {
		t.Errorf("evicted %d, memory %d of %d, cold %d after %d", short.Evicted, short.Memory, free.Memory,
			short.Cold, free.Cold)
	}
	if free.Evicted != 0 {
		t.Errorf("%d were evicted without a bound", free.Evicted)
	}
}

func TestTimersThatAreKnownAreNeverCold(t *testing.T) {
	t.Parallel()
	trace := small()
	kept := trace.Functions[:0]
	for _, f := range trace.Functions {
		if f.Timer && f.Open != nil && f.Took < time.Minute {
			kept = append(kept, f)
		}
	}
	trace.Functions = kept
	if len(kept) < 10 {
		t.Fatalf("the trace has %d timers", len(kept))
	}
	r := simtest.Run(trace, ordinary, simtest.Scheduled("crons", scale.Trade{}))
	if alone := r.Cold - r.Together; r.Calls < 100 || alone > r.Calls/1000 {
		t.Errorf("%d of %d calls at known times were cold", alone, r.Calls)
	}
}

func TestBoundedLoadsAreEvenerThanHome(t *testing.T) {
	t.Parallel()
	config := ordinary
	config.Method = place.MethodHome
	home := simtest.Run(small(), config, simtest.Fixed("fixed", time.Minute))
	config.Method = place.MethodBounded
	bounded := simtest.Run(small(), config, simtest.Fixed("fixed", time.Minute))
	if bounded.LoadSpread >= home.LoadSpread {
		t.Errorf("loads vary by %.2f when bounded, by %.2f at home", bounded.LoadSpread, home.LoadSpread)
	}
}

func TestAzure2019(t *testing.T) {
	t.Parallel()
	counts := make([]string, 1440)
	for m := range counts {
		counts[m] = "0"
	}
	counts[0], counts[30] = "2", "1"
	var head strings.Builder
	head.WriteString("HashOwner,HashApp,HashFunction,Trigger")
	for m := range counts {
		head.WriteString("," + itoa(m+1))
	}
	day1 := head.String() + "\no,a,f,timer," + strings.Join(counts, ",") + "\no,a,g,http," +
		strings.Repeat("12,", 1439) + "12\n"
	day2 := head.String() + "\no,a,f,timer," + strings.Join(counts, ",") + "\n"
	trace, err := simtest.Azure2019{
		Invocations: []io.Reader{strings.NewReader(day1), strings.NewReader(day2)},
		Durations:   []io.Reader{strings.NewReader("HashOwner,HashApp,HashFunction,Average,Count\no,a,f,250,3\n")},
		Memory:      []io.Reader{strings.NewReader("HashOwner,HashApp,SampleCount,AverageAllocatedMb\no,a,3,64\n")},
	}.Read()
	if err != nil {
		t.Fatal(err)
	}
	f, g := trace.Functions[0], trace.Functions[1]
	if trace.Span != 2*day || f.Took != 250*time.Millisecond || f.MemoryBytes != 64<<20 || !f.Timer || g.Timer {
		t.Errorf("span %s, f %+v, g %+v", trace.Span, f, g)
	}
	var minutes []int
	calls := f.Open()
	for at, _, ok := calls.Next(); ok; at, _, ok = calls.Next() {
		minutes = append(minutes, int(at/time.Minute))
	}
	if diff := cmp.Diff([]int{0, 0, 30, 1440, 1440, 1470}, minutes); diff != "" {
		t.Error(diff)
	}
	if n := g.Count().Count(0, time.Hour); n != 720 {
		t.Errorf("an hour of g has %d calls, want 720", n)
	}
	parts, count := 0, g.Count()
	for at := time.Duration(0); at < 2*day; at += 20 * time.Second {
		parts += count.Count(at, at+20*time.Second)
	}
	if parts != 12*1440 {
		t.Errorf("g has %d calls in steps, want %d", parts, 12*1440)
	}
	if r := simtest.Run(trace, simtest.Config{Nodes: 2}, simtest.Knative()); r.Calls != 6+12*1440 {
		t.Errorf("%d calls were simulated", r.Calls)
	}
}

func itoa(n int) string {
	digits := ""
	for ; n > 0; n /= 10 {
		digits = string(rune('0'+n%10)) + digits
	}
	return digits
}

const calls2021 = "app,func,end_timestamp,duration\na,f,10.5,0.5\na,g,3,1\na,f,100,2\n"

func TestAzure2021(t *testing.T) {
	t.Parallel()
	trace, err := simtest.Azure2021(strings.NewReader(calls2021))
	if err != nil {
		t.Fatal(err)
	}
	r := simtest.Run(trace, simtest.Config{Nodes: 1}, simtest.Fixed("fixed", time.Minute))
	if r.Calls != 3 || r.Cold != 3 {
		t.Errorf("%d calls, %d cold; want 3 and 3, as 88 seconds lie between those of f", r.Calls, r.Cold)
	}
}

func TestTracesThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no column":        "app,func,end_timestamp\na,f,1\n",
		"no number":        "app,func,end_timestamp,duration\na,f,x,1\n",
		"not a number":     "app,func,end_timestamp,duration\na,f,NaN,1\n",
		"negative":         "app,func,end_timestamp,duration\na,f,1,-1\n",
		"too few fields":   "app,func,end_timestamp,duration\na,f\n",
		"line of no bound": "app,func,end_timestamp,duration\n" + strings.Repeat("a", 1<<17),
	} {
		if _, err := simtest.Azure2021(strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzAzure2021(f *testing.F) {
	f.Add(calls2021)
	f.Fuzz(func(t *testing.T, text string) {
		trace, err := simtest.Azure2021(strings.NewReader(text))
		if err != nil || trace.Span > 30*day {
			return
		}
		r := simtest.Run(trace, simtest.Config{Nodes: 2}, simtest.Weighed("Dayfly", scale.Trade{}))
		if r.Cold > r.Calls || r.Memory < 0 || r.ColdTime < 0 {
			t.Errorf("impossible: %+v", r.Totals)
		}
	})
}

func TestPictureIsDrawn(t *testing.T) {
	t.Parallel()
	r := simtest.Run(small(), ordinary, simtest.Fixed("a < b", time.Minute))
	if svg := string(simtest.Picture("one & two", []*simtest.Result{r})); !strings.Contains(svg, "a &lt; b, idle") ||
		!strings.HasSuffix(svg, "</svg>\n") {
		t.Errorf("picture is %s", svg)
	}
}
