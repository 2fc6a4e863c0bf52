// SPDX-License-Identifier: Apache-2.0

package logs_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/logs"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashEnv); dir != "" {
		appendUntilKilled(dir)
	}
	goleak.VerifyTestMain(m)
}

var (
	hello = dayfly.FunctionRef{Project: "default", Name: "hello"}
	other = dayfly.FunctionRef{Project: "shop", Name: "other"}
)

// quick flushes so often that tests need not wait.
var quick = logs.Config{FlushInterval: 5 * time.Millisecond}

// still never flushes by itself.
var still = logs.Config{FlushInterval: time.Hour}

func open(t testing.TB, dir string, cfg logs.Config) (l *logs.Logs, shut func()) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	b := bus.New(bus.Config{Dir: dir}, log)
	if err := b.Open(t.Context()); err != nil {
		t.Fatalf("open bus: %v", err)
	}
	l = logs.New(cfg, b, log)
	if err := l.Open(t.Context()); err != nil {
		t.Fatalf("open logs: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := l.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	shut = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		if err := l.Close(); err != nil {
			t.Errorf("close logs: %v", err)
		}
		if err := b.Close(); err != nil {
			t.Errorf("close bus: %v", err)
		}
	})
	t.Cleanup(shut)
	return l, shut
}

func line(ref dayfly.FunctionRef, text string) dayfly.LogLine {
	return dayfly.LogLine{
		Time: time.Now().UTC(), Function: ref, Revision: ref.Revision(1), Instance: "i1",
		Invocation: "inv", Stream: dayfly.StreamStdout, Text: text,
	}
}

func record(ref dayfly.FunctionRef) *dayfly.Record {
	now := time.Now().UTC()
	return &dayfly.Record{
		ID: dayfly.NewInvocationID(now), Function: ref, Revision: ref.Revision(1),
		Instance: "i1", Node: "n1", Source: dayfly.SourceHTTP, Method: "GET", Path: "/a?b=c",
		Status: 200, Start: now, Duration: 1500 * time.Microsecond, Cold: dayfly.ColdStem,
		Why:          "no idle instance",
		Phases:       []dayfly.Timed{{Name: "queue", Duration: 10}, {Name: "invoke", Duration: 1e6}},
		BilledMillis: 2, MemoryLimitBytes: 256 << 20, RequestBytes: 3, ResponseBytes: 4,
	}
}

func texts(t testing.TB, l *logs.Logs, q logs.Query) []string {
	t.Helper()
	var got []string
	for line, err := range l.Lines(t.Context(), q) {
		if err != nil {
			t.Fatalf("Lines(%+v): %v", q, err)
		}
		got = append(got, line.Text)
	}
	return got
}

func ids(t testing.TB, l *logs.Logs, q logs.RecordQuery) []dayfly.InvocationID {
	t.Helper()
	records, err := l.Records(t.Context(), q)
	if err != nil {
		t.Fatalf("Records(%+v): %v", q, err)
	}
	var got []dayfly.InvocationID
	for _, r := range records {
		got = append(got, r.ID)
	}
	return got
}

func TestLinesAndRecordsSurviveRestartUnchanged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, shut := open(t, dir, still)
	failed := record(hello)
	failed.Fault, failed.Kind, failed.Error = dayfly.FaultGuest, dayfly.KindTimeout, "too slow"
	failed.Failure = &dayfly.Failure{
		Kind: dayfly.FailureException, Phase: dayfly.PhaseInvoke, Type: "KeyError",
		Message: "ü\n\x00", Stack: []string{"a", "b"}, Payload: []byte(`{"x":1}`),
	}
	want := []*dayfly.Record{record(hello), failed, {
		ID: dayfly.NewInvocationID(time.Now()), Function: hello, Revision: "x",
		Start: time.Unix(1, 0).UTC(),
	}}
	first, second := line(hello, "first"), dayfly.LogLine{Function: hello, Text: ""}
	l.Append(first)
	l.Append(second)
	for _, r := range want {
		l.Record(r)
	}
	shut()

	l, _ = open(t, dir, still)
	var lines []dayfly.LogLine
	for line, err := range l.Lines(t.Context(), logs.Query{Function: hello}) {
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if diff := cmp.Diff([]dayfly.LogLine{first, second}, lines); diff != "" {
		t.Errorf("Lines after restart, diff (-want +got):\n%s", diff)
	}
	for _, w := range want {
		got, err := l.Find(t.Context(), w.ID)
		if diff := cmp.Diff(w, got); diff != "" || err != nil {
			t.Errorf("Find after restart: %v, diff (-want +got):\n%s", err, diff)
		}
	}
	got := ids(t, l, logs.RecordQuery{Outcome: logs.OutcomeFailed})
	if diff := cmp.Diff([]dayfly.InvocationID{failed.ID}, got); diff != "" {
		t.Errorf("failed records after restart, diff (-want +got):\n%s", diff)
	}
}

