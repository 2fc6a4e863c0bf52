// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"fmt"
	"log/slog"
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
	"github.com/dayfly-faas/dayfly/internal/catalog"
	"github.com/dayfly-faas/dayfly/internal/store"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashEnv); dir != "" {
		deployUntilKilled(dir)
	}
	goleak.VerifyTestMain(m)
}

// world is a catalog and what it stands on.
type world struct {
	*catalog.Catalog
	store *store.Store
	close func()
}

func open(t testing.TB, dir string) *world {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	b := bus.New(bus.Config{Dir: dir}, log)
	if err := b.Open(t.Context()); err != nil {
		t.Fatalf("open bus: %v", err)
	}
	st := store.New(b, bus.BucketCatalog, log)
	if err := st.Open(t.Context()); err != nil {
		t.Fatalf("open store: %v", err)
	}
	c := catalog.New(st, log)
	if err := c.Open(t.Context()); err != nil {
		t.Fatalf("open catalog: %v", err)
	}
	w := &world{Catalog: c, store: st, close: sync.OnceFunc(func() {
		c.Close()
		if err := b.Close(); err != nil {
			t.Errorf("close bus: %v", err)
		}
	})}
	t.Cleanup(w.close)
	return w
}

var hello = dayfly.FunctionRef{Project: "default", Name: "hello"}

func draft(ref dayfly.FunctionRef) dayfly.Revision {
	spec := dayfly.DefaultSpec()
	spec.Runtime, spec.Contract, spec.Dialect = "python3.11", dayfly.ContractHandler, "lambda"
	spec.Entry = "app.handler"
	return dayfly.Revision{
		Function: ref, Spec: spec,
		Source: dayfly.Digest(strings.Repeat("5", 64)),
		Bundle: dayfly.Digest(strings.Repeat("b", 64)),
	}
}

func (w *world) publish(t testing.TB, ref dayfly.FunctionRef) *dayfly.Revision {
	t.Helper()
	r, err := w.Publish(t.Context(), draft(ref))
	if err != nil {
		t.Fatalf("Publish(%s): %v", ref, err)
	}
	return r
}

func (w *world) deploy(t testing.TB, ref dayfly.FunctionRef) *dayfly.Revision {
	t.Helper()
	r := w.publish(t, ref)
	if _, err := w.Activate(t.Context(), ref, r.Number); err != nil {
		t.Fatalf("Activate(%s, %d): %v", ref, r.Number, err)
	}
	return r
}

// state is what a test compares of a function.
type state struct {
	Live, Previous int
	Revisions      []int
}

func (w *world) state(t testing.TB, ref dayfly.FunctionRef) state {
	t.Helper()
	f, err := w.Function(ref)
	if err != nil {
		t.Fatalf("Function(%s): %v", ref, err)
	}
	return state{f.Live, f.Previous, f.Revisions}
}

func wantKind(t *testing.T, call string, err error, want dayfly.Kind) {
	t.Helper()
	if got := dayfly.KindOf(err); got != want {
		t.Errorf("%s: kind %q (%v), want %q", call, got, err, want)
	}
}

func TestDeployBecomesLiveOnlyWhenActivated(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	_, err := w.Resolve(hello, "")
	wantKind(t, "Resolve of nothing", err, dayfly.KindNotFound)
	if err == nil || err.Error() != "function hello not found" {
		t.Errorf("Resolve of nothing: %v, want: function hello not found", err)
	}

	first := w.publish(t, hello)
	if first.Number != 1 || first.ID != "hello.default@1" || first.CreatedAt.IsZero() {
		t.Errorf("Publish gave %+v, want hello.default@1 with its time", first)
	}
	_, err = w.Resolve(hello, "")
	wantKind(t, "Resolve before Activate", err, dayfly.KindUnavailable)

	if _, err := w.Activate(t.Context(), hello, 1); err != nil {
		t.Fatal(err)
	}
	second := w.publish(t, hello)
	for _, alias := range []dayfly.AliasName{"", dayfly.LiveAlias} {
		if got, err := w.Resolve(hello, alias); got != first || err != nil {
			t.Errorf("Resolve(%q) = %v, %v; want the first revision", alias, got, err)
		}
	}
	if _, err := w.Activate(t.Context(), hello, 2); err != nil {
		t.Fatal(err)
	}
	if got, err := w.Resolve(dayfly.FunctionRef{Name: "hello"}, ""); got != second || err != nil {
		t.Errorf("Resolve = %v, %v; want the second revision", got, err)
	}
	_, err = w.Resolve(hello, "other")
	wantKind(t, "Resolve of another alias", err, dayfly.KindNotFound)
	_, err = w.Activate(t.Context(), hello, 3)
	wantKind(t, "Activate of no revision", err, dayfly.KindNotFound)

	if diff := cmp.Diff(state{2, 1, []int{1, 2}}, w.state(t, hello)); diff != "" {
		t.Errorf("state, diff (-want +got):\n%s", diff)
	}
}

