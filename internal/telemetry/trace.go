// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"context"
	crand "crypto/rand"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/dayfly-faas/dayfly"
)

// Bounds of what is on its way to the collector. An invocation has up to ten spans;
// at the bound the queue holds some 8 MB.
const (
	spansQueued   = 8192
	batchSpansMax = 512
	batchEvery    = time.Second
	flushTimeout  = 2 * time.Second // for what is queued when the node stops
)

// traces makes spans of records and sends them to a collector.
type traces struct {
	log      *slog.Logger
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	exporter *exporter
	queue    chan sdktrace.ReadOnlySpan
	dropped  atomic.Int64
	sent     atomic.Int64
	failing  bool // run's own: the collector refused the last batch
	// sampleBelow bounds the random 56 bits of a trace ID that is sampled.
	sampleBelow uint64
}

func newTraces(cfg Config, registry prometheus.Registerer, log *slog.Logger) *traces {
	t := &traces{
		log:         log,
		exporter:    newExporter(cfg.TraceEndpoint),
		queue:       make(chan sdktrace.ReadOnlySpan, spansQueued),
		sampleBelow: uint64(math.Round(cfg.TraceSampleRatio * (1 << 56))),
	}
	limits := sdktrace.NewSpanLimits()
	limits.AttributeValueLengthLimit = 4096 // a failure's message is the user's
	t.provider = sdktrace.NewTracerProvider(
		sdktrace.WithSampler(sdktrace.AlwaysSample()), // trace decides before it starts any
		sdktrace.WithIDGenerator(idGenerator{}),
		sdktrace.WithRawSpanLimits(limits),
		sdktrace.WithSpanProcessor((*processor)(t)),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", cfg.ServiceName),
			attribute.String("service.version", cfg.ServiceVersion),
			attribute.String("service.instance.id", string(cfg.Node)),
		)))
	t.tracer = t.provider.Tracer("github.com/dayfly-faas/dayfly/internal/telemetry")
	count := func(name, help string, n *atomic.Int64) prometheus.Collector {
		opts := prometheus.CounterOpts{Namespace: "dayfly", Name: name, Help: help}
		return prometheus.NewCounterFunc(opts, func() float64 { return float64(n.Load()) })
	}
	registry.MustRegister(
		count("trace_spans_sent_total", "Spans that the collector took.", &t.sent),
		count("trace_spans_dropped_total",
			"Spans lost: the queue was full, or the collector refused them.", &t.dropped))
	return t
}

// TraceParent gives the traceparent that a function is handed, so that what it calls
// continues the trace below the invocation. Without a collector it is incoming.
func (t *Telemetry) TraceParent(incoming string, id dayfly.InvocationID) string {
	if t.traces == nil {
		return incoming
	}
	p := t.traces.place(incoming, id)
	return formatTraceparent(p.traceID, spanIDOf(id), p.flags)
}

// Trace sends the span of an invocation that ended, one child a phase. incoming is
// what the caller sent as traceparent. It does not keep rec.
func (t *Telemetry) Trace(rec *dayfly.Record, incoming string) {
	if t.traces == nil {
		return
	}
	if p := t.traces.place(incoming, rec.ID); p.flags&flagSampled != 0 {
		t.traces.record(rec, p)
	}
}

func (t *traces) record(rec *dayfly.Record, p parent) {
	ctx := context.WithValue(context.Background(), idsKey{}, ids{p.traceID, spanIDOf(rec.ID)})
	if p.spanID.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(
			trace.SpanContextConfig{
				TraceID: p.traceID, SpanID: p.spanID, TraceFlags: flagSampled, Remote: true,
			}))
	}
	ctx, span := t.tracer.Start(ctx, rec.Function.String(),
		trace.WithTimestamp(rec.Start), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attributes(rec)...))
	at := rec.Start
	ctx = context.WithValue(ctx, idsKey{}, nil)
	for _, phase := range rec.Phases {
		_, child := t.tracer.Start(ctx, phase.Name, trace.WithTimestamp(at))
		at = at.Add(phase.Duration)
		child.End(trace.WithTimestamp(at))
	}
	if rec.Fault == dayfly.FaultGuest || rec.Fault == dayfly.FaultPlatform {
		span.SetStatus(codes.Error, failureText(rec))
	}
	span.End(trace.WithTimestamp(rec.Start.Add(rec.Duration)))
}

