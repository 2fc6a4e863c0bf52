// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

// listener is an Emitter that keeps what it is told.
type listener struct {
	mu     sync.Mutex
	wanted bool
	broken error
	events []dayfly.Event
}

func (l *listener) Wants(dayfly.ProjectName, string, dayfly.BucketName) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wanted
}

func (l *listener) Emit(_ context.Context, _ dayfly.ProjectName, _ string, _ dayfly.BucketName, e dayfly.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return l.broken
	}
	l.events = append(l.events, e)
	return nil
}

func (l *listener) set(change func(*listener)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
}

// told gives the types and versions that were told, "put 3", oldest first.
func (l *listener) told() []dayfly.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]dayfly.Event(nil), l.events...)
}

// stand is a store of values on a bus of its own.
type stand struct {
	*Values
	bus      *bus.Bus
	listener *listener
	dir      string
	stop     func()
}

func start(t testing.TB, cfg Config) *stand {
	t.Helper()
	return reopen(t, t.TempDir(), cfg, &listener{})
}

func reopen(t testing.TB, dir string, cfg Config, l *listener) *stand {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	b := bus.New(bus.Config{Dir: dir}, log)
	if err := b.Open(t.Context()); err != nil {
		t.Fatalf("open bus: %v", err)
	}
	v := New(cfg, b, l, log)
	if err := v.Open(t.Context()); err != nil {
		t.Fatalf("Open: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := v.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	var once sync.Once
	s := &stand{Values: v, bus: b, listener: l, dir: dir}
	s.stop = func() {
		once.Do(func() {
			cancel()
			wg.Wait()
			if err := b.Close(); err != nil {
				t.Errorf("close bus: %v", err)
			}
		})
	}
	t.Cleanup(s.stop)
	return s
}

func ref(key string) Ref { return Ref{Project: "shop", Bucket: "carts", Key: key} }

func (s *stand) put(t testing.TB, r Ref, data string, o PutOptions) Value {
	t.Helper()
	value, err := s.Put(t.Context(), r, []byte(data), o)
	if err != nil {
		t.Fatalf("Put(%s, %q, %+v): %v", r, data, o, err)
	}
	return value
}

func (s *stand) wantGone(t testing.TB, r Ref) {
	t.Helper()
	if got, err := s.Get(t.Context(), r); dayfly.KindOf(err) != dayfly.KindNotFound {
		t.Errorf("Get(%s) = %q, %v; want not_found", r, got.Data, err)
	}
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for until := time.Now().Add(time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("after a minute, still not: %s", what)
		}
	}
}

func TestValuesAreWhatWasPut(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for name, data := range map[string]string{
		"plain": "text", "empty": "", "every byte": string(all),
		"largest": strings.Repeat("x", ValueBytesMax),
	} {
		put := s.put(t, ref(name), data, PutOptions{ContentType: "image/png"})
		got, err := s.Get(t.Context(), ref(name))
		if err != nil || string(got.Data) != data || got.ContentType != "image/png" || got.Version != put.Version {
			t.Errorf("Get(%s) = %d bytes of %q at %d, %v; want the %d put at %d", name, len(got.Data),
				got.ContentType, got.Version, err, len(data), put.Version)
		}
	}
	first := s.put(t, ref("a"), "1", PutOptions{})
	second := s.put(t, ref("a"), "2", PutOptions{})
	if second.Version <= first.Version {
		t.Errorf("versions %d, %d do not grow", first.Version, second.Version)
	}
	version, err := s.Delete(t.Context(), ref("a"), 0)
	if err != nil || version <= second.Version {
		t.Errorf("Delete = %d, %v; want a version above %d", version, err, second.Version)
	}
	s.wantGone(t, ref("a"))
	if _, err := s.Delete(t.Context(), ref("a"), 0); dayfly.KindOf(err) != dayfly.KindNotFound {
		t.Errorf("Delete again: %v, want not_found", err)
	}
}

// hostileKeys are keys that a path, a subject or a header could take for something else.
var hostileKeys = []string{"..", ".", "a/../b", "a//b", "/a", "a/", "/", "a b", "a.b", "*", ">", "a.>",
	"=2F", "=", "%2F", "ключ", "日本", "🎉", "a\x00b", "a\nb", "\r\nOp: D", "$KV", strings.Repeat("k", KeyBytesMax),
	strings.Repeat("é", KeyBytesMax/2)}

func TestEveryKeyIsItsOwn(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	for _, key := range hostileKeys {
		s.put(t, ref(key), "of "+key, PutOptions{})
	}
	other := Ref{Project: "other", Bucket: "carts", Key: ".."}
	s.put(t, other, "theirs", PutOptions{})
	s.stop()
	s = reopen(t, s.dir, Config{}, s.listener)
	for _, key := range hostileKeys {
		got, err := s.Get(t.Context(), ref(key))
		if err != nil || string(got.Data) != "of "+key {
			t.Errorf("Get(%q) = %q, %v", key, got.Data, err)
		}
	}
	page, err := s.List(t.Context(), "shop", "carts", Query{Limit: PageMax})
	if err != nil || len(page.Values) != len(hostileKeys) {
		t.Errorf("List gave %d values, %v; want %d", len(page.Values), err, len(hostileKeys))
	}
	if list := s.Buckets("other"); len(list) != 1 || list[0].Keys != 1 {
		t.Errorf("Buckets(other) = %+v, want one with one key", list)
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	for name, tt := range map[string]struct {
		ref  Ref
		data string
		o    PutOptions
		want string
	}{
		"no key":         {ref: ref(""), want: "empty"},
		"long key":       {ref: ref(strings.Repeat("k", KeyBytesMax+1)), want: "513 bytes"},
		"not UTF-8":      {ref: ref("\xff"), want: "UTF-8"},
		"bucket name":    {ref: Ref{"shop", "Carts", "k"}, want: "bucket name"},
		"project name":   {ref: Ref{"a.b", "carts", "k"}, want: "project name"},
		"large value":    {ref: ref("k"), data: strings.Repeat("x", ValueBytesMax+1), want: "at most 512Ki"},
		"short TTL":      {ref: ref("k"), o: PutOptions{TTL: time.Millisecond}, want: "1s to 1 year"},
		"long TTL":       {ref: ref("k"), o: PutOptions{TTL: 9000 * time.Hour}, want: "1s to 1 year"},
		"negative TTL":   {ref: ref("k"), o: PutOptions{TTL: -time.Hour}, want: "1s to 1 year"},
		"content type":   {ref: ref("k"), o: PutOptions{ContentType: "a\r\nOp: D"}, want: "printable"},
		"long type":      {ref: ref("k"), o: PutOptions{ContentType: strings.Repeat("a", 256)}, want: "256 bytes"},
		"two conditions": {ref: ref("k"), o: PutOptions{If: Condition{Version: 1, Absent: true}}, want: "absent"},
	} {
		_, err := s.Put(t.Context(), tt.ref, []byte(tt.data), tt.o)
		if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Put = %v, want invalid with %q", name, err, tt.want)
		}
	}
	if keys, bytes := s.index.totals(); keys != 0 || bytes != 0 {
		t.Errorf("refused values left %d keys, %d bytes", keys, bytes)
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	first := s.put(t, ref("k"), "1", PutOptions{If: Condition{Absent: true}})
	conflicts := func(what string, err error) {
		t.Helper()
		if dayfly.KindOf(err) != dayfly.KindConflict {
			t.Errorf("%s: %v, want conflict", what, err)
		}
	}
	_, err := s.Put(t.Context(), ref("k"), nil, PutOptions{If: Condition{Absent: true}})
	conflicts("create of what exists", err)
	second := s.put(t, ref("k"), "2", PutOptions{If: Condition{Version: first.Version}})
	_, err = s.Put(t.Context(), ref("k"), nil, PutOptions{If: Condition{Version: first.Version}})
	conflicts("update of an older version", err)
	_, err = s.Delete(t.Context(), ref("k"), first.Version)
	conflicts("delete of an older version", err)
	if _, err := s.Delete(t.Context(), ref("k"), second.Version); err != nil {
		t.Errorf("Delete at its version: %v", err)
	}
	_, err = s.Put(t.Context(), ref("k"), nil, PutOptions{If: Condition{Version: second.Version}})
	conflicts("update of what was deleted", err)
	s.put(t, ref("k"), "3", PutOptions{If: Condition{Absent: true}})
}

func TestOneOfManyCreates(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := map[string]int{}
	for i := range 200 {
		key := fmt.Sprint("k", i%10)
		wg.Go(func() {
			if _, err := s.Put(t.Context(), ref(key), nil, PutOptions{If: Condition{Absent: true}}); err == nil {
				mu.Lock()
				defer mu.Unlock()
				won[key]++
			}
		})
	}
	wg.Wait()
	for i := range 10 {
		if n := won[fmt.Sprint("k", i)]; n != 1 {
			t.Errorf("value k%d was created %d times, want once", i, n)
		}
	}
}

func TestIncrementsAddUp(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if _, _, err := s.Increment(t.Context(), ref("n"), IncrementOptions{By: 3}); err != nil {
					t.Errorf("Increment: %v", err)
				}
			}
		})
	}
	wg.Wait()
	sum, value, err := s.Increment(t.Context(), ref("n"), IncrementOptions{By: -200})
	if sum != 1000 || err != nil {
		t.Errorf("after 400 increments of 3 and one of -200: %d, %v; want 1000", sum, err)
	}
	got, err := s.Get(t.Context(), ref("n"))
	if string(got.Data) != "1000" || got.Version != value.Version || err != nil {
		t.Errorf("Get = %q at %d, %v; want 1000 at %d", got.Data, got.Version, err, value.Version)
	}
	s.put(t, ref("max"), "9223372036854775807", PutOptions{})
	s.put(t, ref("text"), "seven", PutOptions{})
	for _, key := range []string{"max", "text"} {
		if n, _, err := s.Increment(t.Context(), ref(key), IncrementOptions{By: 1}); dayfly.KindOf(err) != dayfly.KindInvalid {
			t.Errorf("Increment of %s = %d, %v; want invalid", key, n, err)
		}
	}
}

