// SPDX-License-Identifier: Apache-2.0

package login

import (
	"context"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// livesMax bounds the sessions that a node remembers: those with refresh tokens that were
	// renewed, and those that logged out. One takes a few KiB.
	livesMax = 20_000
	// retryPause is between two attempts to reach a provider about a session.
	retryPause = 30 * time.Second
	// renewTimeout bounds one of them: requests wait for it.
	renewTimeout = 10 * time.Second
)

// Sessions is what a node remembers of sessions beside their cookies: the newest form of those
// that were renewed, for requests that still come with the old one, and those that ended.
type Sessions struct {
	now    func() time.Time
	flight singleflight.Group // renewals, by session

	records Records // nil: what ended is forgotten at a restart
	log     *slog.Logger

	mu    sync.Mutex // guards what follows
	lives map[string]live
	over  int // lives that ended
}

// live is one of them; it is forgotten when the session would have ended.
type live struct {
	newest *session // nil when it ended
	till   time.Time
}

// NewSessions makes an empty memory. Now is time.Now when nil; without records what ended is
// forgotten at a restart.
func NewSessions(now func() time.Time, records Records, log *slog.Logger) *Sessions {
	if now == nil {
		now = time.Now
	}
	return &Sessions{now: now, records: records, log: log, lives: map[string]live{}}
}

// ended reports whether a session logged out, or its provider ended it.
func (m *Sessions) ended(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	one, known := m.lives[id]
	return known && one.newest == nil
}

// newest gives the newest form of s.
func (m *Sessions) newest(s *session) *session {
	m.mu.Lock()
	defer m.mu.Unlock()
	if one, known := m.lives[s.ID]; known {
		return one.newest
	}
	return s
}

// keep remembers the newest form of a session; nil ends it, for good.
func (m *Sessions) keep(id string, newest *session, till time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, known := m.lives[id]; known && old.newest == nil {
		return
	}
	if len(m.lives) >= livesMax {
		m.makeRoom()
	}
	m.lives[id] = live{newest, till}
	if newest == nil {
		m.over++
	}
}

// drop forgets a session. Callers hold mu.
func (m *Sessions) drop(id string) {
	if m.lives[id].newest == nil {
		m.over--
	}
	delete(m.lives, id)
}

// makeRoom forgets what is over; if nothing is, some that live, which their cookies tell
// about, too; and only if all ended, some of those.
func (m *Sessions) makeRoom() {
	now := m.now()
	for id, one := range m.lives {
		if !now.Before(one.till) {
			m.drop(id)
		}
	}
	for _, living := range []bool{true, false} {
		for id, one := range m.lives {
			if len(m.lives) < livesMax {
				return
			}
			if (one.newest != nil) == living {
				m.drop(id)
			}
		}
	}
}

// renewed gives s as the provider sees it now, or nil when it ended it. A provider that cannot
// be reached ends nothing.
func (l *Login) renewed(ctx context.Context, s *session) *session {
	if newest := l.deps.Sessions.newest(s); newest == nil || l.deps.Now().Before(newest.Check) {
		return newest
	}
	// The first of several requests asks, for all of them and also if it goes away: a refresh
	// token that is used twice ends the session at many providers.
	done, _, _ := l.deps.Sessions.flight.Do(s.ID, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewTimeout)
		defer cancel()
		newest := l.deps.Sessions.newest(s)
		if newest == nil || l.deps.Now().Before(newest.Check) {
			return newest, nil
		}
		return l.renew(ctx, newest), nil
	})
	newest, _ := done.(*session)
	return newest
}

// renew asks the provider about a session.
func (l *Login) renew(ctx context.Context, s *session) *session {
	next, err := l.refresh(ctx, s)
	switch {
	case isOver(err):
		next = nil
	case err != nil:
		l.deps.Log.Warn("session not checked", "project", l.deps.Project, "authenticator", l.name, "error", err)
		later := *s
		later.Check = l.deps.Now().Add(retryPause)
		next = &later
	}
	if next == nil {
		l.deps.Sessions.end(ctx, s)
		return nil
	}
	l.deps.Sessions.keep(s.ID, next, s.Ends)
	return next
}

// refresh gets new tokens for a session. It keeps its identity and its end.
func (l *Login) refresh(ctx context.Context, s *session) (*session, error) {
	m, err := l.issuer.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	t, err := l.grant(ctx, m, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {s.Refresh}})
	if err != nil {
		return nil, err
	}
	next := *s
	if t.Refresh != "" {
		next.Refresh = t.Refresh
	}
	next.Check = l.deps.Now().Add(t.lasts())
	if t.ID == "" {
		return &next, nil
	}
	claims, err := l.verify(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	if claims["sub"] != s.Subject {
		return nil, &refusal{code: "invalid_grant"} // it is somebody else now
	}
	if claims, err = l.withUserInfo(ctx, m, t, claims); err != nil {
		return nil, err
	}
	fresh, err := l.newSession(claims, t)
	if err != nil {
		return nil, err
	}
	next.Claims, next.claims, next.Hint = fresh.Claims, fresh.claims, fresh.Hint
	return &next, nil
}