func TestFindOfNothing(t *testing.T) {
	t.Parallel()
	l, _ := open(t, t.TempDir(), still)
	for _, id := range []dayfly.InvocationID{"", "x", dayfly.NewInvocationID(time.Now())} {
		if _, err := l.Find(t.Context(), id); dayfly.KindOf(err) != dayfly.KindNotFound {
			t.Errorf("Find(%q): %v, want not_found", id, err)
		}
	}
}

func TestTailJoinsThePastAndMemory(t *testing.T) {
	t.Parallel()
	dir, cfg := t.TempDir(), logs.Config{RingLines: 10, FlushInterval: time.Hour}
	l, shut := open(t, dir, cfg)
	var want []string
	appendAndFlush := func(count int) {
		for range count {
			text := fmt.Sprint("line ", len(want))
			want = append(want, text)
			l.Append(line(hello, text))
			if len(want)%7 == 0 { // before the shelf is full
				l.Flush(t.Context())
			}
		}
	}
	appendAndFlush(40)
	shut()
	l, _ = open(t, dir, cfg)
	appendAndFlush(40)
	l.Append(line(other, "not asked for"))

	for _, tail := range []int{1, 9, 10, 11, 40, 55, 80, 1000} {
		got := texts(t, l, logs.Query{Function: hello, Tail: tail})
		if diff := cmp.Diff(want[max(0, len(want)-tail):], got); diff != "" {
			t.Errorf("Tail %d, diff (-want +got):\n%s", tail, diff)
		}
	}
	if diff := cmp.Diff(want, texts(t, l, logs.Query{Function: hello})); diff != "" {
		t.Errorf("no Tail, diff (-want +got):\n%s", diff)
	}
	if got := texts(t, l, logs.Query{Function: hello, Tail: -1}); got != nil {
		t.Errorf("negative Tail gave %q, want nothing", got)
	}
	all := texts(t, l, logs.Query{})
	if diff := cmp.Diff(append(slices.Clone(want), "not asked for"), all); diff != "" {
		t.Errorf("all functions, diff (-want +got):\n%s", diff)
	}
	all = texts(t, l, logs.Query{Tail: 30})
	if diff := cmp.Diff(append(slices.Clone(want[51:]), "not asked for"), all); diff != "" {
		t.Errorf("all functions, Tail 30, diff (-want +got):\n%s", diff)
	}
}

func TestLinesOfOneInvocation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, shut := open(t, dir, still)
	mine := dayfly.NewInvocationID(time.Now())
	for i := range 6 {
		a := line(hello, fmt.Sprint(i))
		if a.Invocation = mine; i%2 == 1 {
			a.Invocation = dayfly.NewInvocationID(time.Now())
		}
		l.Append(a)
	}
	want := []string{"0", "2", "4"}
	for _, q := range []logs.Query{{Invocation: mine}, {Function: hello, Invocation: mine}} {
		if diff := cmp.Diff(want, texts(t, l, q)); diff != "" {
			t.Errorf("from memory, %+v, diff (-want +got):\n%s", q, diff)
		}
	}
	shut()
	l, _ = open(t, dir, still)
	for _, q := range []logs.Query{
		{Invocation: mine}, {Function: hello, Invocation: mine},
		{Function: hello, Invocation: mine, Tail: 3},
	} {
		if diff := cmp.Diff(want, texts(t, l, q)); diff != "" {
			t.Errorf("from the past, %+v, diff (-want +got):\n%s", q, diff)
		}
	}
}

func TestRecordsAreNewestFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := logs.Config{RingRecords: 8, FlushInterval: time.Hour}
	l, shut := open(t, dir, cfg)
	var all []*dayfly.Record
	add := func(count int) {
		for i := range count {
			r := record(hello)
			r.Start = time.Now().UTC()
			if i%3 == 0 {
				r.Function, r.Revision = other, other.Revision(1)
			}
			if i%4 == 0 {
				r.Fault = dayfly.FaultGuest
			}
			all = append(all, r)
			l.Record(r)
			if i%3 == 0 { // before the shelf is full
				l.Flush(t.Context())
			}
		}
	}
	add(20)
	shut()
	l, _ = open(t, dir, cfg)
	add(20)

	for name, q := range map[string]logs.RecordQuery{
		"all":               {},
		"newest":            {Limit: 5},
		"more than memory":  {Limit: 30},
		"one function":      {Function: hello, Limit: 20},
		"other function":    {Function: other},
		"failed":            {Outcome: logs.OutcomeFailed},
		"failed, newest":    {Outcome: logs.OutcomeFailed, Limit: 3},
		"since":             {Since: all[15].Start},
		"since, in memory":  {Since: all[38].Start},
		"function not seen": {Function: dayfly.FunctionRef{Project: "default", Name: "none"}},
	} {
		var want []dayfly.InvocationID
		for _, r := range slices.Backward(all) {
			if (q.Function == dayfly.FunctionRef{} || q.Function == r.Function) &&
				(q.Outcome == logs.OutcomeAny || r.Fault != "") && !r.Start.Before(q.Since) {
				want = append(want, r.ID)
			}
		}
		if q.Limit > 0 {
			want = want[:min(len(want), q.Limit)]
		}
		if diff := cmp.Diff(want, ids(t, l, q)); diff != "" {
			t.Errorf("%s, diff (-want +got):\n%s", name, diff)
		}
	}
}

func TestFloodLeavesNeighboursAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const rounds, roundLines, kept = 5, 10_000, 2000
	l, shut := open(t, dir, logs.Config{FlushInterval: time.Hour, RingLines: kept})
	for i := range 50 {
		l.Append(line(other, fmt.Sprint("quiet ", i)))
	}
	long := strings.Repeat("x", 200)
	for range rounds {
		for range roundLines {
			l.Append(line(hello, long))
		}
		l.Flush(t.Context())
	}
	quiet := texts(t, l, logs.Query{Function: other})
	if len(quiet) != 50 {
		t.Errorf("neighbour has %d lines after the flood, want 50", len(quiet))
	}
	shut()
	l, _ = open(t, dir, still)
	notice, flood := 0, 0
	for _, text := range texts(t, l, logs.Query{Function: hello}) {
		switch {
		case strings.Contains(text, "lines dropped: at most 2000 lines"):
			notice++
		default:
			flood++
		}
	}
	// Between two flushes so many lines are taken, and what was refused is told.
	if flood < kept || flood > rounds*kept || notice != rounds {
		t.Errorf("%d lines of the flood and %d notices are stored, want %d to %d, and %d",
			flood, notice, kept, rounds*kept, rounds)
	}
	if got := texts(t, l, logs.Query{Function: other}); len(got) != 50 {
		t.Errorf("neighbour has %d lines stored, want 50", len(got))
	}
}