func TestRollback(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	ctx := t.Context()
	_, err := w.Rollback(ctx, hello, 0)
	wantKind(t, "Rollback of nothing", err, dayfly.KindNotFound)
	w.deploy(t, hello)
	_, err = w.Rollback(ctx, hello, 0)
	wantKind(t, "Rollback of the first revision", err, dayfly.KindConflict)
	w.deploy(t, hello)
	w.deploy(t, hello)

	for _, step := range []struct{ to, live, previous int }{
		{0, 2, 3}, {0, 3, 2}, {1, 1, 3}, {0, 3, 1},
	} {
		if _, err := w.Rollback(ctx, hello, step.to); err != nil {
			t.Fatalf("Rollback(%d): %v", step.to, err)
		}
		want := state{step.live, step.previous, []int{1, 2, 3}}
		if diff := cmp.Diff(want, w.state(t, hello)); diff != "" {
			t.Errorf("after Rollback(%d), diff (-want +got):\n%s", step.to, diff)
		}
		if r, err := w.Resolve(hello, ""); err != nil || r.Number != step.live {
			t.Errorf("Resolve after Rollback(%d) = %v, %v", step.to, r, err)
		}
	}
	_, err = w.Rollback(ctx, hello, 9)
	wantKind(t, "Rollback to no revision", err, dayfly.KindNotFound)
	_, err = w.Rollback(ctx, hello, 3)
	wantKind(t, "Rollback to the live revision", err, dayfly.KindConflict)
}

func TestDiscardTakesAFailedDeployAway(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	ctx := t.Context()
	w.publish(t, hello)
	if err := w.Discard(ctx, hello, 1); err != nil {
		t.Fatal(err)
	}
	_, err := w.Function(hello)
	wantKind(t, "Function after its only revision was discarded", err, dayfly.KindNotFound)
	wantKind(t, "second Discard", w.Discard(ctx, hello, 1), dayfly.KindNotFound)

	w.deploy(t, hello)
	w.deploy(t, hello)
	failed := w.publish(t, hello)
	wantKind(t, "Discard of the live one", w.Discard(ctx, hello, 3), dayfly.KindConflict)
	wantKind(t, "Discard of the previous one", w.Discard(ctx, hello, 2), dayfly.KindConflict)
	if err := w.Discard(ctx, hello, failed.Number); err != nil {
		t.Fatal(err)
	}
	want := state{3, 2, []int{2, 3}} // number 1 is spent
	if diff := cmp.Diff(want, w.state(t, hello)); diff != "" {
		t.Errorf("after Discard, diff (-want +got):\n%s", diff)
	}
}

func TestRemoveLeavesNothingButTheNumbers(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	w.deploy(t, hello)
	w.deploy(t, hello)
	if err := w.Remove(t.Context(), hello); err != nil {
		t.Fatal(err)
	}
	_, err := w.Resolve(hello, "")
	wantKind(t, "Resolve after Remove", err, dayfly.KindNotFound)
	wantKind(t, "second Remove", w.Remove(t.Context(), hello), dayfly.KindNotFound)
	_, err = w.Activate(t.Context(), hello, 1)
	wantKind(t, "Activate after Remove", err, dayfly.KindNotFound)
	if used := w.Bundles(); len(used) != 0 {
		t.Errorf("Bundles after Remove = %v, want none", used)
	}
	records, err := w.store.List(t.Context(), "revision")
	if len(records) != 0 || err != nil {
		t.Errorf("%d revision records after Remove, %v; want none", len(records), err)
	}
	if r := w.deploy(t, hello); r.Number != 3 {
		t.Errorf("deploy after Remove got number %d, want 3", r.Number)
	}
}