func TestValuesExpire(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Now()
	s := start(t, Config{Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	s.listener.set(func(l *listener) { l.wanted = true })
	s.put(t, ref("short"), "x", PutOptions{TTL: time.Minute})
	s.put(t, ref("kept"), "x", PutOptions{TTL: time.Minute})
	s.put(t, ref("kept"), "y", PutOptions{}) // without a TTL from now on
	if _, _, err := s.Increment(t.Context(), ref("n"), IncrementOptions{By: 1, TTL: time.Minute}); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	now = now.Add(30 * time.Second)
	mu.Unlock()
	if _, v, err := s.Increment(t.Context(), ref("n"), IncrementOptions{By: 1, TTL: time.Hour}); err != nil ||
		!v.Expires.Before(now.Add(31*time.Second)) {
		t.Errorf("a second increment: expires %s, %v; want what the first set", v.Expires, err)
	}
	mu.Lock()
	now = now.Add(30 * time.Second)
	mu.Unlock()
	s.wantGone(t, ref("short"))
	s.wantGone(t, ref("n"))
	if page, err := s.List(t.Context(), "shop", "carts", Query{}); err != nil || len(page.Values) != 1 {
		t.Errorf("List after expiry = %+v, %v; want kept alone", page, err)
	}
	s.put(t, ref("short"), "again", PutOptions{If: Condition{Absent: true}})
	s.nudge()
	eventually(t, "both expiries are told", func() bool {
		expired := map[string]int{}
		for _, e := range s.listener.told() {
			if strings.Contains(string(e.Data), `"expired":true`) {
				expired[e.Subject]++
			}
		}
		// short may have been written again before it was deleted.
		return expired["n"] == 1 && expired["short"] <= 1 && expired["kept"] == 0
	})
	if got, err := s.Get(t.Context(), ref("short")); string(got.Data) != "again" || err != nil {
		t.Errorf("Get of what was put after expiry = %q, %v", got.Data, err)
	}
}

func TestListPagesInOrder(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	var want []string
	for i := range 25 {
		key := fmt.Sprintf("user/%02d", i)
		s.put(t, ref(key), key, PutOptions{})
		want = append(want, key)
	}
	s.put(t, ref("user"), "", PutOptions{})
	s.put(t, ref("users"), "", PutOptions{})
	for _, data := range []bool{false, true} {
		var got []string
		q := Query{Prefix: "user/", Limit: 10, Data: data}
		for pages := 1; ; pages++ {
			page, err := s.List(t.Context(), "shop", "carts", q)
			if err != nil {
				t.Fatal(err)
			}
			for _, value := range page.Values {
				if wantData := map[bool]string{true: value.Key}[data]; string(value.Data) != wantData || value.Bytes != 7 {
					t.Errorf("listed %s with %q (%d bytes), want %q", value.Key, value.Data, value.Bytes, wantData)
				}
				got = append(got, value.Key)
			}
			if q.After = page.Next; q.After == "" {
				if pages != 3 {
					t.Errorf("%d pages, want 3", pages)
				}
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("List (data: %v), -want +got:\n%s", data, diff)
		}
	}
	if n, err := s.RemoveBucket(t.Context(), "shop", "carts"); n != 27 || err != nil {
		t.Errorf("RemoveBucket = %d, %v; want 27", n, err)
	}
	if list := s.Buckets("shop"); len(list) != 0 {
		t.Errorf("Buckets after RemoveBucket = %v", list)
	}
	if keys, bytes := s.index.totals(); keys != 0 || bytes != 0 {
		t.Errorf("an empty store counts %d keys, %d bytes", keys, bytes)
	}
}

func TestBoundsAreExhausted(t *testing.T) {
	t.Parallel()
	s := start(t, Config{KeysMax: 3, BytesMax: 2000})
	for i := range 3 {
		s.put(t, ref(fmt.Sprint(i)), "x", PutOptions{})
	}
	_, err := s.Put(t.Context(), ref("3"), nil, PutOptions{})
	if dayfly.KindOf(err) != dayfly.KindExhausted {
		t.Errorf("a fourth value of three: %v, want exhausted", err)
	}
	_, err = s.Put(t.Context(), ref("0"), make([]byte, 2000), PutOptions{})
	if dayfly.KindOf(err) != dayfly.KindExhausted {
		t.Errorf("too many bytes: %v, want exhausted", err)
	}
	if _, err := s.Delete(t.Context(), ref("0"), 0); err != nil {
		t.Errorf("Delete when full: %v", err)
	}
	s.put(t, ref("3"), "x", PutOptions{})
}

func TestChangesAreTold(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	s.put(t, ref("before"), "", PutOptions{})
	s.listener.set(func(l *listener) { l.wanted = true })
	v := s.put(t, ref("k"), "x", PutOptions{ContentType: "text/css"})
	deleted, err := s.Delete(t.Context(), ref("k"), 0)
	if err != nil {
		t.Fatal(err)
	}
	want := []dayfly.Event{
		{ID: fmt.Sprintf("%016x", v.Version), Source: "/projects/shop/kv/carts", Type: dayfly.EventValuePut,
			Subject: "k", ContentType: "application/json", Extensions: map[string]string{"partitionkey": "k"},
			Data: fmt.Appendf(nil, `{"bucket":"carts","key":"k","version":%d,"value":"eA==","content_type":"text/css"}`, v.Version)},
		{ID: fmt.Sprintf("%016x", deleted), Source: "/projects/shop/kv/carts", Type: dayfly.EventValueDeleted,
			Subject: "k", ContentType: "application/json", Extensions: map[string]string{"partitionkey": "k"},
			Data: fmt.Appendf(nil, `{"bucket":"carts","key":"k","version":%d}`, deleted)},
	}
	if diff := cmp.Diff(want, s.listener.told(), cmpopts.IgnoreFields(dayfly.Event{}, "Time")); diff != "" {
		t.Errorf("told, -want +got:\n%s", diff)
	}
}

func TestOwedEventsComeFirst(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	s.listener.set(func(l *listener) { l.wanted, l.broken = true, fmt.Errorf("no room") })
	v := s.put(t, ref("k"), "1", PutOptions{}) // recorded, so it has happened
	_, err := s.Put(t.Context(), ref("k"), []byte("2"), PutOptions{})
	if dayfly.KindOf(err) != dayfly.KindUnavailable {
		t.Errorf("Put while an event is owed: %v, want unavailable", err)
	}
	if got, err := s.Get(t.Context(), ref("k")); string(got.Data) != "1" || err != nil {
		t.Errorf("Get = %q, %v; want 1", got.Data, err)
	}
	s.listener.set(func(l *listener) { l.broken = nil })
	second := s.put(t, ref("k"), "2", PutOptions{})
	var ids []string
	for _, e := range s.listener.told() {
		ids = append(ids, e.ID)
	}
	want := []string{fmt.Sprintf("%016x", v.Version), fmt.Sprintf("%016x", second.Version)}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Errorf("told, -want +got:\n%s", diff)
	}
}
