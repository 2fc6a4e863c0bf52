// SPDX-License-Identifier: Apache-2.0

package telemetry_test

import (
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/telemetry"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func scrape(t *testing.T, tel *telemetry.Telemetry) string {
	t.Helper()
	w := httptest.NewRecorder()
	tel.MetricsHandler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("scrape: status %d, error %v:\n%s", w.Code, err, body)
	}
	return string(body)
}

func wantLines(t *testing.T, page string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(page, "\n"+line+"\n") {
			t.Errorf("the page lacks %q; it has:\n%s", line, related(page, line))
		}
	}
}

// related gives the lines of page of the same metric as line.
func related(page, line string) string {
	name, _, _ := strings.Cut(line, "{")
	var out []string
	for l := range strings.Lines(page) {
		if strings.HasPrefix(l, name) {
			out = append(out, l)
		}
	}
	return strings.Join(out, "")
}

func ref(name string) dayfly.FunctionRef {
	return dayfly.FunctionRef{Project: "shop", Name: dayfly.FunctionName(name)}
}

func TestRecordsBecomeMetrics(t *testing.T) {
	t.Parallel()
	tel := telemetry.New(telemetry.Config{ServiceVersion: "1.2.3"}, quiet())
	tel.Observe(&dayfly.Record{Function: ref("a"), Status: 200, Duration: 2 * time.Millisecond,
		BilledMillis: 2, RequestBytes: 10, ResponseBytes: 30})
	tel.Observe(&dayfly.Record{Function: ref("a"), Status: 201, Cold: dayfly.ColdStem,
		Runtime: "python3.11", Duration: 4 * time.Millisecond, BilledMillis: 3,
		Phases: []dayfly.Timed{{Name: "wait", Duration: 40 * time.Microsecond},
			{Name: "stem", Duration: 500 * time.Microsecond},
			{Name: "attach", Duration: 200 * time.Microsecond},
			{Name: "init", Duration: 800 * time.Microsecond},
			{Name: "function", Duration: 2 * time.Millisecond}}})
	tel.Observe(&dayfly.Record{Function: ref("a"), Status: 502, Fault: dayfly.FaultGuest})
	tel.Observe(&dayfly.Record{Function: ref("a"), Status: 429, Fault: dayfly.FaultCapacity,
		Kind:   dayfly.KindExhausted,
		Phases: []dayfly.Timed{{Name: "wait", Duration: 30 * time.Millisecond}}})
	tel.Observe(&dayfly.Record{Function: ref("b")})
	wantLines(t, scrape(t, tel),
		`dayfly_invocations_total{code="2xx",fault="none",function="a",project="shop"} 2`,
		`dayfly_invocations_total{code="5xx",fault="guest",function="a",project="shop"} 1`,
		`dayfly_invocations_total{code="4xx",fault="capacity",function="a",project="shop"} 1`,
		`dayfly_invocations_total{code="none",fault="none",function="b",project="shop"} 1`,
		`dayfly_invocation_duration_seconds_count{cold="false",function="a",project="shop"} 3`,
		`dayfly_invocation_duration_seconds_bucket{cold="true",function="a",project="shop",le="0.005"} 1`,
		`dayfly_cold_starts_total{function="a",kind="stem",project="shop",runtime="python3.11"} 1`,
		`dayfly_cold_start_duration_seconds_bucket{kind="stem",runtime="python3.11",le="0.002"} 1`,
		`dayfly_queue_wait_seconds_count 2`,
		`dayfly_rejected_total{reason="exhausted"} 1`,
		`dayfly_billed_seconds_total{function="a",project="shop"} 0.005`,
		`dayfly_request_bytes_total{function="a",project="shop"} 10`,
		`dayfly_response_bytes_total{function="a",project="shop"} 30`,
	)
}

func TestFunctionsPastTheBoundShareSeries(t *testing.T) {
	t.Parallel()
	tel := telemetry.New(telemetry.Config{FunctionsMax: 3}, quiet())
	observe := func(name string) { tel.Observe(&dayfly.Record{Function: ref(name), Status: 200}) }
	for i := range 50 {
		observe(fmt.Sprintf("f%d", i))
	}
	page := scrape(t, tel)
	wantLines(t, page,
		`dayfly_invocations_total{code="2xx",fault="none",function="f2",project="shop"} 1`,
		`dayfly_invocations_total{code="2xx",fault="none",function="other",project="other"} 47`)
	if n := strings.Count(page, "\ndayfly_invocations_total{"); n != 4 {
		t.Errorf("the page has %d series of invocations, want 4", n)
	}
	tel.Forget(ref("f1"))
	observe("f40")
	page = scrape(t, tel)
	wantLines(t, page,
		`dayfly_invocations_total{code="2xx",fault="none",function="f40",project="shop"} 1`)
	if strings.Contains(page, `function="f1"`) {
		t.Error("a forgotten function still has series")
	}
}

