// SPDX-License-Identifier: Apache-2.0

package index

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"

	"github.com/dayfly-faas/dayfly/internal/blob/volume"
)

// Index is what is known of the keys of a bucket.
type Index struct {
	mu       sync.RWMutex // guards all below
	tree     *btree.BTreeG[*entry]
	versions int // that are there; gone ones are not counted

	all *atomic.Int64 // what is in every index of the store
}

// entry is a key and its versions.
type entry struct {
	key      string
	versions []Version // newest first
}

// Version is what the index knows of one version.
type Version struct {
	Seq      uint64 // of its record
	Order    uint64 // of its first record: the greater, the newer
	Size     int64
	Modified int64 // microseconds of Unix time
	ID       volume.ID
	ETag     ETag
	Flags    Flags
}

// Flags say what a version is.
type Flags uint8

// The flags.
const (
	Null     Flags = 1 << iota // its version is NullName
	Marker                     // it marks a deletion
	Gone                       // it is removed; its record is about to be
	File                       // its data is in the file of its id
	Segments                   // its data is in several files, which its record lists
	Quiet                      // its record changed nothing to tell of
)

// ETag is an ETag in few bytes.
type ETag struct {
	MD5   [16]byte
	Parts uint16 // of a multipart object, else 0
}

// String writes e as S3 does, without quotes.
func (e ETag) String() string {
	s := hex.EncodeToString(e.MD5[:])
	if e.Parts > 0 {
		s += "-" + strconv.Itoa(int(e.Parts))
	}
	return s
}

// ParseETag reads what String wrote.
func ParseETag(s string) ETag {
	var e ETag
	sum, count, _ := strings.Cut(s, "-")
	if len(sum) == 2*len(e.MD5) {
		_, _ = hex.Decode(e.MD5[:], []byte(sum)) // our own writing
	}
	n, _ := strconv.ParseUint(count, 10, 16)
	e.Parts = uint16(n)
	return e
}

// New makes an empty index that counts what it has in all too.
func New(all *atomic.Int64) *Index {
	less := func(a, b *entry) bool { return a.key < b.key }
	return &Index{all: all, tree: btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})}
}

// NullName names the version that was written while versioning was off.
const NullName = "null"

// Is tells whether v has a flag.
func (v *Version) Is(f Flags) bool { return v.Flags&f != 0 }

// Name gives the name of the version that requests have.
func (v *Version) Name() string {
	if v.Is(Null) {
		return NullName
	}
	return v.ID.String()
}

// Apply puts a version into the index and gives the one whose record it replaces.
func (x *Index) Apply(key string, v Version) (old Version, replaced bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e, ok := x.tree.Get(&entry{key: key})
	if !ok {
		e = &entry{key: strings.Clone(key)}
		x.tree.Set(e)
	}
	at := slices.IndexFunc(e.versions, func(o Version) bool { return o.Name() == v.Name() })
	if at >= 0 {
		old, replaced = e.versions[at], true
		if old.Seq >= v.Seq {
			return Version{}, false // told already
		}
		e.versions = slices.Delete(e.versions, at, at+1)
		x.count(old, -1)
	}
	at, _ = slices.BinarySearchFunc(e.versions, v, func(o, v Version) int {
		if o.Order > v.Order {
			return -1
		}
		return 1
	})
	e.versions = slices.Grow(e.versions, 1)[:len(e.versions)]
	e.versions = slices.Insert(e.versions, at, v)
	x.count(v, 1)
	return old, replaced
}

// count counts v, n being 1 or -1. What is gone takes memory for a moment only.
func (x *Index) count(v Version, n int) {
	if !v.Is(Gone) {
		x.versions += n
		x.all.Add(int64(n))
	}
}

// Forget takes the version with that sequence out of the index.
func (x *Index) Forget(key string, seq uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e, ok := x.tree.Get(&entry{key: key})
	if !ok {
		return
	}
	at := slices.IndexFunc(e.versions, func(o Version) bool { return o.Seq == seq })
	if at < 0 {
		return
	}
	x.count(e.versions[at], -1)
	e.versions = slices.Delete(e.versions, at, at+1)
	if len(e.versions) == 0 {
		x.tree.Delete(e)
	}
}

// Find gives the version of that name (empty: the latest), and whether there is one.
// The latest may be a marker.
func (x *Index) Find(key, name string) (v Version, latest, ok bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	e, found := x.tree.Get(&entry{key: key})
	if !found {
		return Version{}, false, false
	}
	latest = true
	for _, v := range e.versions {
		switch {
		case v.Is(Gone):
			continue
		case name == "", v.Name() == name:
			return v, latest, true
		}
		latest = false
	}
	return Version{}, false, false
}

// Stored gives the sequence of the record of that version, also of one that is gone, and
// zero when there is none.
func (x *Index) Stored(key, name string) uint64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if e, ok := x.tree.Get(&entry{key: key}); ok {
		for _, v := range e.versions {
			if v.Name() == name {
				return v.Seq
			}
		}
	}
	return 0
}

// visible tells whether a list shows e: an object that is there or, among versions, any.
func (e *entry) visible(versions bool) bool {
	for _, v := range e.versions {
		if !v.Is(Gone) {
			return versions || !v.Is(Marker)
		}
	}
	return false
}

// Len gives the number of versions that are there.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.versions
}

// Each calls f with every version, also those that are gone, until it gives an error. f
// must not use the index.
func (x *Index) Each(f func(key string, v Version) error) (err error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	x.tree.Scan(func(e *entry) bool {
		for _, v := range e.versions {
			if err = f(e.key, v); err != nil {
				return false
			}
		}
		return true
	})
	return err
}
