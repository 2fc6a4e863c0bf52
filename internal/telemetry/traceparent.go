// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"encoding/binary"
	"encoding/hex"
	"strings"

	"go.opentelemetry.io/otel/trace"

	"github.com/dayfly-faas/dayfly"
)

// A traceparent (W3C Trace Context, level 2) is
// version "-" trace-id "-" parent-id "-" flags, in lower-case hexadecimal digits.
const (
	traceparentBytes = 2 + 1 + 32 + 1 + 16 + 1 + 2
	flagSampled      = 0x01
	flagRandom       = 0x02 // the last seven bytes of the trace ID are random
)

// parent is where an invocation stands in its trace.
type parent struct {
	traceID trace.TraceID
	spanID  trace.SpanID // of the caller; zero when the trace starts here
	flags   byte
}

// parseTraceparent reads a traceparent header. Later versions may add fields behind
// the four that are known; anything else that is malformed counts as absent.
func parseTraceparent(header string) (p parent, ok bool) {
	s := strings.TrimSpace(header)
	if len(s) < traceparentBytes || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return p, false
	}
	version, fine := hexBytes[[1]byte](s[0:2])
	if !fine || version[0] == 0xff {
		return p, false
	}
	if len(s) > traceparentBytes && (version[0] == 0 || s[traceparentBytes] != '-') {
		return p, false
	}
	traceID, okTrace := hexBytes[trace.TraceID](s[3:35])
	spanID, okSpan := hexBytes[trace.SpanID](s[36:52])
	flags, okFlags := hexBytes[[1]byte](s[53:55])
	p = parent{traceID: traceID, spanID: spanID, flags: flags[0]}
	return p, okTrace && okSpan && okFlags && traceID.IsValid() && spanID.IsValid()
}

// hexBytes reads lower-case hexadecimal digits; upper case is not allowed here.
func hexBytes[T [1]byte | trace.SpanID | trace.TraceID](s string) (out T, ok bool) {
	var buf [16]byte
	n, err := hex.Decode(buf[:], []byte(s))
	if err != nil || n != len(out) || strings.ToLower(s) != s {
		return out, false
	}
	for i := range len(out) {
		out[i] = buf[i]
	}
	return out, true
}

// place gives where the invocation id stands: below the incoming traceparent, or at
// the start of a trace of its own, whose ID is then the invocation's.
func (t *traces) place(incoming string, id dayfly.InvocationID) parent {
	if p, ok := parseTraceparent(incoming); ok {
		return p
	}
	p := parent{traceID: traceIDOf(id), flags: flagRandom}
	if t.sampled(p.traceID) {
		p.flags |= flagSampled
	}
	return p
}

// sampled decides by the random end of the trace ID, so that every node which sees
// the trace decides alike.
func (t *traces) sampled(id trace.TraceID) bool {
	random := binary.BigEndian.Uint64(id[8:]) & (1<<56 - 1)
	return random < t.sampleBelow
}

// traceIDOf makes a trace ID of an invocation ID, which is a UUID: both are 16 bytes.
func traceIDOf(id dayfly.InvocationID) (out trace.TraceID) {
	_, _ = hex.Decode(out[:], []byte(strings.ReplaceAll(string(id), "-", "")))
	return out
}

// spanIDOf gives the span of an invocation: the random half of its ID. It can be
// computed before the span exists, when the function is told its parent.
func spanIDOf(id dayfly.InvocationID) (out trace.SpanID) {
	full := traceIDOf(id)
	copy(out[:], full[8:])
	return out
}

// formatTraceparent writes the header that makes the span the parent.
func formatTraceparent(traceID trace.TraceID, span trace.SpanID, flags byte) string {
	var b [traceparentBytes]byte
	copy(b[:], "00-")
	hex.Encode(b[3:35], traceID[:])
	b[35] = '-'
	hex.Encode(b[36:52], span[:])
	b[52] = '-'
	hex.Encode(b[53:55], []byte{flags})
	return string(b[:])
}
