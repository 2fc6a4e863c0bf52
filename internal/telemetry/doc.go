// SPDX-License-Identifier: Apache-2.0

// Package telemetry turns what happened on this node into Prometheus metrics and
// OpenTelemetry traces.
//
//	*dayfly.Record ─┬─▶ Observe ─▶ counters, histograms ─┐
//	                │   Gauge (read when scraped) ───────┴─▶ MetricsHandler ─▶ scraper
//	                └─▶ Trace ─▶ spans ─▶ queue (bounded) ─▶ Run ─▶ OTLP/HTTP JSON
//
// It does not decide what is worth measuring, keep a history, or log: the record of
// an invocation belongs to logs, and a collector keeps the rest.
//
// Observe and Trace may be called from any goroutine, never block and never fail.
// The number of series is bounded: functions past Config.FunctionsMax share the name
// "other". Spans that find the queue full, or that the collector refuses, are dropped
// and counted in dayfly_trace_spans_dropped_total; a slow collector costs memory for
// at most spansQueued spans and never time on the path of an invocation.
//
// Exporting is our own: the stock OTLP exporters bring gRPC, which would add a fifth
// to the size of the binary.
package telemetry
