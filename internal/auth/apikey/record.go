// SPDX-License-Identifier: Apache-2.0

package apikey

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/store"
)

// recordFormat is the version of the form of records; docs/formats/keys.md describes it.
const recordFormat = 1

// Keys of the store: key/PROJECT/NAME and used/PROJECT/ID.
const (
	keyPrefix  = "key"
	usedPrefix = "used"
)

// record is a key as it is stored.
type record struct {
	Format  int               `json:"format"`
	ID      ID                `json:"id"`
	Scopes  []string          `json:"scopes,omitempty"`
	Labels  map[string]string `json:"labels,omitempty"`
	Created time.Time         `json:"created"`
	Expires time.Time         `json:"expires,omitzero"`
	Secrets []secretRecord    `json:"secrets"`
}

type secretRecord struct {
	SHA256  string    `json:"sha256"` // of the text of the key, in hexadecimal
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
}

func newSecret(text string, now time.Time) secretRecord {
	sum := sha256.Sum256([]byte(text))
	return secretRecord{SHA256: hex.EncodeToString(sum[:]), Created: now}
}

func (s secretRecord) past(now time.Time) bool { return past(nanos(s.Expires), now) }

// nanos is how entries have times.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// parse reads the record of a key.
func parse(e store.Record) (*record, error) {
	r := &record{}
	if err := json.Unmarshal(e.Value, r); err != nil {
		return nil, fmt.Errorf("decode key: %w", err)
	}
	if r.Format != recordFormat || len(r.Secrets) > secretsMax || len(r.ID) != idBytes {
		return nil, fmt.Errorf("key has format %d and %d secrets", r.Format, len(r.Secrets))
	}
	return r, nil
}

// entry makes what Verify needs of a record. Uses of secrets that before has go on.
func (r *record) entry(e store.Record, before *entry) (*entry, error) {
	parts := strings.Split(e.Key, "/")
	if len(parts) != 3 {
		return nil, fmt.Errorf("key has %d parts", len(parts))
	}
	key := &Key{ID: r.ID, Project: dayfly.ProjectName(parts[1]), Name: parts[2], Scopes: slices.Clip(r.Scopes),
		Labels: r.Labels, Created: r.Created, Expires: r.Expires}
	if key.Scopes == nil {
		key.Scopes = []string{}
	}
	if key.Labels == nil {
		key.Labels = map[string]string{}
	}
	next := &entry{key: key, version: e.Version, expires: nanos(r.Expires)}
	for i, s := range r.Secrets {
		sum, err := hex.DecodeString(s.SHA256)
		if err != nil || len(sum) != sha256.Size {
			return nil, fmt.Errorf("secret %d has no digest", i)
		}
		copy(next.digests[i][:], sum)
		next.secrets[i] = validity{expires: nanos(s.Expires), use: before.useOf(next.digests[i])}
		key.Secrets = append(key.Secrets, Secret{Created: s.Created, Expires: s.Expires})
	}
	next.fill()
	return next, nil
}

// useOf gives the use of the secret with that digest, or a new one.
func (e *entry) useOf(digest [sha256.Size]byte) *use {
	if e != nil {
		for i, own := range e.digests {
			if own == digest && e.secrets[i].use != nil {
				return e.secrets[i].use
			}
		}
	}
	return &use{}
}

// follow applies the store's events until ctx ends.
func (k *Keys) follow(ctx context.Context, loaded chan<- struct{}) {
	defer close(k.closed)
	err := k.store.Watch(ctx, "", func(e store.Event) {
		switch {
		case e.Op == store.OpSynced:
			close(loaded)
			return
		case strings.HasPrefix(e.Key, usedPrefix+"/"):
			k.applyUse(e.Record)
		default:
			k.apply(e)
		}
		k.reach(e.Version)
	})
	if err != nil {
		k.log.Error("watch of API keys ended", "error", err)
	}
}

// apply brings one change of a key into the table. What is not understood takes its key out:
// it may have been a revocation.
func (k *Keys) apply(e store.Event) {
	_, path, _ := strings.Cut(e.Key, "/")
	project, name, _ := strings.Cut(path, "/")
	k.mu.Lock()
	before := k.names[dayfly.ProjectName(project)][name]
	k.mu.Unlock()
	var next *entry
	if e.Op == store.OpPut {
		r, err := parse(e.Record)
		if err == nil {
			next, err = r.entry(e.Record, before)
		}
		if err != nil {
			k.log.Error("record of an API key not understood", "key", e.Key, "error", err)
			next = nil
		}
	}
	if before != nil && (next == nil || next.key.ID != before.key.ID) {
		k.table.Delete(before.key.ID)
	}
	if next != nil {
		k.table.Store(next.key.ID, next)
	}
	k.put(dayfly.ProjectName(project), name, next)
}

func (k *Keys) put(project dayfly.ProjectName, name string, e *entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e == nil {
		delete(k.names[project], name)
		if len(k.names[project]) == 0 {
			delete(k.names, project)
		}
		return
	}
	if k.names[project] == nil {
		k.names[project] = map[string]*entry{}
	}
	k.names[project][name] = e
}

// reach wakes those who wait for a version.
func (k *Keys) reach(version uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.applied = version
	k.waiting = slices.DeleteFunc(k.waiting, func(w waiter) bool {
		if w.version > version {
			return false
		}
		close(w.reached)
		return true
	})
}

// wait returns when the table has a version.
func (k *Keys) wait(ctx context.Context, version uint64) error {
	k.mu.Lock()
	if k.applied >= version {
		k.mu.Unlock()
		return nil
	}
	w := waiter{version: version, reached: make(chan struct{})}
	k.waiting = append(k.waiting, w)
	k.mu.Unlock()
	select {
	case <-w.reached:
		return nil
	case <-k.closed:
		return dayfly.Errorf(dayfly.KindUnavailable, "the node is stopping")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
