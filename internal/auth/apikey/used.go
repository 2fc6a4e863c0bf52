// SPDX-License-Identifier: Apache-2.0

package apikey

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/store"
)

const (
	// writeEvery is how often uses are written: a write for each key that was used since.
	writeEvery = time.Minute
	// lastWrite bounds the writing when the node stops.
	lastWrite = 5 * time.Second
	// usedDigest is how many bytes of a digest name a secret in a record of uses.
	usedDigest = 8
)

// uses is a record: when each secret was last used, by the beginning of its digest.
type uses map[string]int64

func usePath(key *Key) string { return usedPrefix + "/" + string(key.Project) + "/" + string(key.ID) }

// writeUses writes what was used every minute, and once more when ctx ends.
func (k *Keys) writeUses(ctx context.Context) {
	ticker := time.NewTicker(writeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			k.flush(ctx)
		case <-ctx.Done():
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
			defer cancel()
			k.flush(ending)
			return
		}
	}
}

// flush writes the uses that are not written yet.
func (k *Keys) flush(ctx context.Context) {
	var err error
	k.table.Range(func(_, v any) bool {
		e := v.(*entry)
		if e.dirty() {
			err = k.writeUse(ctx, e)
		}
		if dayfly.KindOf(err) == dayfly.KindConflict {
			err = nil // another node wrote: the key is still dirty, and comes again
		}
		return err == nil
	})
	if err != nil {
		k.log.Warn("uses of API keys not written", "error", err)
	}
}

func (e *entry) dirty() bool {
	for _, s := range e.secrets {
		if s.use != nil && s.use.last.Load() > s.use.written.Load() {
			return true
		}
	}
	return false
}

func (k *Keys) writeUse(ctx context.Context, e *entry) error {
	record, writes := uses{}, [secretsMax]int64{}
	for i, s := range e.secrets {
		if s.use == nil {
			continue
		}
		writes[i] = s.use.last.Load()
		record[hex.EncodeToString(e.digests[i][:usedDigest])] = writes[i]
	}
	value, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("encode uses: %w", err)
	}
	if err := k.overwrite(ctx, usePath(e.key), value); err != nil {
		return err
	}
	for i, s := range e.secrets {
		if s.use != nil {
			s.use.written.Store(writes[i])
		}
	}
	return nil
}

// overwrite writes over whatever is there. Of two nodes that do so at once, one gets a conflict.
func (k *Keys) overwrite(ctx context.Context, at string, value []byte) error {
	current, err := k.store.Get(ctx, at)
	switch {
	case err == nil:
		_, err = k.store.Update(ctx, at, value, current.Version)
	case dayfly.KindOf(err) == dayfly.KindNotFound:
		_, err = k.store.Create(ctx, at, value)
	}
	return err
}

// applyUse takes what another node, or this one before, has written.
func (k *Keys) applyUse(r store.Record) {
	if len(r.Value) == 0 {
		return
	}
	id := ID(r.Key[max(0, len(r.Key)-idBytes):])
	e, ok := k.entry(id)
	record := uses{}
	if !ok || json.Unmarshal(r.Value, &record) != nil {
		return
	}
	for i, s := range e.secrets {
		at := record[hex.EncodeToString(e.digests[i][:usedDigest])]
		if s.use == nil || at <= s.use.last.Load() {
			continue
		}
		s.use.last.Store(at)
		s.use.written.Store(at)
	}
}

// loadUses reads the uses of before, once all keys are known, and clears away those of keys
// that are gone.
func (k *Keys) loadUses(ctx context.Context) error {
	list, err := k.store.List(ctx, usedPrefix)
	if err != nil {
		return err
	}
	for _, r := range list {
		if _, ok := k.entry(ID(r.Key[max(0, len(r.Key)-idBytes):])); ok {
			k.applyUse(r)
			continue
		}
		if _, err := k.store.Delete(ctx, r.Key, r.Version); err != nil {
			k.log.Warn("uses of a key that is gone not cleared", "key", r.Key, "error", err)
		}
	}
	return nil
}

// forgetUse clears the uses of a key that was revoked; what it misses loadUses finds.
func (k *Keys) forgetUse(ctx context.Context, key *Key) {
	current, err := k.store.Get(ctx, usePath(key))
	if err == nil {
		_, err = k.store.Delete(ctx, usePath(key), current.Version)
	}
	if err != nil && dayfly.KindOf(err) != dayfly.KindNotFound {
		k.log.Warn("uses of a revoked key not cleared", "key", key.Name, "error", err)
	}
}
