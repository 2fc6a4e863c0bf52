// SPDX-License-Identifier: Apache-2.0

package limit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/store"
)

// Counts are written in pages, so that many that change cost few writes. A record is a page
// of one node, NODE/PAGE: docs/formats/limits.md.
const (
	pagesPerShard = 64 // 4096 pages in all, of some 64 counts when the table is full
	pageVersion   = 1
	countBytes    = 16 + 3*8
)

// Store keeps records: a store of records is one.
type Store interface {
	Get(ctx context.Context, key string) (store.Record, error)
	Create(ctx context.Context, key string, value []byte) (uint64, error)
	Update(ctx context.Context, key string, value []byte, version uint64) (uint64, error)
	List(ctx context.Context, prefix string) ([]store.Record, error)
}

// page gives the page of an id within its shard.
func page(key *id) int { return int(key[8]) % pagesPerShard }

// Open reads the counts of quotas, those of other nodes too. It is called before any rule is
// used.
func (l *Limiter) Open(ctx context.Context) error {
	records, err := l.store.List(ctx, "")
	if err != nil {
		return fmt.Errorf("read counts of quotas: %w", err)
	}
	now := time.Now().UnixNano()
	for _, record := range records {
		node, _, _ := strings.Cut(record.Key, "/")
		err := decodePage(record.Value, func(key id, e entry) { l.restore(node, key, e, now) })
		if err != nil {
			l.log.Warn("counts of quotas are not understood; they begin anew", "record", record.Key, "error", err)
		}
	}
	return nil
}

func (l *Limiter) restore(node string, key id, e entry, now int64) {
	if e.until <= now {
		return
	}
	s := l.counts.part(&key)
	s.mu.Lock()
	defer s.mu.Unlock()
	sum, known := s.entries[key]
	if known && sum.until != e.until {
		return // other nodes' clocks differ: keep what is there
	}
	if node == l.node {
		sum.used = e.used
	} else {
		sum.remote += e.used
	}
	sum.until, sum.room = e.until, e.room
	s.put(key, sum, now, l.counts.perShard)
}

// flush writes the pages in which something changed.
func (l *Limiter) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	for i := range l.counts.parts {
		s := &l.counts.parts[i]
		pages, dirty := s.take()
		for number, data := range pages {
			key := l.node + "/" + strconv.Itoa(i*pagesPerShard+number)
			if err := l.write(ctx, key, data); err != nil {
				l.log.Warn("counts of quotas are not written yet", "record", key, "error", err)
				s.mark(dirty)
				return
			}
		}
	}
}

// take gives the pages of a shard in which something changed, and what did.
func (s *shard) take() (pages map[int][]byte, dirty map[id]struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.dirty) == 0 {
		return nil, nil
	}
	dirty, s.dirty = s.dirty, map[id]struct{}{}
	pages = map[int][]byte{}
	for key := range dirty {
		pages[page(&key)] = []byte{pageVersion}
	}
	for key, e := range s.entries {
		if data, wanted := pages[page(&key)]; wanted && e.used > 0 {
			pages[page(&key)] = appendCount(data, &key, &e)
		}
	}
	return pages, dirty
}

// mark notes again what could not be written.
func (s *shard) mark(dirty map[id]struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.dirty, dirty)
}

// write replaces a record, whatever its version: no other node writes this one's.
func (l *Limiter) write(ctx context.Context, key string, data []byte) error {
	record, err := l.store.Get(ctx, key)
	if dayfly.KindOf(err) == dayfly.KindNotFound {
		_, err = l.store.Create(ctx, key, data)
		return err
	}
	if err == nil {
		_, err = l.store.Update(ctx, key, data, record.Version)
	}
	return err
}

func appendCount(data []byte, key *id, e *entry) []byte {
	data = append(data, key[:]...)
	for _, n := range []int64{e.until, e.used, e.room} {
		data = binary.LittleEndian.AppendUint64(data, uint64(n))
	}
	return data
}

func decodePage(data []byte, each func(id, entry)) error {
	if len(data) < 1 || data[0] != pageVersion {
		return errors.New("it is of another version")
	}
	body := data[1:]
	if len(body)%countBytes != 0 {
		return fmt.Errorf("it has %d bytes", len(data))
	}
	for ; len(body) > 0; body = body[countBytes:] {
		number := func(i int) int64 { return int64(binary.LittleEndian.Uint64(body[16+8*i:])) }
		e := entry{until: number(0), used: number(1), room: number(2)}
		if e.used < 0 || e.room < 1 || e.used > e.room {
			return errors.New("a number is out of bounds")
		}
		each(id(body[:16]), e)
	}
	return nil
}
