// SPDX-License-Identifier: Apache-2.0

package apikey

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/store"
)

// Keys are the API keys of all projects. Its methods may be called from any goroutine.
type Keys struct {
	store *store.Store
	now   func() time.Time
	log   *slog.Logger

	table sync.Map // ID to *entry: Verify takes no lock
	decoy *entry   // is compared with when there is no such key

	mu      sync.Mutex // guards all below
	names   map[dayfly.ProjectName]map[string]*entry
	applied uint64 // version up to which table and names are complete
	waiting []waiter

	cancel context.CancelFunc // ends follow and the writer of uses; set by Open
	done   sync.WaitGroup
	closed chan struct{} // closed when follow ended
}

// entry is a key with what Verify needs.
type entry struct {
	key     *Key
	version uint64 // of its record
	expires int64  // Unix nanoseconds; 0 never
	digests [secretsMax][sha256.Size]byte
	secrets [secretsMax]validity
}

type validity struct {
	expires int64 // Unix nanoseconds; 0 never
	use     *use  // nil where there is no secret
}

// use is when a secret was last used, in Unix seconds.
type use struct{ last, written atomic.Int64 }

type waiter struct {
	version uint64
	reached chan struct{}
}

// New makes a table over a store that is open when Open is called. Now is the time by which
// keys expire.
func New(st *store.Store, now func() time.Time, log *slog.Logger) *Keys {
	k := &Keys{store: st, now: now, log: log, decoy: &entry{key: &Key{}},
		names: map[dayfly.ProjectName]map[string]*entry{}, closed: make(chan struct{})}
	k.decoy.fill()
	return k
}

// fill puts what nothing matches where there is no secret, so that there are always as many to
// compare.
func (e *entry) fill() {
	for i := range e.digests {
		if e.secrets[i].use == nil {
			_, _ = rand.Read(e.digests[i][:])
		}
	}
}

// Open loads all keys and keeps them fresh from then on.
func (k *Keys) Open(ctx context.Context) error {
	following, cancel := context.WithCancel(context.WithoutCancel(ctx))
	k.cancel = cancel
	loaded := make(chan struct{})
	k.done.Go(func() { k.follow(following, loaded) })
	select {
	case <-loaded:
	case <-k.closed:
		return errors.Join(dayfly.Errorf(dayfly.KindUnavailable, "the API keys cannot be read"), k.Close())
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), k.Close())
	}
	if err := k.loadUses(ctx); err != nil {
		return errors.Join(err, k.Close())
	}
	k.done.Go(func() { k.writeUses(following) })
	return nil
}

// Close stops following the store and writes what was used last.
func (k *Keys) Close() error {
	if k.cancel != nil {
		k.cancel()
	}
	k.done.Wait()
	return nil
}

// Verify gives the key of that project with that text. Anything else is unauthenticated, and
// the error does not tell why, but for a key that expired: only who has it hears that.
func (k *Keys) Verify(project dayfly.ProjectName, text string) (*Key, error) {
	id, _ := idOf(text)
	e, known := k.entry(id)
	known = known && e.key.Project == project
	if !known {
		e = k.decoy
	}
	var room [textBytes]byte
	sum := sha256.Sum256(room[:copy(room[:], text)])
	found := -1
	for i := range e.digests {
		if subtle.ConstantTimeCompare(sum[:], e.digests[i][:]) == 1 {
			found = i
		}
	}
	if !known || found < 0 || len(text) != textBytes {
		return nil, dayfly.Errorf(dayfly.KindUnauthenticated, "the API key is not known")
	}
	now, secret := k.now(), e.secrets[found]
	if past(secret.expires, now) || past(e.expires, now) {
		return nil, dayfly.Errorf(dayfly.KindUnauthenticated, "the API key has expired")
	}
	if at := now.Unix(); secret.use.last.Load() < at {
		secret.use.last.Store(at)
	}
	return e.key, nil
}

func past(expires int64, now time.Time) bool { return expires != 0 && now.UnixNano() >= expires }

func (k *Keys) entry(id ID) (*entry, bool) {
	v, ok := k.table.Load(id)
	if !ok {
		return nil, false
	}
	return v.(*entry), true
}

// List gives the keys of a project, by name.
func (k *Keys) List(project dayfly.ProjectName) []Key {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := make([]Key, 0, len(k.names[project]))
	for _, e := range k.names[project] {
		list = append(list, e.told(k.now()))
	}
	slices.SortFunc(list, func(a, b Key) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// Key gives the key with that name or identity.
func (k *Keys) Key(project dayfly.ProjectName, name string) (Key, error) {
	e, err := k.find(project, name)
	if err != nil {
		return Key{}, err
	}
	return e.told(k.now()), nil
}

// told gives the key with its uses, and without secrets that have expired.
func (e *entry) told(now time.Time) Key {
	key := *e.key
	key.Secrets = nil
	for i, s := range e.key.Secrets {
		if past(e.secrets[i].expires, now) {
			continue
		}
		if last := e.secrets[i].use.last.Load(); last > 0 {
			s.Used = time.Unix(last, 0).UTC()
		}
		key.Secrets = append(key.Secrets, s)
	}
	return key
}

func (k *Keys) find(project dayfly.ProjectName, name string) (*entry, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.names[project][name]; e != nil {
		return e, nil
	}
	if e, ok := k.entry(ID(name)); ok && e.key.Project == project {
		return e, nil
	}
	return nil, dayfly.Errorf(dayfly.KindNotFound, "project %s has no API key %.80q", project, name)
}
