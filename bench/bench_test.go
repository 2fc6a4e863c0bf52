// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/bench/caller"
)

// serve starts a server and gives a target on it.
func serve(t *testing.T, handler http.HandlerFunc) caller.Target {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	to, err := caller.NewTarget(s.URL + "/x?y=1")
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func TestClosedLoopKeepsConnectionsBusy(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int64
	to := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
		}
		time.Sleep(5 * time.Millisecond) // the handler's work, not a wait for something
		_, _ = io.WriteString(w, "ok\n")
	})
	got := closedLoop(t.Context(), to, 4, 200*time.Millisecond)
	if err := got.clean(); err != nil {
		t.Error(err)
	}
	if most.Load() != 4 || len(got.ok) < 20 || percentile(got.ok, .5) < 5*time.Millisecond {
		t.Errorf("%d calls, %d at once, median %v; want 4 at once, 5 ms each",
			len(got.ok), most.Load(), percentile(got.ok, .5))
	}
}

func TestOpenLoopOffersItsRateToASlowServer(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	to := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1)%2 == 0 {
			http.Error(w, "later", http.StatusTooManyRequests)
			return
		}
		time.Sleep(100 * time.Millisecond) // slower than calls come
		_, _ = io.WriteString(w, "ok\n")
	})
	got := openLoop(t.Context(), to, 200, 500*time.Millisecond)
	if n := len(got.ok) + len(got.refused); n < 95 || n > 105 || got.failed > 0 {
		t.Errorf("%d calls came back, %d broke (%v); want some hundred and none", n, got.failed, got.err)
	}
	if len(got.refused) == 0 || got.goodput() >= got.perSecond() {
		t.Errorf("%d refused, goodput %.0f/s of %.0f/s; the tail after the load must count",
			len(got.refused), got.goodput(), got.perSecond())
	}
}

func TestBrokenConnectionsAreCounted(t *testing.T) {
	t.Parallel()
	to := serve(t, func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	got := closedLoop(t.Context(), to, 1, 20*time.Millisecond)
	if got.failed == 0 || !errors.Is(got.err, io.EOF) || got.clean() == nil {
		t.Errorf("%d broke with %v, want some and EOF", got.failed, got.err)
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	var values []time.Duration
	for i := range 100 {
		values = append(values, time.Duration(99-i))
	}
	for p, want := range map[float64]time.Duration{0: 0, .5: 50, .99: 99, 1: 99} {
		if got := percentile(values, p); got != want {
			t.Errorf("percentile(0…99, %v) = %d, want %d", p, got, want)
		}
	}
}

func TestReportComparesWithTheRightFloor(t *testing.T) {
	t.Parallel()
	r := newReport(true)
	add := func(scenario, group, subject string, rate, p50 float64) *row {
		one := r.add(scenario, group, subject)
		one.PerSecond, one.P50 = rate, p50
		return one
	}
	node16 := add("warm", groupDayfly, "Node.js, fetch, 16 connections", 100, 1)
	node1 := add("warm", groupDayfly, "Node.js, fetch, 1 connections", 60, 1)
	add("warm", groupFloor, "bare Node.js http, 16 connections", 200, 1)
	add("warm", groupFloor, "bare Node.js http, 1 connections", 80, 1)
	cold := add("cold", groupDayfly, "Go, one at a time", 0, 6)
	add("cold", groupFloor, "bare net/http, exec to first answer", 0, 3)
	r.compare()
	if node16.Ratio != .5 || node1.Ratio != .75 || cold.Ratio != 2 {
		t.Errorf("ratios %v, %v, %v; want 0.5, 0.75, 2", node16.Ratio, node1.Ratio, cold.Ratio)
	}
	if err := xml.Unmarshal(draw(r), new(struct{})); err != nil {
		t.Errorf("the picture is no XML: %v", err)
	}
	var table bytes.Buffer
	if err := r.table(&table); err != nil || !bytes.Contains(table.Bytes(), []byte("×0.50")) {
		t.Errorf("the table lacks a ratio (%v):\n%s", err, table.String())
	}
}

func TestPromisesAreJudged(t *testing.T) {
	t.Parallel()
	r := newReport(true)
	one := r.spread("cold", groupDayfly, "Go", []time.Duration{time.Millisecond, 3 * time.Millisecond})
	one.promise("p50", 3*time.Millisecond).promise("p99", 2*time.Millisecond)
	if !one.Promises[0].Kept || one.Promises[1].Kept {
		t.Errorf("promises %+v, want the first kept and the second missed", one.Promises)
	}
}
