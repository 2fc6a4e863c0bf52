// SPDX-License-Identifier: Apache-2.0

package timer

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/cron"
	"github.com/dayfly-faas/dayfly/internal/store"
)

const (
	// historyMax is how many entries of a cron are kept: an hourly one's week, with room.
	historyMax = 200
	// pageRuns is how many entries move to a page at once: the record, which is written
	// at each due time, holds one to two pages and so stays at a few kilobytes.
	pageRuns = 20
	// whyBytesMax bounds what an entry says, of which an error may be a part.
	whyBytesMax = 256
)

// Records is where ledgers are kept: a store of the bucket crons.
type Records interface {
	Get(ctx context.Context, key string) (store.Record, error)
	Create(ctx context.Context, key string, value []byte) (uint64, error)
	Update(ctx context.Context, key string, value []byte, version uint64) (uint64, error)
	Delete(ctx context.Context, key string, version uint64) (uint64, error)
	List(ctx context.Context, prefix string) ([]store.Record, error)
}

// id names a cron.
type id struct {
	function dayfly.FunctionRef
	trigger  dayfly.TriggerName
}

func (i id) String() string { return i.function.String() + "/" + string(i.trigger) }

// Keys of the records: head/PROJECT/FUNCTION/TRIGGER and page/…/NUMBER.
const (
	heads = "head"
	pages = "page"
)

func under(kind string, f dayfly.FunctionRef) string {
	return kind + "/" + string(f.Project) + "/" + string(f.Name)
}

func (i id) headKey() string { return under(heads, i.function) + "/" + string(i.trigger) }

func (i id) pagesKey() string { return under(pages, i.function) + "/" + string(i.trigger) }

func (i id) pageKey(first uint64) string {
	number := (first - 1) / pageRuns % (historyMax / pageRuns)
	return i.pagesKey() + "/" + strconv.FormatUint(number, 10)
}

// parseHeadKey reads which cron a record is of.
func parseHeadKey(key string) (id, bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 4 || parts[0] != heads {
		return id{}, false
	}
	return id{dayfly.FunctionRef{Project: dayfly.ProjectName(parts[1]), Name: dayfly.FunctionName(parts[2])},
		dayfly.TriggerName(parts[3])}, true
}

// ledger is the record of one cron: docs/formats/crons.md.
type ledger struct {
	Expression string    `json:"expression"`
	Zone       string    `json:"zone,omitempty"`
	Anchor     time.Time `json:"anchor"` // from which intervals count
	// Due is the first due time about which nothing is decided; zero: there is none.
	Due time.Time `json:"due,omitzero"`
	// Gone is since when no live revision has the cron.
	Gone  time.Time `json:"gone,omitzero"`
	Claim *claim    `json:"claim,omitempty"`
	// Last is the last event that was accepted, with its due time.
	Last    dayfly.EventID `json:"last,omitempty"`
	LastDue time.Time      `json:"last_due,omitzero"`
	Count   uint64         `json:"count"` // entries so far: the number of the newest
	Runs    []cron.Run     `json:"runs,omitempty"`

	version uint64 // of the record; 0: not written yet
}

// claim is a due time whose event is being pushed.
type claim struct {
	Due     time.Time      `json:"due"`
	At      time.Time      `json:"at"`
	By      string         `json:"by"` // the timer that pushes
	Event   dayfly.EventID `json:"event"`
	Outcome cron.Outcome   `json:"outcome"`
	Why     string         `json:"why,omitempty"`
}

// add writes an entry into the ledger.
func (l *ledger) add(r cron.Run) {
	l.Count++
	r.Number = l.Count
	if len(r.Why) > whyBytesMax {
		r.Why = strings.ToValidUTF8(r.Why[:whyBytesMax], "") + "…"
	}
	l.Runs = append(l.Runs, r)
}

// load reads the ledger of a cron; it is not_found when there is none.
func (t *Timer) load(ctx context.Context, i id) (*ledger, error) {
	record, err := t.records.Get(ctx, i.headKey())
	if err != nil {
		return nil, err
	}
	return decode(record)
}

func decode(record store.Record) (*ledger, error) {
	l := &ledger{version: record.Version}
	if err := json.Unmarshal(record.Value, l); err != nil {
		return nil, fmt.Errorf("decode ledger %s: %w", record.Key, err)
	}
	return l, nil
}

// save writes the ledger if nobody else did meanwhile: a conflict otherwise.
func (t *Timer) save(ctx context.Context, i id, l *ledger) error {
	if err := t.turnPage(ctx, i, l); err != nil {
		return err
	}
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("encode ledger of %s: %w", i, err)
	}
	if l.version == 0 {
		l.version, err = t.records.Create(ctx, i.headKey(), text)
		return err
	}
	l.version, err = t.records.Update(ctx, i.headKey(), text, l.version)
	return err
}

// turnPage moves the oldest entries to a page of their own, over that of 200 entries ago.
// They leave the record only when the page is written.
func (t *Timer) turnPage(ctx context.Context, i id, l *ledger) error {
	for len(l.Runs) >= 2*pageRuns {
		text, err := json.Marshal(l.Runs[:pageRuns])
		if err != nil {
			return fmt.Errorf("encode page of %s: %w", i, err)
		}
		key := i.pageKey(l.Runs[0].Number)
		t.fault("page:before")
		old, err := t.records.Get(ctx, key)
		switch dayfly.KindOf(err) {
		case "":
			_, err = t.records.Update(ctx, key, text, old.Version)
		case dayfly.KindNotFound:
			_, err = t.records.Create(ctx, key, text)
		}
		// A conflict: another node writes the same page.
		if err != nil && dayfly.KindOf(err) != dayfly.KindConflict {
			return err
		}
		t.fault("page:after")
		l.Runs = slices.Clone(l.Runs[pageRuns:])
	}
	return nil
}

// history gives the newest entries of a cron, the newest first.
func (t *Timer) history(ctx context.Context, i id, limit int) ([]cron.Run, error) {
	// The pages first: an entry that moves to one meanwhile is in the record then.
	records, err := t.records.List(ctx, i.pagesKey())
	if err != nil {
		return nil, err
	}
	l, err := t.load(ctx, i)
	if err != nil {
		return nil, err
	}
	runs := slices.Clone(l.Runs)
	for _, record := range records {
		var page []cron.Run
		if err := json.Unmarshal(record.Value, &page); err != nil {
			return nil, fmt.Errorf("decode page %s: %w", record.Key, err)
		}
		runs = append(runs, page...)
	}
	runs = slices.DeleteFunc(runs, func(r cron.Run) bool { return r.Number+historyMax <= l.Count })
	slices.SortFunc(runs, func(a, b cron.Run) int { return cmp.Compare(b.Number, a.Number) })
	runs = slices.CompactFunc(runs, func(a, b cron.Run) bool { return a.Number == b.Number })
	return runs[:min(limit, len(runs))], nil
}

// forget deletes everything that is kept of a function's crons.
func (t *Timer) forget(ctx context.Context, f dayfly.FunctionRef) error {
	for _, kind := range []string{pages, heads} {
		records, err := t.records.List(ctx, under(kind, f))
		if err != nil {
			return err
		}
		for _, record := range records {
			_, err := t.records.Delete(ctx, record.Key, record.Version)
			if err != nil && dayfly.KindOf(err) != dayfly.KindConflict && dayfly.KindOf(err) != dayfly.KindNotFound {
				return err
			}
		}
	}
	return nil
}
