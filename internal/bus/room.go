// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
)

// A server whose disk is full gives up all that it holds until it is started anew. So new
// things are refused while there is still room for what was accepted: its records, next
// attempts and dead letters.
//
//	0                                                   disk                free
//	├──────── streams, each with its share ──────────┼── others' ──┼── held back ──┤
const (
	// heldBackMax is what is held back of a disk, heldBackShare that of a small one, as a
	// fraction.
	heldBackMax, heldBackShare = 128 << 20, 8
	// wantedBytes is what the bounds of all streams add up to, and what values may take.
	// A disk of which three quarters are less gives each stream its part of those.
	wantedBytes = 36 << 30
	// shareMin is the least that a stream is given: a few messages of the largest size.
	shareMin = 4 << 20
	// roomAge is how long a look at the disk is good for.
	roomAge = 20 * time.Millisecond
	// healthPeriod is how often the server is asked whether it still stores.
	healthPeriod = time.Second
)

// unbounded lifts the server's own limit, a part of what was free when it started: with
// that a node whose disk has become fuller could not open its own streams again.
const unbounded = 1 << 60

// room is the last look at the disk.
type room struct {
	mu   sync.Mutex // guards what follows
	at   time.Time
	disk disk
}

// disk is a file system: its size, and what of it is free.
type disk struct{ size, free int64 }

func lookAt(dir string) (disk, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return disk{}, fmt.Errorf("look at the disk of %s: %w", dir, err)
	}
	return disk{size: int64(fs.Blocks) * fs.Bsize, free: int64(fs.Bavail) * fs.Bsize}, nil
}

// heldBack is what only things that were accepted already may use.
func (d disk) heldBack() int64 { return min(d.size/heldBackShare, heldBackMax) }

// Room refuses, as exhausted, when the disk of the data directory has no room for anything
// new. Whoever takes something in asks first; what was accepted is not held up by it.
func (b *Bus) Room() error {
	b.room.mu.Lock()
	defer b.room.mu.Unlock()
	if now := time.Now(); now.Sub(b.room.at) > roomAge {
		d, err := lookAt(b.cfg.Dir)
		if err != nil {
			return err
		}
		b.room.at, b.room.disk = now, d
	}
	d := b.room.disk
	if d.free >= d.heldBack() {
		return nil
	}
	e := dayfly.Errorf(dayfly.KindExhausted, "the disk of the data folder is full: %s of %s are free",
		dayfly.FormatBytes(d.free), dayfly.FormatBytes(d.size)).
		WithHint("what was accepted is kept; free some of the disk, and new things are taken again")
	e.RetryAfter = FullPause
	return e
}

// fitted gives the bounds of a stream on this disk: those that are wanted, or its part of
// what there is. One that exists keeps what it has: what is in it must stay.
func (b *Bus) fitted(ctx context.Context, js jetstream.JetStream, name string, wanted int64) (int64, error) {
	if wanted <= 0 {
		return wanted, nil
	}
	b.mu.Lock()
	budget := int64(wantedBytes)
	if b.open != nil {
		budget = b.open.budget
	}
	b.mu.Unlock()
	fit := wanted
	if budget < wantedBytes {
		fit = min(wanted, max(int64(float64(wanted)*float64(budget)/wantedBytes), shareMin))
	}
	old, err := js.Stream(ctx, name)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
	case err != nil:
		return 0, err
	default:
		fit = min(max(fit, old.CachedInfo().Config.MaxBytes), wanted)
	}
	if fit < wanted {
		b.log.Warn("stream is kept small, as the disk is", "stream", name, "bytes", fit, "wanted_bytes", wanted)
	}
	return fit, nil
}

// budgetOf is what streams may take together: three quarters of what is free, or theirs
// already.
func budgetOf(dir string, limit int64, srv *server.Server) (int64, error) {
	if limit > 0 {
		return limit, nil
	}
	d, err := lookAt(dir)
	if err != nil {
		return 0, err
	}
	stats, err := srv.Jsz(nil)
	if err != nil {
		return 0, fmt.Errorf("ask bus server what it holds: %w", err)
	}
	return (d.free + int64(stats.Store)) / 4 * 3, nil
}

// Run watches over the server until ctx ends. It ends with an error when the server has
// given up storing, which it does when the disk is full all the same: everything that was
// acknowledged is there again after a start with some room.
func (b *Bus) Run(ctx context.Context) error {
	tick := time.NewTicker(healthPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		s, err := b.session()
		if err != nil {
			return err
		}
		if why := gaveUp(s.server); why != "" {
			return dayfly.Errorf(dayfly.KindExhausted, "nothing can be stored any more: %s", why).
				WithHint("see to the disk of the data folder, and start the node again: what was accepted is kept")
		}
	}
}

// gaveUp tells why the server does not store any more, or "". A failed write of a
// stream ends all writing to it; nobody is answered any more.
func gaveUp(srv *server.Server) string {
	if !srv.JetStreamEnabled() {
		return "a write failed, for want of room or of permission"
	}
	health := srv.Healthz(&server.HealthzOptions{})
	if strings.Contains(health.Error, "write error") {
		return health.Error
	}
	return ""
}
