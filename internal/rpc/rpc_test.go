// SPDX-License-Identifier: Apache-2.0

package rpc_test

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/rpc"
)

func TestContentTypesTellGRPC(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]bool{
		"application/grpc": {true, false}, "application/grpc+proto": {true, false}, "Application/gRPC": {true, false},
		"application/grpc;charset=utf-8": {true, false}, "application/grpc-web": {false, true},
		"application/grpc-web+proto": {false, true}, "application/grpc-web-text": {false, true},
		"application/grpcx": {}, "application/json": {}, "": {}, "application/grp": {}, "application/grpc-webx": {},
	} {
		h := http.Header{"Content-Type": {text}}
		if got := [2]bool{rpc.Is(h), rpc.IsWeb(h)}; got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	if rpc.Is(http.Header{}) {
		t.Error("no content type is gRPC")
	}
}

func TestDeadlinesAreReadAndWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"1S": time.Second, "500m": 500 * time.Millisecond, "7n": 7, "2M": 2 * time.Minute,
		"3H": 3 * time.Hour, "10u": 10 * time.Microsecond, "99999999H": 1000 * time.Hour, "0m": 0} {
		if got, ok := rpc.Timeout(http.Header{"Grpc-Timeout": {text}}); !ok || got != want {
			t.Errorf("%s: %s %v, want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "S", "1", "1s", "-1S", "+1S", "123456789S", "1.5S", " 1S", "0x1S"} {
		if got, ok := rpc.Timeout(http.Header{"Grpc-Timeout": {text}}); ok {
			t.Errorf("%q was read as %s", text, got)
		}
	}
	for left, want := range map[time.Duration]string{-1: "1n", 0: "1n", time.Millisecond: "1000000n", time.Second: "1000000u",
		time.Hour: "3600000m", 1000 * time.Hour: "3600000S"} {
		h := http.Header{}
		rpc.SetTimeout(h, left)
		if got := h.Get("Grpc-Timeout"); got != want {
			t.Errorf("%s is written %s, want %s", left, got, want)
		}
	}
}

func TestStatusesAreWritten(t *testing.T) {
	t.Parallel()
	h := http.Header{"Grpc-Message": {"before"}}
	rpc.Status(h, rpc.Unavailable, "50% für\nalle")
	if h.Get("Grpc-Status") != "14" || h.Get("Grpc-Message") != "50%25 f%C3%BCr%0Aalle" {
		t.Errorf("got %v", h)
	}
	rpc.Status(h, rpc.Unavailable, strings.Repeat("ü", 10_000))
	if n := len(h.Get("Grpc-Message")); n > 1100 || n%6 != 0 {
		t.Errorf("a long message is written in %d bytes", n)
	}
	if rpc.Status(h, rpc.Internal, ""); h.Get("Grpc-Message") != "" {
		t.Errorf("got %v", h)
	}
}

func TestCodesAreThoseOfGRPC(t *testing.T) {
	t.Parallel()
	for kind, want := range map[dayfly.Kind]codes.Code{
		dayfly.KindInvalid: codes.InvalidArgument, dayfly.KindNotFound: codes.Unimplemented,
		dayfly.KindExhausted: codes.ResourceExhausted, dayfly.KindUnavailable: codes.Unavailable,
		dayfly.KindTimeout: codes.DeadlineExceeded, dayfly.KindInternal: codes.Internal,
		dayfly.KindDenied: codes.PermissionDenied, dayfly.KindUnauthenticated: codes.Unauthenticated,
		dayfly.KindConflict: codes.Aborted, dayfly.KindCanceled: codes.Canceled,
	} {
		if got := codes.Code(rpc.CodeOf(kind)); got != want {
			t.Errorf("%s is %s, want %s", kind, got, want)
		}
	}
	for kind, want := range map[dayfly.FailureKind]codes.Code{
		dayfly.FailureException: codes.Unknown, dayfly.FailureInit: codes.Unavailable, dayfly.FailureExit: codes.Unavailable,
		dayfly.FailureTimeout: codes.DeadlineExceeded, dayfly.FailureMemory: codes.ResourceExhausted,
		dayfly.FailureResponse: codes.Internal, dayfly.FailureTooLarge: codes.ResourceExhausted,
	} {
		if got := codes.Code(rpc.CodeOfFailure(kind)); got != want {
			t.Errorf("%s is %s, want %s", kind, got, want)
		}
	}
}

// stream gives messages of those sizes.
func stream(sizes ...int) []byte {
	var b []byte
	for _, n := range sizes {
		b = append(b, 0)
		b = binary.BigEndian.AppendUint32(b, uint32(n))
		b = append(b, bytes.Repeat([]byte{0xff}, n)...)
	}
	return b
}

func TestMetersFollowMessages(t *testing.T) {
	t.Parallel()
	wire := stream(3, 0, 7, 100, 1)
	ends := map[int]bool{0: true, 8: true, 13: true, 25: true, 130: true, 136: true}
	for _, piece := range []int{1, 2, 3, 5, 8, 200} {
		var m rpc.Meter
		var largest int64
		for at := 0; at < len(wire); at += piece {
			end := min(at+piece, len(wire))
			largest = max(largest, m.Feed(wire[at:end]))
			if m.Within() == ends[end] {
				t.Errorf("in pieces of %d, after %d bytes: within a message is %v", piece, end, m.Within())
			}
		}
		if largest != 100 {
			t.Errorf("in pieces of %d the largest message has %d bytes", piece, largest)
		}
	}
}

// FuzzMeter: however a stream is cut, the same is found in it.
func FuzzMeter(f *testing.F) {
	f.Add(stream(3, 0, 7), 4)
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 9}, 3)
	f.Fuzz(func(t *testing.T, wire []byte, cut int) {
		if cut < 0 || cut > len(wire) {
			return
		}
		var whole, parts rpc.Meter
		largest := whole.Feed(wire)
		first := parts.Feed(wire[:cut])
		if second := parts.Feed(wire[cut:]); max(first, second) != largest || parts.Within() != whole.Within() {
			t.Errorf("cut at %d: %d and %d, whole %d", cut, first, second, largest)
		}
	})
}

// FuzzTimeout: what is read is written as something that is read the same, but for what the
// number of digits loses.
func FuzzTimeout(f *testing.F) {
	f.Add("500m")
	f.Add("99999999H")
	f.Fuzz(func(t *testing.T, text string) {
		d, ok := rpc.Timeout(http.Header{"Grpc-Timeout": {text}})
		if !ok {
			return
		}
		h := http.Header{}
		rpc.SetTimeout(h, d)
		again, ok := rpc.Timeout(h)
		if !ok || again > max(d, 1) || again < d-d/90_000 {
			t.Errorf("%s is %s, and read again %s", text, d, again)
		}
	})
}

func BenchmarkIs(b *testing.B) {
	h := http.Header{"Content-Type": {"application/json"}}
	for b.Loop() {
		if rpc.Is(h) {
			b.Fatal("JSON is gRPC")
		}
	}
}
