// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"maps"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/dayfly-faas/dayfly"
)

// otherName is the function and project of calls past the bound on series.
const otherName = "other"

// Names of a record's phases that are not the making of an instance: the wait for one
// and the function's own time. What lies between is the cold start.
const (
	waitPhase     = "wait"
	functionPhase = "function"
)

// Classes of status codes and whose fault a call was, in the order of their counters.
var (
	codeClasses = [...]string{"none", "1xx", "2xx", "3xx", "4xx", "5xx"}
	faults      = [...]dayfly.Fault{
		dayfly.FaultNone, dayfly.FaultGuest, dayfly.FaultCaller,
		dayfly.FaultPlatform, dayfly.FaultCapacity,
	}
)

// Bounds of histograms, in seconds: a warm call ends within a millisecond, a cold
// start within ten, and a batch may run for minutes.
var (
	durationBounds = []float64{
		.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300,
	}
	coldBounds = []float64{
		.0005, .001, .002, .003, .005, .0075, .01, .015, .025, .05, .1, .25, .5, 1, 2.5, 10,
	}
	waitBounds = []float64{.0001, .001, .005, .01, .05, .1, .25, .5, 1, 2.5, 5, 10}
)

// metrics are the series that records feed.
type metrics struct {
	functionsMax int

	invocations *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	coldStarts  *prometheus.CounterVec
	coldTime    *prometheus.HistogramVec
	wait        prometheus.Histogram
	rejected    *prometheus.CounterVec
	billed      *prometheus.CounterVec
	bytesIn     *prometheus.CounterVec
	bytesOut    *prometheus.CounterVec

	// handles is replaced, never changed, so that Observe reads it without a lock.
	handles atomic.Pointer[map[dayfly.FunctionRef]*handle]
	mu      sync.Mutex // guards the replacing of handles
	other   *handle
}

// handle holds one function's series, so that Observe looks nothing up by label.
type handle struct {
	function, project string
	calls             [len(codeClasses)][len(faults)]atomic.Pointer[prometheus.Counter]
	warm, cold        prometheus.Observer
	billed            prometheus.Counter
	bytesIn, bytesOut prometheus.Counter
}

func newMetrics(registry *prometheus.Registry, cfg Config) *metrics {
	m := &metrics{
		functionsMax: cfg.FunctionsMax,
		invocations: counters("invocations_total", "Invocations that ended.",
			"function", "project", "code", "fault"),
		duration: histograms("invocation_duration_seconds",
			"Time from the arrival of an invocation to the end of its answer.",
			durationBounds, "function", "project", "cold"),
		coldStarts: counters("cold_starts_total",
			"Invocations that were served by an instance made for them.",
			"function", "project", "runtime", "kind"),
		coldTime: histograms("cold_start_duration_seconds",
			"Time from asking for a new instance until it was ready.",
			coldBounds, "runtime", "kind"),
		wait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "dayfly", Name: "queue_wait_seconds",
			Help: "Time that invocations waited for an instance.", Buckets: waitBounds,
		}),
		rejected: counters("rejected_total", "Invocations refused at a limit.", "reason"),
		billed: counters("billed_seconds_total",
			"Time on instances, each call rounded up to a millisecond.", "function", "project"),
		bytesIn: counters("request_bytes_total",
			"Bytes of request bodies.", "function", "project"),
		bytesOut: counters("response_bytes_total",
			"Bytes of response bodies.", "function", "project"),
	}
	m.handles.Store(&map[dayfly.FunctionRef]*handle{})
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "dayfly", Name: "build_info", Help: "The running version; always 1.",
		ConstLabels: prometheus.Labels{
			"version": cfg.ServiceVersion, "go_version": runtime.Version(),
		},
	})
	build.Set(1)
	registry.MustRegister(m.invocations, m.duration, m.coldStarts, m.coldTime, m.wait,
		m.rejected, m.billed, m.bytesIn, m.bytesOut, build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	opts := prometheus.CounterOpts{Namespace: "dayfly", Name: name, Help: help}
	return prometheus.NewCounterVec(opts, labels)
}

func histograms(name, help string, bounds []float64, labels ...string) *prometheus.HistogramVec {
	opts := prometheus.HistogramOpts{
		Namespace: "dayfly", Name: name, Help: help, Buckets: bounds,
	}
	return prometheus.NewHistogramVec(opts, labels)
}

// Observe counts an invocation that ended. It does not keep rec.
func (t *Telemetry) Observe(rec *dayfly.Record) { t.metrics.observe(rec) }