func TestFloodLeavesTheNeighboursPastAlone(t *testing.T) {
	t.Parallel()
	const maxBytes = 4 << 20
	dir := t.TempDir()
	l, shut := open(t, dir, logs.Config{MaxBytes: maxBytes, FlushInterval: time.Hour})
	for i := range 20 {
		l.Append(line(other, fmt.Sprint("quiet ", i)))
	}
	noise := rand.NewChaCha8([32]byte{7})
	text := make([]byte, 8<<10)
	for i := range 3 * maxBytes / len(text) { // does not compress much: three streams full
		_, _ = noise.Read(text)
		l.Append(line(hello, strings.ToValidUTF8(string(text), "?")))
		if i%20 == 0 { // before the shelf is full
			l.Flush(t.Context())
		}
	}
	shut()
	l, _ = open(t, dir, still)
	if got := texts(t, l, logs.Query{Function: other}); len(got) != 20 {
		t.Errorf("neighbour has %d lines stored after the flood, want 20", len(got))
	}
	bytes := 0
	for _, text := range texts(t, l, logs.Query{Function: hello}) {
		bytes += len(text)
	}
	// An eighth of the stream, in compressed bytes, and one batch more.
	if bytes == 0 || bytes > 2*maxBytes/8+512<<10 {
		t.Errorf("%d bytes of the flood are stored, want about %d", bytes, maxBytes/8)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	l, _ := open(t, t.TempDir(), quick)
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	text := []byte(strings.Repeat("y", 400))
	for i := range 5000 { // more functions than there are shelves
		ref := dayfly.FunctionRef{
			Project: "default", Name: dayfly.FunctionName(fmt.Sprint("f", i)),
		}
		for range 40 {
			l.Append(line(ref, string(text)))
		}
		for range 5 {
			l.Record(record(ref))
		}
	}
	used := heap() - before
	t.Logf("%d KiB of heap hold what is left of 80 MB of lines", used>>10)
	if used > 32<<20 {
		t.Errorf("logs take %d MiB of heap, want at most 32", used>>20)
	}
	if total := l.Totals(dayfly.FunctionRef{Name: "f7"}); total.Calls != 5 {
		t.Errorf("Totals of f7 = %+v, want 5 calls", total)
	}
	runtime.KeepAlive(l)
}

func TestLargeEntriesAreCut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, shut := open(t, dir, still)
	l.Append(line(hello, strings.Repeat("ü", 20_000)))
	huge := record(hello)
	huge.Failure = &dayfly.Failure{Type: "E", Payload: make([]byte, 5<<20)}
	l.Record(huge)
	shut()
	l, _ = open(t, dir, still)
	got := texts(t, l, logs.Query{Function: hello})
	if len(got) != 1 || len(got[0]) > 16<<10 ||
		!strings.HasSuffix(got[0], "ü… (40000 bytes, cut)") {
		t.Errorf("a line of 40,000 bytes came back as %.40q…", got)
	}
	r, err := l.Find(t.Context(), huge.ID)
	if err != nil || r.Failure == nil || r.Failure.Type != "E" || r.Failure.Payload != nil {
		t.Errorf("a record with a huge payload came back as %+v, %v", r, err)
	}
}

func TestStrangersNamesTakeNoRoom(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, shut := open(t, dir, still)
	var last *dayfly.Record
	for i := range 100 {
		last = record(dayfly.FunctionRef{
			Project: "default", Name: dayfly.FunctionName(fmt.Sprint("guess-", i)),
		})
		last.Revision, last.Status = "", 404
		l.Record(last)
	}
	if all := l.AllTotals(); len(all) != 0 {
		t.Errorf("%d functions have totals, want none", len(all))
	}
	shut()
	l, _ = open(t, dir, still)
	got := ids(t, l, logs.RecordQuery{Function: last.Function})
	if diff := cmp.Diff([]dayfly.InvocationID{last.ID}, got); diff != "" {
		t.Errorf("records of one guess, diff (-want +got):\n%s", diff)
	}
}

func TestTotalsGoOnAfterRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, shut := open(t, dir, still)
	for i := range 10 {
		r := record(hello)
		if i == 0 {
			r.Fault = dayfly.FaultPlatform
		}
		l.Record(r)
	}
	shut()
	l, _ = open(t, dir, still)
	l.Record(record(hello))
	want := logs.Totals{Calls: 11, Errors: 1, BilledMillis: 22, MemoryMillis: 22 * 256}
	if got := l.Totals(hello); got != want {
		t.Errorf("Totals = %+v, want %+v", got, want)
	}
	all := map[dayfly.FunctionRef]logs.Totals{hello: want}
	if diff := cmp.Diff(all, l.AllTotals()); diff != "" {
		t.Errorf("AllTotals, diff (-want +got):\n%s", diff)
	}
	if got := l.Totals(other); got != (logs.Totals{}) {
		t.Errorf("Totals of a function never called = %+v", got)
	}
}
