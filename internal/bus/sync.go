// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
)

// The server writes a message to the stream's newest block, with write(2), before it
// acknowledges it, and forces blocks to the disk every SyncInterval. Who cannot wait for
// that has the blocks forced at once, through descriptors of our own:
//
//	caller ─┐                       ┌─ sync under way ─┐
//	caller ─┼─▶ the next round ─────┤ (one a stream)   ├─▶ all of a round are answered
//	caller ─┘   takes all who came  └──────────────────┘
//
// A round lists the blocks when it begins, so that it finds whatever was acknowledged before.

// listingSettled is how old the folder's time must be for a list of it to be good as long
// as that stays: the kernel's clock for files ticks every few milliseconds.
const listingSettled = 100 * time.Millisecond

// syncer forces one stream to the disk.
type syncer struct {
	dir  string                  // of the stream
	sync func(path string) error // unless a test watches: fsync

	turn chan struct{} // holds one element while a round runs, which owns what follows
	// high is the number of the newest block of the last round: older ones are not
	// written any more.
	high   uint64
	known  map[uint64]state // by number, of blocks that were forced to the disk
	blocks []uint64         // the last list of the folder
	listed time.Time        // when it was read; zero: not yet
	at     time.Time        // the folder's time then
	rooted bool             // the folders above are on the disk
	failed error            // once a sync failed, what was written is not known

	mu   sync.Mutex // guards next
	next *round
}

// state tells a file from another of its name, and from itself before it was changed.
type state struct {
	inode   uint64
	changed unix.Timespec
}

// round is all who wait for one sync.
type round struct {
	done chan struct{}
	err  error
}

// Sync returns when all that the stream acknowledged before is on the disk. Who waits at one
// time shares one sync. With SyncAlways there is nothing to do.
func (b *Bus) Sync(ctx context.Context, stream string) error {
	if b.cfg.SyncAlways {
		return nil
	}
	s, err := b.session()
	if err != nil {
		return err
	}
	if err := s.syncer(b.cfg.Dir, stream).wait(ctx); err != nil {
		return fmt.Errorf("force stream %s to the disk: %w", stream, err)
	}
	return nil
}

// syncer gives the one of a stream.
func (s *session) syncer(dir, stream string) *syncer {
	s.syncMu.Lock()
	defer s.syncMu.Unlock()
	y := s.syncers[stream]
	if y == nil {
		if s.syncers == nil {
			s.syncers = map[string]*syncer{}
		}
		y = newSyncer(filepath.Join(dir, "jetstream", "$G", "streams", stream))
		s.syncers[stream] = y
	}
	return y
}

func newSyncer(dir string) *syncer {
	return &syncer{dir: dir, sync: syncPath, turn: make(chan struct{}, 1),
		known: map[uint64]state{}}
}

// wait joins the next round. Who comes first leads it: it waits for the one under way.
func (y *syncer) wait(ctx context.Context) error {
	y.mu.Lock()
	r := y.next
	leads := r == nil
	if leads {
		r = &round{done: make(chan struct{})}
		y.next = r
	}
	y.mu.Unlock()
	if leads {
		y.lead(r)
		return r.err
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// lead runs a round when its turn comes. Its caller cannot go before: others wait for it.
func (y *syncer) lead(r *round) {
	y.turn <- struct{}{}
	defer func() { <-y.turn }()
	y.mu.Lock()
	y.next = nil // who comes now may have written after the list is read
	y.mu.Unlock()
	defer close(r.done)
	if y.failed == nil {
		r.err = y.force()
	}
	if r.err != nil && !errors.Is(r.err, fs.ErrNotExist) {
		y.failed = r.err
	}
	if y.failed != nil {
		// The kernel tells of a lost write once, and forgets it: what a second sync says
		// of the same data is worth nothing.
		r.err = dayfly.Errorf(dayfly.KindUnavailable, "what was written may not be on the disk: %w", y.failed).
			WithHint("see to the disk, and restart the node")
	}
}

// force syncs every block that may have been written since the last round.
func (y *syncer) force() error {
	if err := y.root(); err != nil {
		return err
	}
	fresh, err := y.list()
	if err != nil {
		return err
	}
	if len(y.blocks) == 0 {
		return nil
	}
	newest := slices.Max(y.blocks)
	low := min(y.high, newest) // a purge may have the server begin anew
	for _, number := range y.blocks {
		if number < low && !fresh {
			continue
		}
		path := filepath.Join(y.dir, "msgs", strconv.FormatUint(number, 10)+".blk")
		is, err := stateOf(path)
		if err == nil && number < low && y.known[number] == is {
			continue
		}
		if err == nil {
			err = y.sync(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue // all that was in it is gone
		}
		if err != nil {
			return err
		}
		y.known[number] = is
	}
	y.high = newest
	if !fresh {
		return nil
	}
	return y.sync(filepath.Join(y.dir, "msgs"))
}

// list reads which blocks there are, unless it is certain that they are the same as before.
func (y *syncer) list() (fresh bool, err error) {
	msgs := filepath.Join(y.dir, "msgs")
	info, err := os.Stat(msgs)
	if err != nil {
		return false, err
	}
	if !y.listed.IsZero() && info.ModTime().Equal(y.at) && y.listed.Sub(y.at) > listingSettled {
		return false, nil
	}
	y.listed, y.at = time.Now(), info.ModTime()
	entries, err := os.ReadDir(msgs)
	if err != nil {
		return false, err
	}
	y.blocks = y.blocks[:0]
	there := make(map[uint64]state, len(entries))
	for _, e := range entries {
		name, isBlock := strings.CutSuffix(e.Name(), ".blk")
		number, err := strconv.ParseUint(name, 10, 64)
		if !isBlock || err != nil {
			continue
		}
		y.blocks = append(y.blocks, number)
		if is, ok := y.known[number]; ok {
			there[number] = is
		}
	}
	y.known = there
	return true, nil
}

// root syncs, once, what a stream is found by: its description and the folders above.
func (y *syncer) root() error {
	if y.rooted {
		return nil
	}
	account := filepath.Dir(filepath.Dir(y.dir))
	for _, path := range []string{filepath.Join(y.dir, "meta.inf"), filepath.Join(y.dir, "meta.sum"), y.dir,
		filepath.Dir(y.dir), account, filepath.Dir(account), filepath.Dir(filepath.Dir(account))} {
		if err := y.sync(path); err != nil {
			return err
		}
	}
	y.rooted = true
	return nil
}

func stateOf(path string) (state, error) {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return state{}, fmt.Errorf("look at %s: %w", path, err)
	}
	return state{s.Ino, s.Ctim}, nil
}

// syncPath forces a file or a folder to the disk.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		err = unix.Fsync(int(f.Fd()))
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("sync %s: %w", path, err)
	}
	return nil
}