func TestPruneKeepsNewestLiveAndPrevious(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	for range 6 {
		w.deploy(t, hello)
	}
	for _, to := range []int{1, 2} { // live 2, previous 1
		if _, err := w.Rollback(t.Context(), hello, to); err != nil {
			t.Fatal(err)
		}
	}
	wantKind(t, "Prune to 0", w.Prune(t.Context(), hello, 0), dayfly.KindInvalid)
	if err := w.Prune(t.Context(), hello, 2); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(state{2, 1, []int{1, 2, 5, 6}}, w.state(t, hello)); diff != "" {
		t.Errorf("after Prune, diff (-want +got):\n%s", diff)
	}
	_, err := w.Revision(hello, 3)
	wantKind(t, "Revision after Prune", err, dayfly.KindNotFound)
	if records, err := w.store.List(t.Context(), "revision"); len(records) != 4 || err != nil {
		t.Errorf("%d revision records after Prune, %v; want 4", len(records), err)
	}
}

func TestBadDraftChangesNothing(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	for name, spoil := range map[string]func(*dayfly.Revision){
		"no name":      func(r *dayfly.Revision) { r.Function.Name = "" },
		"bad name":     func(r *dayfly.Revision) { r.Function.Name = "A/b" },
		"bad project":  func(r *dayfly.Revision) { r.Function.Project = "a.b" },
		"out of range": func(r *dayfly.Revision) { r.Spec.Limits.MemoryBytes = 1 },
		"too large": func(r *dayfly.Revision) {
			r.Spec.Env = map[string]string{"A": strings.Repeat("x", 600<<10)}
		},
	} {
		d := draft(hello)
		spoil(&d)
		_, err := w.Publish(t.Context(), d)
		wantKind(t, "Publish with "+name, err, dayfly.KindInvalid)
	}
	if records, err := w.store.List(t.Context(), ""); len(records) != 0 || err != nil {
		t.Errorf("store has %d records, %v; want none", len(records), err)
	}
}

func TestEverythingSurvivesRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other := dayfly.FunctionRef{Project: "shop", Name: "cart"}
	w := open(t, dir)
	w.deploy(t, hello)
	w.deploy(t, hello)
	w.publish(t, hello)
	w.deploy(t, other)
	gone := dayfly.FunctionRef{Project: "shop", Name: "gone"}
	w.deploy(t, gone)
	if err := w.Remove(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	want := w.Functions("")
	wantRevision, err := w.Revision(hello, 2)
	if err != nil {
		t.Fatal(err)
	}
	w.close()

	w = open(t, dir)
	if diff := cmp.Diff(want, w.Functions("")); diff != "" {
		t.Errorf("Functions after restart, diff (-before +after):\n%s", diff)
	}
	got, err := w.Resolve(hello, "")
	if diff := cmp.Diff(wantRevision, got); diff != "" || err != nil {
		t.Errorf("Resolve after restart: %v, diff (-want +got):\n%s", err, diff)
	}
	if shop := w.Functions("shop"); len(shop) != 1 || shop[0].FunctionRef != other {
		t.Errorf("Functions(shop) = %v, want %s alone", shop, other)
	}
	if used := w.Bundles(); len(used) != 2 {
		t.Errorf("Bundles = %v, want one source and one bundle", used)
	}
}

