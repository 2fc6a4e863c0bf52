// SPDX-License-Identifier: Apache-2.0

package telemetry_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/telemetry"
)

// span is what a collector reads of one.
type span struct {
	TraceID, SpanID, ParentSpanID, Name string
	Kind                                int
	StartTimeUnixNano, EndTimeUnixNano  string
	Attributes                          []struct {
		Key   string
		Value map[string]any
	}
	Status struct {
		Code    int
		Message string
	}
}

func (s *span) attributes() map[string]any {
	out := map[string]any{}
	for _, a := range s.Attributes {
		for _, v := range a.Value {
			out[a.Key] = v
		}
	}
	return out
}

// collector is a small OTLP/HTTP receiver.
type collector struct {
	*httptest.Server
	mu    sync.Mutex // guards spans
	spans []span
	// answer, when set, says what the next requests get instead of 200.
	answer func(w http.ResponseWriter) (handled bool)
}

func newCollector(t *testing.T) *collector {
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/json" {
			http.Error(w, "not OTLP", http.StatusBadRequest)
			return
		}
		if c.answer != nil && c.answer(w) {
			return
		}
		var body struct {
			ResourceSpans []struct {
				Resource   struct{ Attributes []any }
				ScopeSpans []struct{ Spans []span }
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, rs := range body.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				c.spans = append(c.spans, ss.Spans...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) received() []span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]span(nil), c.spans...)
}

// running starts tel and gives what stops and flushes it.
func running(t *testing.T, cfg telemetry.Config) (*telemetry.Telemetry, func()) {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	tel := telemetry.New(cfg, quiet())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- tel.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		if err := tel.Close(); err != nil {
			t.Errorf("Close = %v, want nil", err)
		}
	})
	t.Cleanup(stop)
	return tel, stop
}

func record(id dayfly.InvocationID) *dayfly.Record {
	return &dayfly.Record{
		ID: id, Function: ref("thumbnail"), Revision: "thumbnail.shop@3", Instance: "i-1",
		Runtime: "python3.11", Source: dayfly.SourceHTTP, Method: "POST", Path: "/x", Status: 200,
		Start: time.Unix(1_700_000_000, 0), Duration: 5 * time.Millisecond, Cold: dayfly.ColdStem,
		Phases: []dayfly.Timed{
			{Name: "wait", Duration: time.Millisecond}, {Name: "init", Duration: 3 * time.Millisecond},
			{Name: "function", Duration: time.Millisecond},
		},
	}
}

const (
	callerTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	callerSpan   = "00f067aa0ba902b7"
	callerParent = "00-" + callerTrace + "-" + callerSpan + "-01"
)

func TestRecordBecomesSpans(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	tel, stop := running(t, telemetry.Config{TraceEndpoint: c.URL + "/"})
	rec := record(dayfly.NewInvocationID(time.Now()))
	rec.Fault = dayfly.FaultGuest
	rec.Failure = &dayfly.Failure{Type: "ValueError", Message: "boom"}
	handed := tel.TraceParent(callerParent, rec.ID)
	tel.Trace(rec, callerParent)
	stop()

	spans := map[string]span{}
	for _, s := range c.received() {
		spans[s.Name] = s
		if s.TraceID != callerTrace {
			t.Errorf("span %s is of trace %s, want %s", s.Name, s.TraceID, callerTrace)
		}
	}
	root := spans["thumbnail.shop"]
	if want := "00-" + callerTrace + "-" + root.SpanID + "-01"; handed != want {
		t.Errorf("the function was handed %s, want %s", handed, want)
	}
	if root.ParentSpanID != callerSpan || root.Kind != 2 {
		t.Errorf("the span has parent %q and kind %d, want %q and 2", root.ParentSpanID, root.Kind, callerSpan)
	}
	if root.Status.Code != 2 || root.Status.Message != "ValueError: boom" {
		t.Errorf("status = %+v, want the failure", root.Status)
	}
	want := map[string]any{
		"faas.invocation_id": string(rec.ID), "faas.name": "thumbnail", "faas.version": "thumbnail.shop@3",
		"faas.instance": "i-1", "faas.coldstart": true, "faas.trigger": "http", "dayfly.project": "shop",
		"dayfly.cold": "stem", "dayfly.billed_ms": "0", "http.request.method": "POST", "url.path": "/x",
		"http.response.status_code": "200", "dayfly.fault": "guest", "error.type": "ValueError",
	}
	if diff := cmp.Diff(want, root.attributes()); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	at := rec.Start
	for _, phase := range rec.Phases {
		child, end := spans[phase.Name], at.Add(phase.Duration)
		if child.ParentSpanID != root.SpanID || child.SpanID == root.SpanID ||
			child.StartTimeUnixNano != strconv.FormatInt(at.UnixNano(), 10) ||
			child.EndTimeUnixNano != strconv.FormatInt(end.UnixNano(), 10) {
			t.Errorf("phase %s = %+v, want a child from %v to %v", phase.Name, child, at, end)
		}
		at = end
	}
}

