// SPDX-License-Identifier: Apache-2.0

package login_test

import (
	"context"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/internal/auth/login"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/store"
)

// recorded gives a world whose ends of sessions are written down.
func recorded(t *testing.T) (*world, *store.Store) {
	t.Helper()
	w, log := newWorld(t, nil), slog.New(slog.DiscardHandler)
	b := bus.New(bus.Config{Dir: t.TempDir()}, log)
	if err := b.Open(t.Context()); err != nil {
		t.Fatalf("open bus: %v", err)
	}
	t.Cleanup(func() { _ = b.Close() })
	records := store.New(b, bus.BucketSessions, log)
	if err := records.Open(t.Context()); err != nil {
		t.Fatalf("open store: %v", err)
	}
	w.remember(t, records)
	return w, records
}

// remember begins anew with what records tell, as a node does that starts.
func (w *world) remember(t *testing.T, records *store.Store) *login.Sessions {
	t.Helper()
	w.deps.Sessions = login.NewSessions(w.now, records, w.deps.Log)
	if err := w.deps.Sessions.Open(t.Context()); err != nil {
		t.Fatalf("open sessions: %v", err)
	}
	w.login = w.newLogin(t, w.from)
	return w.deps.Sessions
}

func TestWhoLoggedOutStaysOutAfterARestart(t *testing.T) {
	t.Parallel()
	w, records := recorded(t)
	isIn(t, w.enter(t, "/"))
	copied := w.cookies(t)[sessionCookie]
	w.step(t, request(t, "POST", w.site.URL+"/auth/logout", url.Values{}))
	isIn(t, w.enter(t, "/"))
	other := w.cookies(t)[sessionCookie]
	w.remember(t, records)
	if w.present(t, copied) != nil {
		t.Error("after a restart a copy of a session that logged out counts again")
	}
	if w.present(t, other) == nil {
		t.Error("after a restart a session that did not log out counts no more")
	}
}

func TestEndsAreToldToOtherNodes(t *testing.T) {
	t.Parallel()
	w, records := recorded(t)
	isIn(t, w.enter(t, "/"))
	copied, here := w.cookies(t)[sessionCookie], w.login
	there := w.remember(t, records)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- there.Run(ctx) }()
	if w.present(t, copied) == nil {
		t.Fatal("a session does not count at another node")
	}
	other := w.login
	w.login = here
	w.step(t, request(t, "POST", w.site.URL+"/auth/logout", url.Values{}))
	w.login = other
	for deadline := time.Now().Add(time.Minute); w.present(t, copied) != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a session that logged out counts at another node")
		}
	}
	cancel()
	if err := <-ran; err != nil {
		t.Errorf("Run = %v", err)
	}
}

func TestEndsAreDeletedWhenTheirSessionsWouldBeOver(t *testing.T) {
	t.Parallel()
	w, records := recorded(t)
	isIn(t, w.enter(t, "/"))
	w.step(t, request(t, "POST", w.site.URL+"/auth/logout", url.Values{}))
	count := func() int {
		list, err := records.List(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if n := count(); n != 1 {
		t.Fatalf("%d records are there after logging out, want 1", n)
	}
	w.pass(31 * 24 * time.Hour)
	sessions := w.remember(t, records)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- sessions.Run(ctx) }()
	for deadline := time.Now().Add(time.Minute); count() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the record of a session that is over stays")
		}
	}
	cancel()
	if err := <-ran; err != nil {
		t.Errorf("Run = %v", err)
	}
}
