// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dayfly-faas/dayfly"
)

// functionsMaxDefault bounds the functions that have series of their own: one has at
// most some sixty, and a Prometheus server is comfortable with 100,000 of a target.
const functionsMaxDefault = 1000

// scrapesMax bounds scrapes at once: each holds a copy of every series.
const scrapesMax = 4

// Config says what is measured and where traces go. The zero value measures and
// traces nothing.
type Config struct {
	// ServiceName is what traces call this program; "dayfly" when empty.
	ServiceName string
	// ServiceVersion is the version of the program.
	ServiceVersion string
	// Node is this node's identity, an attribute of every trace.
	Node dayfly.NodeID
	// TraceEndpoint is the base URL of an OTLP/HTTP collector, such as
	// http://127.0.0.1:4318; spans go to its /v1/traces. Empty sends none.
	TraceEndpoint string
	// TraceSampleRatio is the share of traces that start here and are kept, 0 … 1.
	// A caller's own decision, in its traceparent header, is always followed.
	TraceSampleRatio float64
	// FunctionsMax bounds the functions with series of their own, 1 … 100,000;
	// 0 means 1,000. Choose it by what the scraper can hold, sixty series each.
	FunctionsMax int
}

// Validate reports the first field out of its bounds.
func (c *Config) Validate() error {
	if c.TraceEndpoint != "" {
		u, err := url.Parse(c.TraceEndpoint)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return dayfly.Errorf(dayfly.KindInvalid,
				"trace endpoint %q is not the base URL of a collector", c.TraceEndpoint).
				WithHint("write it as http://HOST:4318")
		}
	}
	if !(c.TraceSampleRatio >= 0 && c.TraceSampleRatio <= 1) { // refuses NaN, too
		return dayfly.Errorf(dayfly.KindInvalid,
			"trace sample ratio is %v, must be between 0 and 1", c.TraceSampleRatio)
	}
	if c.FunctionsMax < 0 || c.FunctionsMax > 100_000 {
		return dayfly.Errorf(dayfly.KindInvalid,
			"functions_max is %d, must be between 0 and 100000", c.FunctionsMax)
	}
	return nil
}

// Telemetry measures one node. Its methods may be called from any goroutine.
type Telemetry struct {
	cfg      Config
	log      *slog.Logger
	registry *prometheus.Registry
	metrics  *metrics
	traces   *traces // nil when traces are off
}

// New prepares the metrics and, when cfg names a collector, the traces. cfg must be
// valid.
func New(cfg Config, log *slog.Logger) *Telemetry {
	if cfg.ServiceName == "" {
		cfg.ServiceName = "dayfly"
	}
	if cfg.FunctionsMax == 0 {
		cfg.FunctionsMax = functionsMaxDefault
	}
	t := &Telemetry{cfg: cfg, log: log, registry: prometheus.NewRegistry()}
	t.metrics = newMetrics(t.registry, cfg)
	if cfg.TraceEndpoint != "" {
		t.traces = newTraces(cfg, t.registry, log)
	}
	return t
}

// Run exports traces until ctx ends, then flushes what is queued, for a bounded
// time. Without a collector it only waits.
func (t *Telemetry) Run(ctx context.Context) error {
	if t.traces == nil {
		<-ctx.Done()
		return nil
	}
	t.traces.run(ctx)
	return nil
}

// Close exports, for a bounded time, what ended after Run returned, and frees the
// connections to the collector.
func (t *Telemetry) Close() error {
	if t.traces != nil {
		t.traces.close()
	}
	return nil
}

// MetricsHandler answers a Prometheus scrape.
func (t *Telemetry) MetricsHandler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{
		ErrorHandling:       promhttp.ContinueOnError,
		ErrorLog:            scrapeLog{t.log},
		MaxRequestsInFlight: scrapesMax,
		EnableOpenMetrics:   true,
	})
}

// scrapeLog writes what is wrong with a series to the log.
type scrapeLog struct{ log *slog.Logger }

// Println takes the words of promhttp.
func (l scrapeLog) Println(words ...any) { l.log.Error("metrics were not gathered", "error", words) }