// Forget drops the series of a function that was removed, and so makes room for
// another one's.
func (t *Telemetry) Forget(f dayfly.FunctionRef) { t.metrics.forget(f) }

func (m *metrics) observe(rec *dayfly.Record) {
	h := m.handle(rec.Function)
	h.call(m, codeClass(rec.Status), faultIndex(rec.Fault)).Inc()
	h.billed.Add(float64(rec.BilledMillis) / 1000)
	h.bytesIn.Add(float64(rec.RequestBytes))
	h.bytesOut.Add(float64(rec.ResponseBytes))
	if rec.Fault == dayfly.FaultCapacity {
		m.rejected.WithLabelValues(string(rec.Kind)).Inc()
	}
	if wait := phase(rec, waitPhase); wait > 0 {
		m.wait.Observe(wait.Seconds())
	}
	if !rec.Cold.Cold() {
		h.warm.Observe(rec.Duration.Seconds())
		return
	}
	h.cold.Observe(rec.Duration.Seconds())
	name, kind := string(rec.Runtime), string(rec.Cold)
	m.coldStarts.WithLabelValues(h.function, h.project, name, kind).Inc()
	m.coldTime.WithLabelValues(name, kind).Observe(startTime(rec).Seconds())
}

// handle gives the series of f, making them at the first call.
func (m *metrics) handle(f dayfly.FunctionRef) *handle {
	if h := (*m.handles.Load())[f]; h != nil {
		return h
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	old := *m.handles.Load()
	if h := old[f]; h != nil {
		return h
	}
	if len(old) >= m.functionsMax {
		if m.other == nil {
			m.other = m.newHandle(dayfly.FunctionRef{Name: otherName, Project: otherName})
		}
		return m.other
	}
	next := maps.Clone(old)
	next[f] = m.newHandle(f)
	m.handles.Store(&next)
	return next[f]
}

func (m *metrics) newHandle(f dayfly.FunctionRef) *handle {
	name, project := string(f.Name), string(f.Project)
	return &handle{
		function: name, project: project,
		warm:     m.duration.WithLabelValues(name, project, "false"),
		cold:     m.duration.WithLabelValues(name, project, "true"),
		billed:   m.billed.WithLabelValues(name, project),
		bytesIn:  m.bytesIn.WithLabelValues(name, project),
		bytesOut: m.bytesOut.WithLabelValues(name, project),
	}
}

// call gives the counter of one class and fault, made when first needed: most of a
// function's thirty never are.
func (h *handle) call(m *metrics, class, fault int) prometheus.Counter {
	slot := &h.calls[class][fault]
	if c := slot.Load(); c != nil {
		return *c
	}
	name := string(faults[fault])
	if name == "" {
		name = "none"
	}
	c := m.invocations.WithLabelValues(h.function, h.project, codeClasses[class], name)
	slot.Store(&c)
	return c
}

func (m *metrics) forget(f dayfly.FunctionRef) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := maps.Clone(*m.handles.Load())
	if next[f] == nil {
		return
	}
	delete(next, f)
	m.handles.Store(&next)
	labels := prometheus.Labels{"function": string(f.Name), "project": string(f.Project)}
	m.invocations.DeletePartialMatch(labels)
	m.duration.DeletePartialMatch(labels)
	m.coldStarts.DeletePartialMatch(labels)
	m.billed.DeletePartialMatch(labels)
	m.bytesIn.DeletePartialMatch(labels)
	m.bytesOut.DeletePartialMatch(labels)
}

// codeClass gives the index of a status in codeClasses.
func codeClass(status int) int {
	if class := status / 100; class >= 1 && class <= 5 {
		return class
	}
	return 0
}

// faultIndex gives the index of a fault; one that is not known is the platform's.
func faultIndex(fault dayfly.Fault) int {
	for i, f := range faults {
		if f == fault {
			return i
		}
	}
	return 3
}

// startTime gives how long the making of the call's instance took.
func startTime(rec *dayfly.Record) (sum time.Duration) {
	for i := range rec.Phases {
		if name := rec.Phases[i].Name; name != waitPhase && name != functionPhase {
			sum += rec.Phases[i].Duration
		}
	}
	return sum
}

// phase gives the time of the phases of that name.
func phase(rec *dayfly.Record, name string) (sum time.Duration) {
	for i := range rec.Phases {
		if rec.Phases[i].Name == name {
			sum += rec.Phases[i].Duration
		}
	}
	return sum
}
