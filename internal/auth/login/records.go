// SPDX-License-Identifier: Apache-2.0

package login

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/store"
)

const (
	// endedPrefix is where the sessions are that ended before their time.
	endedPrefix = "ended"
	// recordTimeout bounds the writing of one: the browser waits.
	recordTimeout = 2 * time.Second
	// sweepPause is between two looks for those that would have ended by now anyway.
	sweepPause = time.Hour
	// lifeMax is the longest that fronts may let sessions live.
	lifeMax = 30 * 24 * time.Hour
)

// Records keep what ended over restarts, and tell other nodes. A store of records is one.
type Records interface {
	Create(ctx context.Context, key string, value []byte) (uint64, error)
	Delete(ctx context.Context, key string, version uint64) (uint64, error)
	List(ctx context.Context, prefix string) ([]store.Record, error)
	Watch(ctx context.Context, prefix string, fn func(store.Event)) error
}

// endedRecord is a session that ended: docs/formats/login-sessions.md.
type endedRecord struct {
	Till time.Time `json:"till"` // when it would have ended anyway
}

// Open learns what ended before this node started.
func (m *Sessions) Open(ctx context.Context) error {
	records, err := m.records.List(ctx, endedPrefix)
	if err != nil {
		return err
	}
	for i := range records {
		m.learn(&records[i])
	}
	return nil
}

// Run learns what ends at other nodes, and deletes what is over, until ctx ends.
func (m *Sessions) Run(ctx context.Context) error {
	var sweeping sync.WaitGroup
	defer sweeping.Wait()
	sweeping.Go(func() { m.sweep(ctx) })
	return m.records.Watch(ctx, endedPrefix, func(e store.Event) {
		if e.Op == store.OpPut {
			m.learn(&e.Record)
		}
	})
}

// learn takes in a record. One that cannot be read ends a session for as long as any lives.
func (m *Sessions) learn(record *store.Record) {
	id, _ := strings.CutPrefix(record.Key, endedPrefix+"/")
	var ended endedRecord
	if err := json.Unmarshal(record.Value, &ended); err != nil {
		m.log.Warn("the record of a session that ended cannot be read", "error", err)
		ended.Till = m.now().Add(lifeMax)
	}
	if m.now().Before(ended.Till) {
		m.keep(id, nil, ended.Till)
	}
}

// end ends a session, here, for good, and at other nodes. If that cannot be written it is
// logged: the browser that asked has lost its cookie, and only a copy of it would count again
// after a restart.
func (m *Sessions) end(ctx context.Context, s *session) {
	m.keep(s.ID, nil, s.Ends)
	m.mu.Lock()
	tooMany := m.over >= livesMax
	m.mu.Unlock()
	if m.records == nil || tooMany {
		return
	}
	value, err := json.Marshal(endedRecord{s.Ends.UTC()})
	if err == nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
		defer cancel()
		_, err = m.records.Create(ctx, endedPrefix+"/"+s.ID, value)
	}
	if err != nil && dayfly.KindOf(err) != dayfly.KindConflict { // which ended already
		m.log.Warn("the end of a session was not written; a restart forgets it", "error", err)
	}
}

// sweep deletes the records of sessions that would have ended by now anyway.
func (m *Sessions) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepPause)
	defer tick.Stop()
	for {
		m.deleteOver(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (m *Sessions) deleteOver(ctx context.Context) {
	records, err := m.records.List(ctx, endedPrefix)
	if err != nil && ctx.Err() == nil {
		m.log.Warn("sessions that ended are not listed", "error", err)
	}
	for i := range records {
		var ended endedRecord
		if json.Unmarshal(records[i].Value, &ended) != nil || m.now().Before(ended.Till) {
			continue
		}
		if _, err := m.records.Delete(ctx, records[i].Key, records[i].Version); err != nil {
			return // the next look goes on
		}
	}
}