// attributes describe an invocation, in OpenTelemetry's names where it has one.
func attributes(rec *dayfly.Record) []attribute.KeyValue {
	kv := []attribute.KeyValue{
		attribute.String("faas.invocation_id", string(rec.ID)),
		attribute.String("faas.name", string(rec.Function.Name)),
		attribute.String("faas.version", string(rec.Revision)),
		attribute.String("faas.instance", string(rec.Instance)),
		attribute.Bool("faas.coldstart", rec.Cold.Cold()),
		attribute.String("faas.trigger", string(rec.Source)),
		attribute.String("dayfly.project", string(rec.Function.Project)),
		attribute.String("dayfly.cold", string(rec.Cold)),
		attribute.Int64("dayfly.billed_ms", rec.BilledMillis),
	}
	if rec.Method != "" {
		kv = append(kv, attribute.String("http.request.method", rec.Method),
			attribute.String("url.path", rec.Path),
			attribute.Int("http.response.status_code", rec.Status))
	}
	if rec.Why != "" {
		kv = append(kv, attribute.String("dayfly.why", rec.Why))
	}
	if rec.Fault != dayfly.FaultNone {
		kv = append(kv, attribute.String("dayfly.fault", string(rec.Fault)))
	}
	if rec.Failure != nil {
		kv = append(kv, attribute.String("error.type", rec.Failure.Type))
	} else if rec.Kind != "" {
		kv = append(kv, attribute.String("error.type", string(rec.Kind)))
	}
	return kv
}

func failureText(rec *dayfly.Record) string {
	if rec.Failure != nil {
		return rec.Failure.Error()
	}
	return rec.Error
}

// run sends batches until ctx ends, then what is left.
func (t *traces) run(ctx context.Context) {
	tick := time.NewTicker(batchEvery)
	defer tick.Stop()
	batch := make([]sdktrace.ReadOnlySpan, 0, batchSpansMax)
	for {
		select {
		case <-ctx.Done():
			t.flush(batch)
			return
		case span := <-t.queue:
			if batch = append(batch, span); len(batch) < batchSpansMax {
				continue
			}
		case <-tick.C:
		}
		t.export(ctx, batch)
		batch = batch[:0]
	}
}

// flush sends batch and all that is queued, within flushTimeout.
func (t *traces) flush(batch []sdktrace.ReadOnlySpan) {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	for {
		select {
		case span := <-t.queue:
			if batch = append(batch, span); len(batch) < batchSpansMax {
				continue
			}
			t.export(ctx, batch)
			batch = batch[:0]
		default:
			t.export(ctx, batch)
			return
		}
	}
}

// export sends one batch and counts what became of it. The log hears of a collector
// that goes away and of one that comes back, not of each batch.
func (t *traces) export(ctx context.Context, batch []sdktrace.ReadOnlySpan) {
	if len(batch) == 0 {
		return
	}
	refused, err := t.exporter.export(ctx, batch)
	t.dropped.Add(refused)
	t.sent.Add(int64(len(batch)) - refused)
	switch {
	case err != nil && !t.failing:
		t.log.Warn("traces were dropped", "spans", refused, "error", err)
	case err == nil && t.failing:
		t.log.Info("traces were taken again", "spans", len(batch))
	}
	t.failing = err != nil
}

func (t *traces) close() {
	t.flush(nil)
	t.exporter.close()
}

// processor is traces as the SDK sees it: spans that ended go to the queue.
type processor traces

// OnStart does nothing: a span matters once it ended.
func (p *processor) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd queues span, or drops it when the queue is full.
func (p *processor) OnEnd(span sdktrace.ReadOnlySpan) {
	select {
	case p.queue <- span:
	default:
		p.dropped.Add(1)
	}
}

// Shutdown does nothing: Close ends the export.
func (p *processor) Shutdown(context.Context) error { return nil }

// ForceFlush does nothing: run sends within batchEvery.
func (p *processor) ForceFlush(context.Context) error { return nil }

// ids are the identities of the span about to start, under idsKey in its context.
type (
	idsKey struct{}
	ids    struct {
		trace trace.TraceID
		span  trace.SpanID
	}
)

// idGenerator gives the invocation's span the identity that its function was told,
// and every other span a random one.
type idGenerator struct{}

// NewIDs identifies the first span of a trace.
func (g idGenerator) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if want, ok := ctx.Value(idsKey{}).(ids); ok {
		return want.trace, want.span
	}
	var id trace.TraceID
	_, _ = crand.Read(id[:])
	return id, g.NewSpanID(ctx, id)
}

// NewSpanID identifies a span below another.
func (idGenerator) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	if want, ok := ctx.Value(idsKey{}).(ids); ok {
		return want.span
	}
	var id trace.SpanID
	_, _ = crand.Read(id[:])
	return id
}
