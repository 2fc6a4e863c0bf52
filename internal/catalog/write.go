// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// dropTimeout bounds removing the records of revisions that no function lists.
	// What is left then goes when the catalog is next opened.
	dropTimeout = 5 * time.Second
	// orphanAge is how old an unlisted revision must be before Open removes it: a
	// deploy on another node takes far less from its first write to its second.
	orphanAge = time.Hour
)

// change applies edit to the function's record, as often as it takes for no other
// change to come between, and waits until the snapshot has the result. An edit that
// changes nothing writes nothing.
func (c *Catalog) change(
	ctx context.Context, ref dayfly.FunctionRef, edit func(*functionRecord) error,
) (dayfly.Function, error) {
	ref = full(ref)
	for range attemptsMax {
		version, changed, err := c.attempt(ctx, ref, edit)
		if dayfly.KindOf(err) == dayfly.KindConflict && version != 0 {
			continue
		}
		if err != nil {
			return dayfly.Function{}, err
		}
		if err := c.await(ctx, version); err != nil {
			return dayfly.Function{}, err
		}
		return changed.Function, nil
	}
	return dayfly.Function{}, dayfly.Errorf(dayfly.KindConflict,
		"function %s is being changed by too many others", ref)
}

// attempt reads, edits and writes the record once. A version beside an error of kind
// conflict says that another change came first; without one the conflict is the edit's.
func (c *Catalog) attempt(
	ctx context.Context, ref dayfly.FunctionRef, edit func(*functionRecord) error,
) (uint64, *functionRecord, error) {
	record := &functionRecord{Function: dayfly.Function{FunctionRef: ref}}
	old, err := c.store.Get(ctx, functionKey(ref))
	switch {
	case dayfly.KindOf(err) == dayfly.KindNotFound:
	case err != nil:
		return 0, nil, err
	default:
		if err := json.Unmarshal(old.Value, record); err != nil {
			return 0, nil, fmt.Errorf("decode record of function %s: %w", ref, err)
		}
	}
	if err := edit(record); err != nil {
		return 0, nil, err
	}
	value, err := encode(record)
	if err != nil {
		return 0, nil, err
	}
	if bytes.Equal(value, old.Value) {
		return old.Version, record, nil
	}
	var version uint64
	if old.Version == 0 {
		version, err = c.store.Create(ctx, functionKey(ref), value)
	} else {
		version, err = c.store.Update(ctx, functionKey(ref), value, old.Version)
	}
	if err != nil {
		return max(old.Version, 1), nil, err
	}
	return version, record, nil
}

// writeRevision stores the draft under the first number that is free, and sets its
// identity accordingly.
func (c *Catalog) writeRevision(ctx context.Context, draft *dayfly.Revision) error {
	number, err := c.nextNumber(ctx, draft.Function)
	if err != nil {
		return err
	}
	for range attemptsMax {
		draft.Number, draft.ID = number, draft.Function.Revision(number)
		value, err := encode(draft)
		if err != nil {
			return err
		}
		_, err = c.store.Create(ctx, revisionKey(draft.Function, number), value)
		if dayfly.KindOf(err) != dayfly.KindConflict {
			return err
		}
		number++ // another deploy has this one
	}
	return dayfly.Errorf(dayfly.KindConflict, "too many deploys of one function at once")
}

func (c *Catalog) nextNumber(ctx context.Context, ref dayfly.FunctionRef) (int, error) {
	record := functionRecord{}
	old, err := c.store.Get(ctx, functionKey(ref))
	if dayfly.KindOf(err) == dayfly.KindNotFound {
		return 1, nil
	}
	if err != nil {
		return 0, err
	}
	if err := json.Unmarshal(old.Value, &record); err != nil {
		return 0, fmt.Errorf("decode record of function %s: %w", ref, err)
	}
	return max(record.Next, 1), nil
}

// dropRevisions removes the records of revisions that their function lists no more. That
// it fails harms nobody: the record is not seen, and goes when the catalog is next opened.
func (c *Catalog) dropRevisions(ctx context.Context, ref dayfly.FunctionRef, numbers []int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
	defer cancel()
	for _, number := range numbers {
		key := revisionKey(full(ref), number)
		record, err := c.store.Get(ctx, key)
		if err == nil {
			_, err = c.store.Delete(ctx, key, record.Version)
		}
		if err != nil {
			c.log.Warn("revision record left over", "key", key, "error", err)
		}
	}
}

// sweep removes the records of old revisions that no function lists: what a crash left
// between the two writes of a Publish, or of a Remove.
func (c *Catalog) sweep(ctx context.Context) {
	if c.damaged.Load() {
		return
	}
	orphans := make(map[dayfly.FunctionRef][]int)
	c.mu.Lock()
	for ref, numbers := range c.loose {
		for number, r := range numbers {
			if time.Since(r.CreatedAt) > orphanAge {
				orphans[ref] = append(orphans[ref], number)
			}
		}
	}
	c.mu.Unlock()
	for ref, numbers := range orphans {
		c.dropRevisions(ctx, ref, numbers)
		c.log.Info("orphaned revisions removed", "function", ref.String(), "numbers", numbers)
	}
}
