// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// freshMin, freshMax and freshDefault are how long keys are used unasked. An issuer's
	// Cache-Control counts between the bounds: below them it would be asked all the time,
	// above them a stolen key would live on.
	freshMin, freshMax, freshDefault = time.Minute, time.Hour, 15 * time.Minute
	// staleMax is how long keys are used while the issuer cannot be reached.
	staleMax = 24 * time.Hour
	// renewPause is between two fetches when tokens name keys that are not there; anybody
	// can make such tokens.
	renewPause = 10 * time.Second
	// failPause is between a fetch that failed and the next one.
	failPause = 5 * time.Second
)

// kept is a document that is fetched when it is needed and kept fresh while it is used.
type kept[T any] struct {
	book  *Book
	what  string // for errors and the log
	of    string // the issuer
	fetch func(ctx context.Context, before T) (T, time.Duration, error)

	now atomic.Pointer[held[T]]

	mu     sync.Mutex // guards flight, next, err
	flight chan struct{}
	next   time.Time // no fetch before that
	err    error     // of the last fetch
}

// held is one copy of a document.
type held[T any] struct {
	value         T
	fetched, till time.Time // fresh till then
}

// get gives the document: fresh, or stale while it is fetched anew, or after waiting.
func (k *kept[T]) get(ctx context.Context) (T, error) {
	now := k.book.now()
	h := k.now.Load()
	switch {
	case h != nil && now.Before(h.till):
		return h.value, nil
	case h != nil && now.Before(h.fetched.Add(staleMax)):
		_, _ = k.start(now)
		return h.value, nil
	}
	return k.await(ctx, now)
}

// renew fetches the document anew, unless that has just been done.
func (k *kept[T]) renew(ctx context.Context) (T, error) {
	return k.await(ctx, k.book.now())
}

// await waits for a fetch, if one may be made now, and gives what there is then.
func (k *kept[T]) await(ctx context.Context, now time.Time) (T, error) {
	flight, err := k.start(now)
	if flight != nil {
		select {
		case <-flight:
		case <-ctx.Done():
			var none T
			return none, dayfly.Errorf(dayfly.KindCanceled, "wait for the %s of %s: %w", k.what, k.of, ctx.Err())
		}
		k.mu.Lock()
		err = k.err
		k.mu.Unlock()
	}
	if h := k.now.Load(); h != nil && now.Before(h.fetched.Add(staleMax)) {
		return h.value, nil
	}
	var none T
	if err == nil {
		err = dayfly.Errorf(dayfly.KindUnavailable, "the %s of %s are too old", k.what, k.of)
	}
	return none, err
}

// start begins a fetch, or joins one. It gives nil when it is too early for another, and why
// the last one failed.
func (k *kept[T]) start(now time.Time) (<-chan struct{}, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.flight != nil || now.Before(k.next) {
		return k.flight, k.err
	}
	flight := make(chan struct{})
	if !k.book.spawn(func(ctx context.Context) { k.run(ctx, flight) }) {
		return nil, dayfly.Errorf(dayfly.KindUnavailable, "the node is stopping")
	}
	k.flight = flight
	return flight, nil
}

// run fetches once.
func (k *kept[T]) run(ctx context.Context, flight chan struct{}) {
	var before T
	if h := k.now.Load(); h != nil {
		before = h.value
	}
	value, fresh, err := k.fetch(ctx, before)

	now := k.book.now()
	if err == nil {
		k.now.Store(&held[T]{value: value, fetched: now, till: now.Add(fresh)})
	} else {
		k.book.log.Warn("issuer not reached", "issuer", k.of, "document", k.what, "error", err)
		known := dayfly.Errorf(dayfly.KindUnavailable, "the %s of %s cannot be had", k.what, k.of)
		known.Err, known.RetryAfter = err, failPause
		err = known
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err, k.flight = err, nil
	k.next = now.Add(renewPause)
	if err != nil {
		k.next = now.Add(failPause)
	}
	close(flight)
}

// freshness reads how long an answer may be used, within the bounds.
func freshness(h http.Header) time.Duration {
	for directive := range strings.SplitSeq(strings.ToLower(h.Get("Cache-Control")), ",") {
		directive = strings.TrimSpace(directive)
		if directive == "no-store" || directive == "no-cache" {
			return freshMin
		}
		text, is := strings.CutPrefix(directive, "max-age=")
		seconds, err := strconv.ParseUint(text, 10, 31)
		if is && err == nil {
			return min(max(time.Duration(seconds)*time.Second, freshMin), freshMax)
		}
	}
	return freshDefault
}
