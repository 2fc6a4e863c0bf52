// SPDX-License-Identifier: Apache-2.0

package index

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/store"
)

// keyFloor is the record that says up to where changes were told.
const keyFloor = "objects/told"

// Saved is the record of a floor: what is above it when the process dies is told again.
// One goroutine uses it at a time. The zero value is ready.
type Saved struct {
	value    uint64 // sequence that the record has
	revision uint64 // of the record; 0: there is none
}

// Value is the floor that was saved.
func (f *Saved) Value() uint64 { return f.value }

// Lower makes it at most value: the stream lost what was above.
func (f *Saved) Lower(value uint64) { f.value = min(f.value, value) }

// Load reads the floor that was saved.
func (f *Saved) Load(ctx context.Context, records *store.Store) error {
	rec, err := records.Get(ctx, keyFloor)
	if dayfly.KindOf(err) == dayfly.KindNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	f.value, err = strconv.ParseUint(string(rec.Value), 10, 64)
	f.revision = rec.Version
	if err != nil {
		return fmt.Errorf("read %s: %w", keyFloor, err)
	}
	return nil
}

// Save writes the floor when it rose.
func (f *Saved) Save(ctx context.Context, records *store.Store, value uint64) error {
	if value <= f.value {
		return nil
	}
	text := strconv.AppendUint(nil, value, 10)
	var err error
	if f.revision == 0 {
		f.revision, err = records.Create(ctx, keyFloor, text)
	} else {
		f.revision, err = records.Update(ctx, keyFloor, text, f.revision)
	}
	if err != nil {
		f.revision = 0
		// The next attempt reads what became of this one.
		return errors.Join(fmt.Errorf("save %s: %w", keyFloor, err), f.Load(ctx, records))
	}
	f.value = value
	return nil
}
