// SPDX-License-Identifier: Apache-2.0

package java_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// exchange begins one call; the caller reads the answer.
func (m *machine) exchange(ctx context.Context, r dayfly.Request, body io.Reader, length int64) (*dayfly.Result, error) {
	r.Kind, r.Body, r.ContentLength = dayfly.RequestHTTP, io.NopCloser(body), length
	return m.conn.Exchange(ctx, m.invocation(r), func() {})
}

func TestBodiesStreamBothWays(t *testing.T) {
	notShort(t)
	t.Parallel()
	const size = 5 << 20
	for _, concurrency := range []int{1, 3} {
		m := serve(t, spec{entry: "app.Flow", concurrency: concurrency})
		for _, length := range []int64{size, -1} {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			text := strings.Repeat("0123456789abcdef", size/16)
			result, err := m.exchange(ctx, dayfly.Request{Method: "POST", Path: "/echo"}, strings.NewReader(text), length)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(result.Body)
			if err != nil || string(got) != text {
				t.Errorf("concurrency %d, length %d: echo of %d bytes, %v; want what was sent", concurrency, length, len(got), err)
			}
			cancel()
		}
		if a := m.call(dayfly.Request{Kind: dayfly.RequestHTTP, Method: "POST", Path: "/unread"},
			strings.Repeat("x", 1<<20)); a.body != "unread" {
			t.Errorf("body not read: %s", a)
		}
	}
}

func TestEventsMayBeLarge(t *testing.T) {
	notShort(t)
	t.Parallel()
	m := serve(t, spec{entry: "app.Many::any", dialect: "lambda"})
	event := `"` + strings.Repeat("é", 3<<20) + `"`
	if a := m.event(event); a.body != event {
		t.Errorf("answer has %d bytes %v, want %d", len(a.body), a.failure, len(event))
	}
}

func TestASenderWaitsForTheWindow(t *testing.T) {
	t.Parallel()
	m := serve(t, spec{entry: "app.Flow", memory: 96 << 20})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	result, err := m.exchange(ctx, dayfly.Request{Path: "/endless"}, http.NoBody, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, result.Body, 4<<20); err != nil {
		t.Fatal(err)
	}
	// The guest notices that the caller is gone, and serves the next.
	_ = result.Body.Close()
	if a := m.call(dayfly.Request{Kind: dayfly.RequestHTTP, Path: "/state"}, ""); a.body != "canceled" {
		t.Errorf("after cancel: %s, want that the writer failed", a)
	}
}

func TestPiecesArriveAsTheyAreFlushed(t *testing.T) {
	t.Parallel()
	m := serve(t, spec{entry: "app.Flow", concurrency: 2})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	result, err := m.exchange(ctx, dayfly.Request{Path: "/pieces"}, http.NoBody, 0)
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 5)
	if _, err := io.ReadFull(result.Body, first); err != nil || string(first) != "first" {
		t.Fatalf("first piece = %q, %v", first, err)
	}
	if a := m.call(dayfly.Request{Kind: dayfly.RequestHTTP, Path: "/go"}, ""); a.status != 200 {
		t.Fatal(a)
	}
	rest, err := io.ReadAll(result.Body)
	if err != nil || string(rest) != "second" {
		t.Errorf("rest = %q, %v", rest, err)
	}
}