func TestTraceStartsHereWithoutTraceparent(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	tel, stop := running(t, telemetry.Config{TraceEndpoint: c.URL, TraceSampleRatio: 1})
	rec := record(dayfly.NewInvocationID(time.Now()))
	tel.Trace(rec, "")
	stop()
	spans := c.received()
	if len(spans) != 4 {
		t.Fatalf("the collector has %d spans, want 4", len(spans))
	}
	for _, s := range spans {
		if s.TraceID != strings.ReplaceAll(string(rec.ID), "-", "") {
			t.Errorf("span %s is of trace %s, want the invocation's %s", s.Name, s.TraceID, rec.ID)
		}
		if s.Name == "thumbnail.shop" && s.ParentSpanID != "" {
			t.Errorf("the first span has parent %s, want none", s.ParentSpanID)
		}
	}
}

func TestSamplingFollowsCallerElseRatio(t *testing.T) {
	t.Parallel()
	const calls = 4000
	tests := map[string]struct {
		ratio    float64
		incoming string
		min, max int // traces sampled of calls
	}{
		"none":              {0, "", 0, 0},
		"all":               {1, "", calls, calls},
		"a quarter":         {.25, "", calls / 5, calls * 3 / 10},
		"caller says yes":   {0, callerParent, calls, calls},
		"caller says no":    {1, strings.TrimSuffix(callerParent, "1") + "0", 0, 0},
		"malformed ignored": {1, "00-" + strings.ToUpper(callerTrace) + "-" + callerSpan + "-00", calls, calls},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := telemetry.Config{TraceEndpoint: "http://127.0.0.1:1", TraceSampleRatio: tt.ratio}
			tel, sampled := telemetry.New(cfg, quiet()), 0
			for range calls {
				if p := tel.TraceParent(tt.incoming, dayfly.NewInvocationID(time.Now())); p[len(p)-1]&1 == 1 {
					sampled++
				}
			}
			if sampled < tt.min || sampled > tt.max {
				t.Errorf("%d of %d calls were sampled, want %d to %d", sampled, calls, tt.min, tt.max)
			}
		})
	}
}

func TestTraceparentIsReadAsW3CSays(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		incoming string
		follow   bool
	}{
		"version 0":                   {callerParent, true},
		"later version, more fields":  {"cc" + callerParent[2:] + "-more", true},
		"later version, same fields":  {"01" + callerParent[2:], true},
		"version 0 with more":         {callerParent + "-more", false},
		"later version, bad tail":     {"cc" + callerParent[2:] + "x", false},
		"version ff":                  {"ff" + callerParent[2:], false},
		"zero trace":                  {"00-" + strings.Repeat("0", 32) + "-" + callerSpan + "-01", false},
		"zero parent":                 {"00-" + callerTrace + "-" + strings.Repeat("0", 16) + "-01", false},
		"upper case":                  {strings.ToUpper(callerParent), false},
		"not hexadecimal":             {strings.Replace(callerParent, "4bf9", "xyzw", 1), false},
		"short":                       {callerParent[:54], false},
		"empty":                       {"", false},
		"other separators":            {strings.ReplaceAll(callerParent, "-", "_"), false},
		"surrounding blanks are fine": {" " + callerParent + " ", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tel := telemetry.New(telemetry.Config{TraceEndpoint: "http://127.0.0.1:1"}, quiet())
			got := tel.TraceParent(tt.incoming, dayfly.NewInvocationID(time.Now()))
			if follows := strings.Contains(got, callerTrace); follows != tt.follow {
				t.Errorf("TraceParent(%q) = %q, want it to follow: %v", tt.incoming, got, tt.follow)
			}
		})
	}
}

