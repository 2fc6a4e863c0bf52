// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob/volume"
)

const (
	// runInterval is how often Run looks for work, and how much of what was told may be
	// told again after a crash.
	runInterval = time.Second
	// graceOfFiles is how long the files of a replaced version stay. After a loss of
	// power the last 100 ms of records may be missing, and with them what replaced it.
	graceOfFiles = time.Second
	// expireInterval is how often Run looks for uploads that were left.
	expireInterval = time.Minute
	// garbageMax bounds what waits to be removed: past it files stay until the next
	// Open sweeps them. A million take some 60 MiB.
	garbageMax = 1_000_000
)

// garbage is what is to be removed.
type garbage struct {
	mu      sync.Mutex // guards all below
	files   []doomed
	records []outdated // in the order in which they were outdated
}

// doomed are the files of a version that no record names any more.
type doomed struct {
	version volume.ID // readers pin it
	files   []volume.ID
	due     time.Time
}

// outdated is a record that another took the place of, or one that says that a version is
// gone, when that was told.
type outdated struct {
	place
	seq uint64
}

func (g *garbage) addFiles(version volume.ID, files []volume.ID) {
	if len(files) == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.files) < garbageMax {
		g.files = append(g.files, doomed{version, files, now().Add(graceOfFiles)})
	}
}

func (g *garbage) addRecord(at place, seq uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.records) < garbageMax {
		g.records = append(g.records, outdated{at, seq})
	}
}

// nextRecord gives the oldest one, and passed removes it from the list.
func (g *garbage) nextRecord() (outdated, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.records) == 0 {
		return outdated{}, false
	}
	return g.records[0], true
}

func (g *garbage) passed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.records = g.records[1:]; len(g.records) == 0 {
		g.records = nil // let go of the memory
	}
}

// takeFiles takes what is due and in nobody's hands.
func (g *garbage) takeFiles(at time.Time, pinned func(volume.ID) bool) []doomed {
	g.mu.Lock()
	defer g.mu.Unlock()
	var due, later []doomed
	for _, d := range g.files {
		if d.due.After(at) || pinned(d.version) {
			later = append(later, d)
		} else {
			due = append(due, d)
		}
	}
	g.files = later
	return due
}

// now is the present in the precision of the index.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Run tells of changes that a crash kept untold, removes what was replaced and expires
// uploads, until ctx ends. Start it when the emitter knows its subscribers.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(runInterval)
	defer tick.Stop()
	var expired time.Time
	for ctx.Err() == nil {
		s.attend(ctx)
		if at := now(); at.Sub(expired) >= expireInterval {
			expired = at
			s.expireUploads(ctx, at)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	return nil
}

// attend does once what Run does.
func (s *Store) attend(ctx context.Context) {
	if err := s.tellAll(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("changes of objects not told yet", "error", err)
	}
	if err := s.buryAll(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("outdated records of objects not removed yet", "error", err)
	}
	for _, d := range s.garbage.takeFiles(now(), s.files.Pinned) {
		for _, id := range d.files {
			if err := s.files.Remove(id); err != nil {
				s.log.Warn("data file not removed", "error", err)
			}
		}
	}
	if err := s.saveFloor(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("place among changes not saved", "error", err)
	}
}

// tellAll tells whatever is untold, the oldest first.
func (s *Store) tellAll(ctx context.Context) error {
	s.untoldMu.Lock()
	oldest := map[place]uint64{}
	for at, debts := range s.untold {
		oldest[at] = debts[0].seq
	}
	s.untoldMu.Unlock()
	places := slices.SortedFunc(maps.Keys(oldest), func(a, b place) int {
		return cmp.Compare(oldest[a], oldest[b])
	})
	for _, at := range places {
		unlock := s.lock(&s.keys, at.lockName())
		err := s.tellUntold(ctx, at)
		unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// buryAll removes outdated records in their order: what says that a version is gone goes
// after the record of that version, which would be back otherwise after a crash.
func (s *Store) buryAll(ctx context.Context) error {
	for {
		next, ok := s.garbage.nextRecord()
		if !ok {
			return nil
		}
		if err := s.bury(ctx, next); err != nil {
			return err
		}
		s.garbage.passed()
	}
}

// bury removes an outdated record from the stream, and from the index if it is there.
func (s *Store) bury(ctx context.Context, o outdated) error {
	defer s.lock(&s.keys, o.lockName())()
	s.at("before burial")
	if err := s.deleteRecord(ctx, o.seq); err != nil {
		return err
	}
	s.at("after burial")
	o.bucket.objects.Forget(o.key, o.seq)
	return nil
}

// deleteRecord removes a record from the stream; that there is none is no error.
func (s *Store) deleteRecord(ctx context.Context, seq uint64) error {
	err := s.stream.DeleteMsg(ctx, seq)
	var api *jetstream.APIError
	if errors.Is(err, jetstream.ErrMsgNotFound) || errors.As(err, &api) &&
		(api.ErrorCode == codeNoMessage || api.ErrorCode == jetstream.JSErrCodeMessageNotFound) {
		return nil
	}
	if err != nil {
		return dayfly.Errorf(dayfly.KindUnavailable, "remove record %d of objects: %w", seq, err)
	}
	return nil
}

// codeNoMessage is the server's code for a deletion of what is not there.
const codeNoMessage jetstream.ErrorCode = 10043

func (p place) lockName() string { return p.bucket.subject + "/" + p.key }