func TestCallsOverlap(t *testing.T) {
	notShort(t)
	t.Parallel()
	const calls = 6
	anyJDK(t)
	for _, jdk := range jdks() {
		m := serve(t, spec{entry: "app.Flow", concurrency: calls, jdk: jdk})
		// Each waits until all are there: one after the other they would never end.
		var wg sync.WaitGroup
		var mu sync.Mutex
		for i := range calls {
			mu.Lock()
			inv := m.invocation(dayfly.Request{Kind: dayfly.RequestHTTP, Path: "/together", RawQuery: fmt.Sprintf("n=%d", calls),
				Body: http.NoBody})
			mu.Unlock()
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				result, err := m.conn.Exchange(ctx, inv, func() {})
				if err != nil {
					t.Errorf("call %d: %v", i, err)
					return
				}
				if text, err := io.ReadAll(result.Body); err != nil || string(text) != "together" {
					t.Errorf("call %d = %q, %v", i, text, err)
				}
			})
		}
		wg.Wait()
		lines := m.logged()
		slices.Sort(lines)
		want := []string{" stdout loaded"}
		for i := range calls {
			want = append(want, fmt.Sprintf("call-%d stdout here", i+1), fmt.Sprintf("call-%d stdout there", i+1))
		}
		slices.Sort(want)
		if !slices.Equal(lines, want) {
			t.Errorf("%s: lines = %q, want each with its call", jdk.Version, lines)
		}
	}
}

func TestLinesBelongToTheirCall(t *testing.T) {
	t.Parallel()
	m := serve(t, spec{entry: "app.Flow"})
	for range 2 {
		if a := m.call(dayfly.Request{Kind: dayfly.RequestHTTP, Path: "/log"}, ""); a.body != "logged" {
			t.Fatal(a)
		}
	}
	long := strings.Repeat("x", 16384)
	want := []string{" stdout loaded"}
	for i := range 2 {
		id := fmt.Sprintf("call-%d ", i+1)
		want = append(want, id+"stdout one", id+"stdout ", id+"stderr two é", id+"stdout "+long, id+"stdout "+long[:16],
			id+"stdout by a thread", id+"stdout no end")
	}
	if got := m.logged(); !slices.Equal(got, want) {
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Errorf("line %d = %.40q (%d bytes), want %.40q (%d bytes)", i, got[i], len(got[i]), want[i], len(want[i]))
			}
		}
		t.Errorf("%d lines, want %d", len(got), len(want))
	}
}

func TestInstancesKeepState(t *testing.T) {
	t.Parallel()
	m := serve(t, spec{entry: "app.Flow"})
	for i := range 50 {
		if a := m.call(dayfly.Request{Kind: dayfly.RequestHTTP, Path: "/count"}, ""); a.body != fmt.Sprint(i+1) {
			t.Fatalf("call %d = %s", i+1, a)
		}
	}
	a := m.call(dayfly.Request{Kind: dayfly.RequestHTTP, Path: "/thread"}, "")
	if a.body != "same" {
		t.Errorf("threads of loading and calling = %s, want the same", a.body)
	}
}

func TestHostileFunctions(t *testing.T) {
	t.Parallel()
	anyJDK(t)
	for how, row := range map[string]struct {
		failure string // the failure's type; empty: the process just ends
		ends    bool
	}{
		"exit":   {"", true},
		"halt":   {"", true},
		"memory": {"java.lang.OutOfMemoryError", true},
		"stack":  {"java.lang.StackOverflowError", true},
		"io":     {"java.io.IOError", true},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			m := serve(t, spec{entry: "app.Failing", dialect: "lambda", memory: 128 << 20})
			a := m.event(`"` + how + `"`)
			switch {
			case row.failure == "" && a.err == nil:
				t.Errorf("answer = %s, want a broken connection", a)
			case row.failure != "" && (a.failure == nil || a.failure.Type != row.failure):
				t.Errorf("answer = %s, want %s", a, row.failure)
			}
			select {
			case <-m.exited:
			case <-time.After(patience):
				t.Errorf("guest still runs after %s", how)
			}
		})
	}
}

func TestHangingCodeEndsWithTheConnection(t *testing.T) {
	notShort(t)
	t.Parallel()
	for _, path := range []string{"/deadlock", "/spin", "/flood"} {
		m := serve(t, spec{entry: "app.Flow"})
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if result, err := m.exchange(ctx, dayfly.Request{Path: path}, http.NoBody, 0); err == nil {
			t.Errorf("%s answered %d", path, result.Status)
		}
		cancel()
		m.stop() // fails the test when the guest goes on
	}
}