func TestWithoutCollectorTraceparentPasses(t *testing.T) {
	t.Parallel()
	tel, stop := running(t, telemetry.Config{})
	if got := tel.TraceParent("anything", "018f2f5e-8c1a-7abc-8def-0123456789ab"); got != "anything" {
		t.Errorf("TraceParent = %q, want it unchanged", got)
	}
	tel.Trace(record("018f2f5e-8c1a-7abc-8def-0123456789ab"), callerParent)
	stop()
}

func TestUnavailableCollectorIsTriedAgain(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	var tries atomic.Int32
	c.answer = func(w http.ResponseWriter) bool {
		if tries.Add(1) > 2 {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	tel, stop := running(t, telemetry.Config{TraceEndpoint: c.URL})
	tel.Trace(record(dayfly.NewInvocationID(time.Now())), callerParent)
	stop()
	if got := len(c.received()); got != 4 {
		t.Errorf("the collector has %d spans after %d tries, want 4", got, tries.Load())
	}
	wantLines(t, scrape(t, tel), "dayfly_trace_spans_sent_total 4", "dayfly_trace_spans_dropped_total 0")
}

func TestLostSpansAreCounted(t *testing.T) {
	t.Parallel()
	answers := map[string]struct {
		answer func(w http.ResponseWriter) bool
		lines  []string
	}{
		"refused": {func(w http.ResponseWriter) bool {
			w.WriteHeader(http.StatusBadRequest)
			return true
		}, []string{"dayfly_trace_spans_sent_total 0", "dayfly_trace_spans_dropped_total 4"}},
		"taken in part": {func(w http.ResponseWriter) bool {
			_, _ = w.Write([]byte(`{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}}`))
			return true
		}, []string{"dayfly_trace_spans_sent_total 1", "dayfly_trace_spans_dropped_total 3"}},
	}
	for name, tt := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCollector(t)
			c.answer = tt.answer
			tel, stop := running(t, telemetry.Config{TraceEndpoint: c.URL})
			tel.Trace(record(dayfly.NewInvocationID(time.Now())), callerParent)
			stop()
			wantLines(t, scrape(t, tel), tt.lines...)
		})
	}
}

func TestFullQueueDropsAndNeverBlocks(t *testing.T) {
	t.Parallel()
	tel := telemetry.New(telemetry.Config{TraceEndpoint: "http://127.0.0.1:1"}, quiet())
	for range 3000 { // four spans each, and nobody takes them
		tel.Trace(record(dayfly.NewInvocationID(time.Now())), callerParent)
	}
	wantLines(t, scrape(t, tel), "dayfly_trace_spans_dropped_total 3808")
}

func FuzzTraceParent(f *testing.F) {
	f.Add(callerParent)
	f.Add("cc" + callerParent[2:] + "-more")
	f.Add("")
	tel := telemetry.New(telemetry.Config{TraceEndpoint: "http://127.0.0.1:1"}, quiet())
	id := dayfly.NewInvocationID(time.Now())
	f.Fuzz(func(t *testing.T, incoming string) {
		handed := tel.TraceParent(incoming, id)
		if len(handed) != len(callerParent) {
			t.Fatalf("TraceParent(%q) = %q, not a traceparent", incoming, handed)
		}
		if again := tel.TraceParent(handed, id); again != handed {
			t.Errorf("TraceParent(%q) = %q: what is handed out is not followed", handed, again)
		}
	})
}
