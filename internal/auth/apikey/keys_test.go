// SPDX-License-Identifier: Apache-2.0

package apikey_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth/apikey"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time that tests put forward.
type clock struct{ nanos atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(0, c.nanos.Load()).UTC() }
func (c *clock) forward(d time.Duration) { c.nanos.Add(int64(d)) }

// node is a data folder that is open.
type node struct {
	*apikey.Keys
	store *store.Store
	clock *clock
	log   *bytes.Buffer
}

func open(t testing.TB, dir string) *node {
	t.Helper()
	n := &node{clock: &clock{}, log: &bytes.Buffer{}}
	n.clock.nanos.Store(time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC).UnixNano())
	silent := slog.New(slog.DiscardHandler)
	b := bus.New(bus.Config{Dir: dir}, silent)
	if err := b.Open(t.Context()); err != nil {
		t.Fatalf("open bus: %v", err)
	}
	t.Cleanup(func() { _ = b.Close() })
	n.store = store.New(b, bus.BucketAPIKeys, silent)
	if err := n.store.Open(t.Context()); err != nil {
		t.Fatalf("open store: %v", err)
	}
	n.Keys = second(t, n)
	return n
}

// second opens another table on the store of a node, as another node would.
func second(t testing.TB, n *node) *apikey.Keys {
	t.Helper()
	level := &slog.HandlerOptions{Level: slog.LevelDebug}
	k := apikey.New(n.store, n.clock.now, slog.New(slog.NewTextHandler(&locked{w: n.log}, level)))
	if err := k.Open(t.Context()); err != nil {
		t.Fatalf("open keys: %v", err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k
}

type locked struct {
	mu sync.Mutex
	w  *bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func create(t testing.TB, k *apikey.Keys, p dayfly.ProjectName, s apikey.Spec) (apikey.Key, string) {
	t.Helper()
	key, text, err := k.Create(t.Context(), p, s)
	if err != nil {
		t.Fatalf("create %s: %v", s.Name, err)
	}
	return key, text
}

func wantKind(t *testing.T, call string, err error, want dayfly.Kind) {
	t.Helper()
	if got := dayfly.KindOf(err); got != want {
		t.Errorf("%s: kind %q (%v), want %q", call, got, err, want)
	}
}

func TestKeyLife(t *testing.T) {
	t.Parallel()
	n := open(t, t.TempDir())
	ctx := t.Context()
	made, text := create(t, n.Keys, "shop", apikey.Spec{Name: "partner", Scopes: []string{"orders:read"},
		Labels: map[string]string{"plan": "gold"}})
	key, err := n.Verify("shop", text)
	if err != nil || key.ID != made.ID || key.Name != "partner" || key.Labels["plan"] != "gold" {
		t.Fatalf("Verify = %+v, %v; want the key that was made", key, err)
	}
	_, _, err = n.Create(ctx, "shop", apikey.Spec{Name: "partner"})
	wantKind(t, "create it again", err, dayfly.KindConflict)

	rotated, next, err := n.Rotate(ctx, "shop", "partner", time.Hour)
	if err != nil || rotated.ID != made.ID || next == text || len(rotated.Secrets) != 2 {
		t.Fatalf("Rotate = %+v, %v; want the same identity with two secrets", rotated, err)
	}
	for _, each := range []string{text, next} {
		if _, err := n.Verify("shop", each); err != nil {
			t.Errorf("within the grace: %v", err)
		}
	}
	n.clock.forward(time.Hour)
	_, err = n.Verify("shop", text)
	wantKind(t, "the old secret after its grace", err, dayfly.KindUnauthenticated)
	if _, err := n.Verify("shop", next); err != nil {
		t.Errorf("the new secret after the grace: %v", err)
	}
	if _, err := n.Revoke(ctx, "shop", string(made.ID)); err != nil {
		t.Fatalf("revoke by identity: %v", err)
	}
	_, err = n.Verify("shop", next)
	wantKind(t, "a revoked key", err, dayfly.KindUnauthenticated)
	_, err = n.Revoke(ctx, "shop", "partner")
	wantKind(t, "revoke it again", err, dayfly.KindNotFound)
	again, _ := create(t, n.Keys, "shop", apikey.Spec{Name: "partner"})
	if again.ID == made.ID {
		t.Error("another key of that name has the identity of the one that was revoked")
	}
	_, err = n.Verify("shop", next)
	wantKind(t, "a revoked key whose name is used again", err, dayfly.KindUnauthenticated)
}

func TestOtherTextsAreRefusedAlike(t *testing.T) {
	t.Parallel()
	n := open(t, t.TempDir())
	_, text := create(t, n.Keys, "shop", apikey.Spec{Name: "a"})
	_, foreign := create(t, n.Keys, "bank", apikey.Spec{Name: "a"})
	_, err := n.Verify("shop", "dfk_nobody")
	if err == nil {
		t.Fatal("a text that is no key was taken")
	}
	want := err.Error()
	last := text[:len(text)-1] + string(text[len(text)-1]^1)
	for name, bad := range map[string]string{
		"a neighbour's key": foreign, "empty": "", "one letter off": last, "longer": text + "a", "shorter": text[:40],
		"with zeros behind": text + "\x00", "shorter by zeros": text[:len(text)-1], "another case": strings.ToUpper(text),
		"an identity alone": text[:20], "a megabyte": strings.Repeat("a", 1<<20), "spaces": " " + text,
		"identity of one, secret of another": text[:21] + foreign[21:],
	} {
		key, err := n.Verify("shop", bad)
		if err == nil || err.Error() != want || dayfly.KindOf(err) != dayfly.KindUnauthenticated {
			t.Errorf("%s: %v, %v; want %q, as for all others", name, key, err, want)
		}
	}
}

func TestExpiredKeysAreRefused(t *testing.T) {
	t.Parallel()
	n := open(t, t.TempDir())
	_, text := create(t, n.Keys, "shop", apikey.Spec{Name: "a", Expires: n.clock.now().Add(time.Hour)})
	n.clock.forward(time.Hour - time.Nanosecond)
	if _, err := n.Verify("shop", text); err != nil {
		t.Errorf("before it expires: %v", err)
	}
	n.clock.forward(time.Nanosecond)
	_, err := n.Verify("shop", text)
	wantKind(t, "when it expires", err, dayfly.KindUnauthenticated)
	_, _, err = n.Rotate(t.Context(), "shop", "a", time.Hour)
	wantKind(t, "rotate an expired key", err, dayfly.KindConflict)
}

func TestRotationsAreBounded(t *testing.T) {
	t.Parallel()
	n := open(t, t.TempDir())
	_, first := create(t, n.Keys, "shop", apikey.Spec{Name: "a"})
	for range 3 {
		if _, _, err := n.Rotate(t.Context(), "shop", "a", time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := n.Rotate(t.Context(), "shop", "a", time.Hour)
	wantKind(t, "a fifth secret", err, dayfly.KindConflict)
	_, text, err := n.Rotate(t.Context(), "shop", "a", 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = n.Verify("shop", first)
	wantKind(t, "an old secret after a rotation without grace", err, dayfly.KindUnauthenticated)
	if _, err := n.Verify("shop", text); err != nil {
		t.Errorf("the new secret: %v", err)
	}
	for _, grace := range []time.Duration{-1, 91 * 24 * time.Hour} {
		_, _, err := n.Rotate(t.Context(), "shop", "a", grace)
		wantKind(t, "grace "+grace.String(), err, dayfly.KindInvalid)
	}
}

func TestALaterRotationDoesNotLengthenAGrace(t *testing.T) {
	t.Parallel()
	n := open(t, t.TempDir())
	_, text := create(t, n.Keys, "shop", apikey.Spec{Name: "a"})
	for _, grace := range []time.Duration{time.Minute, time.Hour} {
		if _, _, err := n.Rotate(t.Context(), "shop", "a", grace); err != nil {
			t.Fatal(err)
		}
	}
	n.clock.forward(2 * time.Minute)
	_, err := n.Verify("shop", text)
	wantKind(t, "after the first grace", err, dayfly.KindUnauthenticated)
}

func TestRotationsAtOnceAllHold(t *testing.T) {
	t.Parallel()
	n := open(t, t.TempDir())
	create(t, n.Keys, "shop", apikey.Spec{Name: "a"})
	other := second(t, n)
	texts := make([]string, 3)
	var group sync.WaitGroup
	for i := range texts {
		group.Go(func() {
			k := n.Keys
			if i%2 == 1 {
				k = other
			}
			var err error
			if _, texts[i], err = k.Rotate(t.Context(), "shop", "a", time.Hour); err != nil {
				t.Errorf("rotate %d: %v", i, err)
			}
		})
	}
	group.Wait()
	for i, text := range texts {
		until(t, fmt.Sprintf("secret %d is known everywhere", i), func() bool {
			_, err := n.Verify("shop", text)
			_, otherErr := other.Verify("shop", text)
			return err == nil && otherErr == nil
		})
	}
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

func TestARevocationIsHeardByOtherNodes(t *testing.T) {
	t.Parallel()
	n := open(t, t.TempDir())
	other := second(t, n)
	_, text := create(t, n.Keys, "shop", apikey.Spec{Name: "a"})
	until(t, "the key is known", func() bool { _, err := other.Verify("shop", text); return err == nil })
	if _, err := n.Revoke(t.Context(), "shop", "a"); err != nil {
		t.Fatal(err)
	}
	until(t, "the key is not known", func() bool { _, err := other.Verify("shop", text); return err != nil })
}

func TestKeysAndUsesSurviveARestart(t *testing.T) {
	t.Parallel()
	n := open(t, t.TempDir())
	_, text := create(t, n.Keys, "shop", apikey.Spec{Name: "a"})
	if _, err := n.Verify("shop", text); err != nil {
		t.Fatal(err)
	}
	used := n.clock.now()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n.clock.forward(time.Hour)
	again := second(t, n)
	key, err := again.Key("shop", "a")
	if err != nil || len(key.Secrets) != 1 || !key.Secrets[0].Used.Equal(used) {
		t.Errorf("after a restart the key is %+v, %v; want it used at %s", key, err, used)
	}
	if _, err := again.Verify("shop", text); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}

func TestNothingThatIsKeptTellsAKey(t *testing.T) {
	t.Parallel()
	n := open(t, t.TempDir())
	_, text := create(t, n.Keys, "shop", apikey.Spec{Name: "a"})
	_, next, err := n.Rotate(t.Context(), "shop", "a", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Verify("shop", text); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil { // writes uses
		t.Fatal(err)
	}
	records, err := n.store.List(context.WithoutCancel(t.Context()), "")
	if err != nil || len(records) != 2 {
		t.Fatalf("%d records, %v; want the key and its uses", len(records), err)
	}
	kept := n.log.String()
	for _, r := range records {
		kept += r.Key + string(r.Value)
	}
	for _, secret := range []string{text[21:], next[21:], text[21:40]} {
		if strings.Contains(kept, secret) {
			t.Errorf("a secret is in what is kept: %s", kept)
		}
	}
}

func TestADamagedRecordOpensNothing(t *testing.T) {
	t.Parallel()
	n := open(t, t.TempDir())
	_, text := create(t, n.Keys, "shop", apikey.Spec{Name: "a"})
	record, err := n.store.Get(t.Context(), "key/shop/a")
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"{", `{"format":2}`, strings.Replace(string(record.Value), `"sha256":"`, `"sha256":"00`, 1)} {
		current, err := n.store.Get(t.Context(), "key/shop/a")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.store.Update(t.Context(), current.Key, []byte(value), current.Version); err != nil {
			t.Fatal(err)
		}
		until(t, "the key is not known", func() bool { _, err := n.Verify("shop", text); return err != nil })
	}
}

func TestBadKeysAreRefused(t *testing.T) {
	t.Parallel()
	n := open(t, t.TempDir())
	many := map[string]string{}
	for i := range 17 {
		many[fmt.Sprint("l", i)] = ""
	}
	for name, s := range map[string]apikey.Spec{
		"no name": {}, "bad name": {Name: "A b"}, "scope with a space": {Name: "a", Scopes: []string{"a b"}},
		"scope twice": {Name: "a", Scopes: []string{"a", "a"}}, "no scope": {Name: "a", Scopes: []string{""}},
		"label with a line break": {Name: "a", Labels: map[string]string{"a": "x\ny"}},
		"label that is not UTF-8": {Name: "a", Labels: map[string]string{"a": "\xff"}},
		"label without a name":    {Name: "a", Labels: map[string]string{"": "x"}}, "many labels": {Name: "a", Labels: many},
		"long label": {Name: "a", Labels: map[string]string{"a": strings.Repeat("a", 257)}},
		"expired":    {Name: "a", Expires: n.clock.now()}, "never ends": {Name: "a", Expires: n.clock.now().AddDate(11, 0, 0)},
	} {
		_, _, err := n.Create(t.Context(), "shop", s)
		wantKind(t, name, err, dayfly.KindInvalid)
	}
	_, _, err := n.Create(t.Context(), "Shop!", apikey.Spec{Name: "a"})
	wantKind(t, "bad project", err, dayfly.KindInvalid)
	if list := n.List("shop"); len(list) != 0 {
		t.Errorf("refused keys are there: %v", list)
	}
}

func BenchmarkVerify(b *testing.B) {
	n := open(b, b.TempDir())
	_, text := create(b, n.Keys, "shop", apikey.Spec{Name: "a"})
	for name, text := range map[string]string{"known": text, "unknown": text[:20] + "b" + text[21:]} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = n.Verify("shop", text)
			}
		})
	}
}

func FuzzVerify(f *testing.F) {
	n := open(f, f.TempDir())
	_, text := create(f, n.Keys, "shop", apikey.Spec{Name: "a"})
	f.Add(text[:20])
	f.Add(text + "a")
	f.Add(strings.Repeat("_", len(text)))
	f.Fuzz(func(t *testing.T, guess string) {
		if _, err := n.Verify("shop", guess); (err == nil) != (guess == text) {
			t.Errorf("Verify(%q) = %v", guess, err)
		}
	})
}
