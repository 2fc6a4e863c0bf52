// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"context"
	"log/slog"
	"syscall"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

// flushEvery is how many calls come between two flushes of BenchmarkCall: at 200 ms that
// is a function with 5,000 calls a second. All of them are kept.
const flushEvery = 1000

// BenchmarkCall measures what one call costs in all: its record, one line, and its part of
// a flush. Beside the time it reports the processor time, the server's included.
func BenchmarkCall(b *testing.B) {
	l := openBench(b)
	ref := dayfly.FunctionRef{Project: "default", Name: "hello"}
	now := time.Now()
	record := &dayfly.Record{
		Function: ref, Revision: ref.Revision(1), Instance: "i-1", Node: "n-1",
		Source: dayfly.SourceHTTP, Method: "GET", Path: "/a?b=c", Status: 200, Start: now,
		Duration: 1500 * time.Microsecond, BilledMillis: 2, MemoryLimitBytes: 256 << 20,
		Phases: []dayfly.Timed{{Name: "lease", Duration: 10}, {Name: "invoke", Duration: 1e6}},
	}
	line := dayfly.LogLine{
		Time: now, Function: ref, Revision: ref.Revision(1), Instance: "i-1",
		Stream: dayfly.StreamStdout, Text: "GET /a?b=c took 1.5 ms",
	}
	var ids [4 * flushEvery]dayfly.InvocationID
	for i := range ids {
		ids[i] = dayfly.NewInvocationID(now.Add(time.Duration(i) * 200 * time.Microsecond))
	}
	b.ReportAllocs()
	used, n := processorTime(b), 0
	for b.Loop() {
		call := *record // the call's own, as it would be
		call.ID = ids[n%len(ids)]
		line.Invocation = call.ID
		l.Append(line)
		l.Record(&call)
		if n++; n%flushEvery == 0 {
			l.flush(b.Context())
		}
	}
	b.ReportMetric(float64(processorTime(b)-used)/float64(b.N), "cpu-ns/op")
}

// BenchmarkFind measures finding the record of a call long past, among a thousand batches.
func BenchmarkFind(b *testing.B) {
	l := openBench(b)
	l.cfg.RingRecords = 4
	var first dayfly.InvocationID
	for i := range 1000 {
		r := &dayfly.Record{
			ID: dayfly.NewInvocationID(time.Now()), Revision: "hello.default@1",
			Function: dayfly.FunctionRef{Project: "default", Name: "hello"},
		}
		if i == 0 {
			first = r.ID
		}
		l.Record(r)
		l.flush(b.Context())
	}
	for b.Loop() {
		if _, err := l.Find(b.Context(), first); err != nil {
			b.Fatal(err)
		}
	}
}

func openBench(b *testing.B) *Logs {
	b.Helper()
	log := slog.New(slog.DiscardHandler)
	under := bus.New(bus.Config{Dir: b.TempDir()}, log)
	if err := under.Open(b.Context()); err != nil {
		b.Fatal(err)
	}
	l := New(Config{}, under, log)
	if err := l.Open(context.WithoutCancel(b.Context())); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := l.Close(); err != nil {
			b.Error(err)
		}
		if err := under.Close(); err != nil {
			b.Error(err)
		}
	})
	return l
}

func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