func TestConcurrentPublishesGetUniqueNumbers(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	const writers, each = 6, 5
	var mu sync.Mutex // guards numbers
	var numbers []int
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range each {
				r, err := w.Publish(t.Context(), draft(hello))
				if err != nil {
					t.Errorf("Publish: %v", err)
					return
				}
				if _, err := w.Activate(t.Context(), hello, r.Number); err != nil {
					t.Errorf("Activate(%d): %v", r.Number, err)
				}
				mu.Lock()
				numbers = append(numbers, r.Number)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	slices.Sort(numbers)
	if n := len(slices.Compact(slices.Clone(numbers))); n != writers*each {
		t.Errorf("%d different numbers for %d publishes: %v", n, writers*each, numbers)
	}
	if got := w.state(t, hello).Revisions; !slices.Equal(got, numbers) {
		t.Errorf("Revisions = %v, want %v", got, numbers)
	}
}

func TestWatchTellsChangesInOrderAndAfterTheSnapshot(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	w.deploy(t, hello)
	changes := make(chan string, 100)
	stop := w.Watch(func(c catalog.Change) {
		live := 0
		if c.Live != nil {
			live = c.Live.Number
			if got, err := w.Resolve(c.Function, ""); err != nil || got.Number < live {
				t.Errorf("Resolve when told of revision %d: %v, %v", live, got, err)
			}
		}
		changes <- fmt.Sprintf("%s %d", c.Function, live)
	})
	next := func(want string) {
		t.Helper()
		select {
		case got := <-changes:
			if got != want {
				t.Errorf("told of %q, want %q", got, want)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("not told of %q in 5s", want)
		}
	}
	w.deploy(t, hello)
	next("hello 2")
	if _, err := w.Rollback(t.Context(), hello, 0); err != nil {
		t.Fatal(err)
	}
	next("hello 1")
	w.publish(t, hello) // nothing that is live changes
	if err := w.Remove(t.Context(), hello); err != nil {
		t.Fatal(err)
	}
	next("hello 0")
	stop()
	w.deploy(t, hello)
	w.close() // waits for the watchers
	if len(changes) != 0 {
		t.Errorf("told of %q after stop", <-changes)
	}
}

func TestSlowWatcherHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	release, told := make(chan struct{}), make(chan int, 100)
	defer w.Watch(func(c catalog.Change) {
		<-release
		told <- c.Live.Number
	})()
	for range 20 {
		w.deploy(t, hello)
	}
	close(release)
	last := 0
	for last != 20 {
		select {
		case n := <-told:
			if n <= last {
				t.Errorf("told of revision %d after %d", n, last)
			}
			last = n
		case <-time.After(5 * time.Second):
			t.Fatalf("told of revision %d at last, want 20", last)
		}
	}
}

func TestOrphansAreSweptWhenOldAndOnlyThen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := open(t, dir)
	w.deploy(t, hello)
	for number, age := range map[int]time.Duration{7: 2 * time.Hour, 8: time.Minute} {
		key := fmt.Sprint("revision/default/hello/", number)
		value := fmt.Sprintf(`{"id":"hello.default@%d","number":%d,"created_at":%q,`+
			`"function":{"project":"default","name":"hello"}}`,
			number, number, time.Now().Add(-age).UTC().Format(time.RFC3339))
		if _, err := w.store.Create(t.Context(), key, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	w.close()

	w = open(t, dir)
	_, err := w.store.Get(t.Context(), "revision/default/hello/7")
	wantKind(t, "Get of the old orphan", err, dayfly.KindNotFound)
	if _, err := w.store.Get(t.Context(), "revision/default/hello/8"); err != nil {
		t.Errorf("Get of the young orphan: %v", err)
	}
	if diff := cmp.Diff(state{1, 0, []int{1}}, w.state(t, hello)); diff != "" {
		t.Errorf("state, diff (-want +got):\n%s", diff)
	}
}

func TestBadRecordTakesNoOtherDown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := open(t, dir)
	w.deploy(t, hello)
	for _, key := range []string{"function/default/bad", "revision/default/bad/x", "stray"} {
		if _, err := w.store.Create(t.Context(), key, []byte("{")); err != nil {
			t.Fatal(err)
		}
	}
	w.close()
	w = open(t, dir)
	if _, err := w.Resolve(hello, ""); err != nil {
		t.Errorf("Resolve beside bad records: %v", err)
	}
}

func TestFunctionsStayLean(t *testing.T) {
	const count = 2000
	dir := t.TempDir()
	w := open(t, dir)
	for i := range count {
		w.deploy(t, dayfly.FunctionRef{
			Project: "default", Name: dayfly.FunctionName(fmt.Sprintf("function-%05d", i)),
		})
	}
	w.close()

	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	w = open(t, dir)
	w.close() // leaves the snapshot alone
	each := (int64(heap()) - int64(before)) / count
	t.Logf("%d bytes of heap for each function", each)
	if each > 2048 {
		t.Errorf("a function costs %d bytes of heap, want at most 2048", each)
	}
	runtime.KeepAlive(w)
}

func BenchmarkResolve(b *testing.B) {
	w := open(b, b.TempDir())
	var refs []dayfly.FunctionRef
	for i := range 256 {
		ref := dayfly.FunctionRef{
			Project: "default", Name: dayfly.FunctionName(fmt.Sprint("function-", i)),
		}
		w.deploy(b, ref)
		refs = append(refs, ref)
	}
	b.Run("one caller", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if _, err := w.Resolve(refs[i%256], ""); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
	b.Run("every processor, one function", func(b *testing.B) {
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if _, err := w.Resolve(refs[0], ""); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkDeploy(b *testing.B) {
	w := open(b, b.TempDir())
	n := 0
	for b.Loop() {
		w.deploy(b, dayfly.FunctionRef{
			Project: "default", Name: dayfly.FunctionName(fmt.Sprint("function-", n/10)),
		})
		n++
	}
}