func TestGaugesAreReadWhenScraped(t *testing.T) {
	t.Parallel()
	tel := telemetry.New(telemetry.Config{}, quiet())
	waiting := 3.0
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(tel.Gauge(telemetry.Gauge{Name: "waiting", Help: "Calls that wait.",
		Read: func(set func(float64, ...string)) { set(waiting) }}))
	must(tel.Gauge(telemetry.Gauge{Name: "instances", Help: "Instances.",
		Labels: []string{"state"}, Read: func(set func(float64, ...string)) {
			set(2, "idle")
			set(5, "busy")
		}}))
	must(tel.Gauge(telemetry.Gauge{Name: "lines_dropped_total", Help: "Lost lines.", Total: true,
		Read: func(set func(float64, ...string)) { set(7) }}))
	must(tel.Gauge(telemetry.Gauge{Name: "endless", Help: "A reader that goes too far.",
		Labels: []string{"n"}, Read: func(set func(float64, ...string)) {
			for i := range 5000 {
				set(1, fmt.Sprint(i))
			}
		}}))
	waiting = 4
	page := scrape(t, tel)
	wantLines(t, page, `dayfly_waiting 4`, `dayfly_instances{state="idle"} 2`,
		`dayfly_instances{state="busy"} 5`, `# TYPE dayfly_lines_dropped_total counter`)
	if n := strings.Count(page, "\ndayfly_endless{"); n != 1000 {
		t.Errorf("an endless reader gave %d series, want 1000", n)
	}
	if tel.Gauge(telemetry.Gauge{Name: "waiting", Help: "Calls that wait."}) == nil {
		t.Error("two gauges of one name were accepted")
	}
}

func TestConfigIsValidated(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cfg  telemetry.Config
		want string // part of the message; empty when valid
	}{
		"zero value":        {cfg: telemetry.Config{}},
		"collector":         {cfg: telemetry.Config{TraceEndpoint: "http://127.0.0.1:4318"}},
		"no scheme":         {cfg: telemetry.Config{TraceEndpoint: "127.0.0.1:4318"}, want: "trace endpoint"},
		"other scheme":      {cfg: telemetry.Config{TraceEndpoint: "grpc://h:1"}, want: "trace endpoint"},
		"ratio above one":   {cfg: telemetry.Config{TraceSampleRatio: 1.1}, want: "ratio"},
		"ratio not number":  {cfg: telemetry.Config{TraceSampleRatio: math.NaN()}, want: "ratio"},
		"negative bound":    {cfg: telemetry.Config{FunctionsMax: -1}, want: "functions_max"},
		"bound out of hand": {cfg: telemetry.Config{FunctionsMax: 1 << 30}, want: "functions_max"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.cfg.Validate()
			if tt.want == "" {
				if err != nil {
					t.Errorf("Validate(%+v) = %v, want nil", tt.cfg, err)
				}
				return
			}
			if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Validate(%+v) = %v, want one that names %q", tt.cfg, err, tt.want)
			}
		})
	}
}

func BenchmarkObserve(b *testing.B) {
	tel := telemetry.New(telemetry.Config{}, quiet())
	for i := range 200 {
		tel.Observe(&dayfly.Record{Function: ref(fmt.Sprintf("f%d", i)), Status: 200})
	}
	rec := record("018f2f5e-8c1a-7abc-8def-0123456789ab")
	rec.Cold = dayfly.ColdNone
	b.ReportAllocs()
	for b.Loop() {
		tel.Observe(rec)
	}
}

func BenchmarkTraceUnsampled(b *testing.B) {
	cfg := telemetry.Config{TraceEndpoint: "http://127.0.0.1:1"}
	tel := telemetry.New(cfg, quiet())
	rec := record("018f2f5e-8c1a-7abc-8def-0123456789ab")
	for b.Loop() {
		_ = tel.TraceParent("", rec.ID)
		tel.Trace(rec, "")
	}
}

func TestEveryMetricIsInTheGuide(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/guides/observing.md")
	if err != nil {
		t.Fatal(err)
	}
	tel := telemetry.New(telemetry.Config{TraceEndpoint: "http://127.0.0.1:1"}, quiet())
	tel.Observe(&dayfly.Record{Function: ref("a"), Status: 429, Fault: dayfly.FaultCapacity,
		Cold: dayfly.ColdBoot, Phases: []dayfly.Timed{{Name: "wait", Duration: time.Second}}})
	known := 0
	for line := range strings.Lines(scrape(t, tel)) {
		name, ok := strings.CutPrefix(line, "# TYPE dayfly_")
		if name, _, _ = strings.Cut(name, " "); !ok {
			continue
		}
		known++
		if !strings.Contains(string(guide), "`dayfly_"+name+"`") {
			t.Errorf("docs/guides/observing.md does not tell of dayfly_%s", name)
		}
	}
	if known < 10 {
		t.Errorf("the page has %d metrics of ours, want ten or more", known)
	}
}
