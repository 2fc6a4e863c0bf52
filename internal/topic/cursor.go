// SPDX-License-Identifier: Apache-2.0

package topic

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"github.com/dayfly-faas/dayfly"
)

// cursorRecords is where the records of cursors are, below it the cursor's name.
const cursorRecords = "cursor"

// cursorLocks is among how many locks the cursors are spread.
const cursorLocks = 16

// Cursor is a durable position in one source: its owner is through with the events up
// to Sequence.
type Cursor struct {
	Name     string `json:"-"`
	Source   Source `json:"source"`
	Sequence uint64 `json:"sequence"`
}

// cursor is a Cursor as it was stored.
type cursor struct {
	Cursor
	version uint64
}

// Cursor gives the cursor of that name; ok is false when there is none.
func (t *Topic) Cursor(name string) (c Cursor, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if stored := t.cursors[name]; stored != nil {
		return stored.Cursor, true
	}
	return Cursor{}, false
}

// Cursors lists all cursors by name.
func (t *Topic) Cursors() []Cursor {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]Cursor, 0, len(t.cursors))
	for _, c := range t.cursors {
		list = append(list, c.Cursor)
	}
	slices.SortFunc(list, func(a, b Cursor) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Place makes the cursor, or moves it to another source or sequence. Its name is a path
// such as "PROJECT/FUNCTION/TRIGGER".
func (t *Topic) Place(ctx context.Context, c Cursor) error {
	writing := t.writingOf(c.Name)
	writing.Lock()
	defer writing.Unlock()
	return t.place(ctx, c)
}

// writingOf is the lock that is held while a cursor's record is written: who reads a queue
// moves its cursor while a deploy moves or removes it.
func (t *Topic) writingOf(name string) *sync.Mutex {
	return &t.writing[maphash.String(t.seed, name)%cursorLocks]
}

// place writes the cursor; the caller holds its lock.
func (t *Topic) place(ctx context.Context, c Cursor) error {
	if err := c.Source.check(); err != nil {
		return err
	}
	t.mu.Lock()
	next := cursor{Cursor: c}
	if old := t.cursors[c.Name]; old != nil {
		next.version = old.version
	}
	t.mu.Unlock()
	value, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode cursor %s: %w", c.Name, err)
	}
	if next.version == 0 {
		next.version, err = t.records.Create(ctx, cursorKey(c.Name), value)
	} else {
		next.version, err = t.records.Update(ctx, cursorKey(c.Name), value, next.version)
	}
	if err != nil {
		return fmt.Errorf("store cursor %s: %w", c.Name, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cursors[c.Name] = &next
	return nil
}

// Advance moves the cursor to a later sequence of its source. One that was removed stays so.
func (t *Topic) Advance(ctx context.Context, name string, sequence uint64) error {
	writing := t.writingOf(name)
	writing.Lock()
	defer writing.Unlock()
	c, ok := t.Cursor(name)
	if !ok {
		return dayfly.Errorf(dayfly.KindNotFound, "cursor %s not found", name)
	}
	if sequence <= c.Sequence {
		return nil
	}
	c.Sequence = sequence
	return t.place(ctx, c)
}

// Drop removes the cursor. One that is not there is not an error.
func (t *Topic) Drop(ctx context.Context, name string) error {
	writing := t.writingOf(name)
	writing.Lock()
	defer writing.Unlock()
	t.mu.Lock()
	old := t.cursors[name]
	t.mu.Unlock()
	if old == nil {
		return nil
	}
	if _, err := t.records.Delete(ctx, cursorKey(name), old.version); err != nil {
		return fmt.Errorf("remove cursor %s: %w", name, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.cursors, name)
	return nil
}

func cursorKey(name string) string { return cursorRecords + "/" + name }

// loadCursors reads every cursor there is.
func (t *Topic) loadCursors(ctx context.Context) error {
	records, err := t.records.List(ctx, cursorRecords)
	if err != nil {
		return fmt.Errorf("list cursors: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range records {
		c := &cursor{version: r.Version}
		if err := json.Unmarshal(r.Value, &c.Cursor); err != nil {
			return fmt.Errorf("decode cursor %s: %w", r.Key, err)
		}
		c.Name = strings.TrimPrefix(r.Key, cursorRecords+"/")
		t.cursors[c.Name] = c
	}
	return nil
}

// holdBack moves cursors that are behind the end of the stream to it. After a loss of
// power the newest events may be missing, their cursor not: the next events get
// sequences that it would take for passed.
func (t *Topic) holdBack(ctx context.Context, last uint64) error {
	for _, c := range t.Cursors() {
		if c.Sequence <= last {
			continue
		}
		t.log.Warn("cursor was past the end of events", "cursor", c.Name, "sequence", c.Sequence, "last", last)
		c.Sequence = last
		if err := t.Place(ctx, c); err != nil {
			return err
		}
	}
	return nil
}
