// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Bounds of one export. Three tries within some seconds get over a collector's
// restart; longer than that the queue fills, and new spans are worth more than old.
const (
	exportTries    = 3
	exportTimeout  = 5 * time.Second // of one try
	retryFirst     = 200 * time.Millisecond
	retryMax       = 2 * time.Second
	answerBytesMax = 64 << 10
)

// exporter speaks OTLP/HTTP with JSON bodies.
type exporter struct {
	url    string
	client *http.Client
}

func newExporter(endpoint string) *exporter {
	transport := &http.Transport{
		MaxIdleConns:    1,
		IdleConnTimeout: 90 * time.Second,
	}
	return &exporter{
		url:    strings.TrimSuffix(endpoint, "/") + "/v1/traces",
		client: &http.Client{Transport: transport, Timeout: exportTimeout},
	}
}

func (e *exporter) close() { e.client.CloseIdleConnections() }

// export sends spans, trying again while the collector asks for it, and tells how
// many of them were lost, with the reason.
func (e *exporter) export(ctx context.Context, spans []sdktrace.ReadOnlySpan) (int64, error) {
	body, err := json.Marshal(request(spans))
	if err != nil {
		return int64(len(spans)), fmt.Errorf("encode %d spans: %w", len(spans), err)
	}
	for try := 1; ; try++ {
		refused, wait, err := e.send(ctx, body)
		if err == nil {
			return min(refused, int64(len(spans))), nil
		}
		if wait < 0 || try == exportTries || !sleep(ctx, max(wait, backoff(try))) {
			return int64(len(spans)), fmt.Errorf("send %d spans to %s: %w", len(spans), e.url, err)
		}
	}
}

// send makes one try. A negative wait says that another one is of no use.
func (e *exporter) send(ctx context.Context, body []byte) (int64, time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return 0, -1, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := e.client.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, answerBytesMax))
	switch {
	case resp.StatusCode/100 == 2:
		return rejected(answer), 0, nil
	case err != nil:
		return 0, 0, err
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusBadGateway,
		resp.StatusCode == http.StatusServiceUnavailable,
		resp.StatusCode == http.StatusGatewayTimeout:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		wait := min(time.Duration(max(seconds, 0))*time.Second, retryMax)
		return 0, wait, fmt.Errorf("the collector answered %s", resp.Status)
	default:
		return 0, -1, fmt.Errorf("the collector answered %s", resp.Status)
	}
}

// rejected reads how many spans a collector took the request without.
func rejected(answer []byte) int64 {
	var body struct {
		PartialSuccess struct {
			RejectedSpans json.Number `json:"rejectedSpans"`
		} `json:"partialSuccess"`
	}
	if json.Unmarshal(answer, &body) != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.Trim(body.PartialSuccess.RejectedSpans.String(), `"`), 10, 64)
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// backoff gives the pause after a try: it doubles, and half of it is chance, so that
// nodes which lost the same collector do not come back together.
func backoff(try int) time.Duration {
	d := min(retryFirst<<(try-1), retryMax)
	return d/2 + rand.N(d/2)
}

// sleep waits, and tells whether ctx let it.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// The JSON encoding of ExportTraceServiceRequest: identities in hexadecimal digits,
// 64-bit numbers as strings, enumerations as numbers.
type (
	otlpRequest struct {
		ResourceSpans []otlpResourceSpans `json:"resourceSpans"`
	}
	otlpResourceSpans struct {
		Resource   otlpResource     `json:"resource"`
		ScopeSpans []otlpScopeSpans `json:"scopeSpans"`
	}
	otlpResource struct {
		Attributes []otlpAttribute `json:"attributes"`
	}
	otlpScopeSpans struct {
		Scope otlpScope  `json:"scope"`
		Spans []otlpSpan `json:"spans"`
	}
	otlpScope struct {
		Name string `json:"name"`
	}
	otlpSpan struct {
		TraceID           string          `json:"traceId"`
		SpanID            string          `json:"spanId"`
		ParentSpanID      string          `json:"parentSpanId,omitempty"`
		Name              string          `json:"name"`
		Kind              int             `json:"kind"`
		StartTimeUnixNano string          `json:"startTimeUnixNano"`
		EndTimeUnixNano   string          `json:"endTimeUnixNano"`
		Attributes        []otlpAttribute `json:"attributes,omitempty"`
		Status            otlpStatus      `json:"status"`
	}
	otlpStatus struct {
		Code    int    `json:"code,omitempty"`
		Message string `json:"message,omitempty"`
	}
	otlpAttribute struct {
		Key   string         `json:"key"`
		Value map[string]any `json:"value"`
	}
)

// otlpStatusError is OTLP's code for a span that failed; the SDK numbers it otherwise.
const otlpStatusError = 2

func request(spans []sdktrace.ReadOnlySpan) otlpRequest {
	out := make([]otlpSpan, len(spans))
	for i, span := range spans {
		out[i] = encodeSpan(span)
	}
	return otlpRequest{ResourceSpans: []otlpResourceSpans{{
		Resource: otlpResource{Attributes: encodeAttributes(spans[0].Resource().Attributes())},
		ScopeSpans: []otlpScopeSpans{{
			Scope: otlpScope{Name: spans[0].InstrumentationScope().Name}, Spans: out,
		}},
	}}}
}

func encodeSpan(span sdktrace.ReadOnlySpan) otlpSpan {
	out := otlpSpan{
		TraceID:           span.SpanContext().TraceID().String(),
		SpanID:            span.SpanContext().SpanID().String(),
		Name:              span.Name(),
		Kind:              int(span.SpanKind()), // both count internal as 1, server as 2
		StartTimeUnixNano: strconv.FormatInt(span.StartTime().UnixNano(), 10),
		EndTimeUnixNano:   strconv.FormatInt(span.EndTime().UnixNano(), 10),
		Attributes:        encodeAttributes(span.Attributes()),
	}
	if span.Parent().SpanID().IsValid() {
		out.ParentSpanID = span.Parent().SpanID().String()
	}
	if span.Status().Code == codes.Error {
		out.Status = otlpStatus{Code: otlpStatusError, Message: span.Status().Description}
	}
	return out
}

func encodeAttributes(kvs []attribute.KeyValue) []otlpAttribute {
	out := make([]otlpAttribute, 0, len(kvs))
	for _, kv := range kvs {
		out = append(out, otlpAttribute{Key: string(kv.Key), Value: encodeValue(kv.Value)})
	}
	return out
}

func encodeValue(v attribute.Value) map[string]any {
	switch v.Type() {
	case attribute.BOOL:
		return map[string]any{"boolValue": v.AsBool()}
	case attribute.INT64:
		return map[string]any{"intValue": strconv.FormatInt(v.AsInt64(), 10)}
	default:
		return map[string]any{"stringValue": v.String()}
	}
}
