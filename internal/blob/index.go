// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/btree"

	"github.com/dayfly-faas/dayfly/internal/blob/volume"
)

// bucket is what the index holds of a bucket.
type bucket struct {
	ref     BucketRef
	subject string // the prefix of its subjects

	// fence is held for reading by whoever writes to the bucket, and for writing by
	// who removes it.
	fence sync.RWMutex

	mu       sync.RWMutex // guards all below
	record   Bucket
	revision uint64 // of the record
	gone     bool
	tree     *btree.BTreeG[*entry]
	versions int // that are there; gone ones are not counted
	uploads  map[string]*upload
}

// entry is a key and its versions.
type entry struct {
	key      string
	versions []version // newest first
}

// version is what the index knows of one version.
type version struct {
	seq      uint64 // of its record
	order    uint64 // of its first record: the greater, the newer
	size     int64
	modified int64 // microseconds of Unix time
	id       volume.ID
	etag     etag
	flags    flags
}

type flags uint8

const (
	flagNull     flags = 1 << iota // its version is NullVersion
	flagMarker                     // it marks a deletion
	flagGone                       // it is removed; its record is about to be
	flagFile                       // its data is in the file of its id
	flagSegments                   // its data is in several files, which its record lists
	flagQuiet                      // its record changed nothing to tell of
)

// etag is an ETag in few bytes.
type etag struct {
	md5   [16]byte
	parts uint16 // of a multipart object, else 0
}

// String writes e as S3 does, without quotes.
func (e etag) String() string {
	s := hex.EncodeToString(e.md5[:])
	if e.parts > 0 {
		s += "-" + strconv.Itoa(int(e.parts))
	}
	return s
}

func parseETag(s string) etag {
	var e etag
	sum, count, _ := strings.Cut(s, "-")
	if len(sum) == 2*len(e.md5) {
		_, _ = hex.Decode(e.md5[:], []byte(sum)) // our own writing
	}
	n, _ := strconv.ParseUint(count, 10, 16)
	e.parts = uint16(n)
	return e
}

func newBucket(ref BucketRef, record Bucket, revision uint64) *bucket {
	less := func(a, b *entry) bool { return a.key < b.key }
	return &bucket{ref: ref, subject: subjectOf(ref), record: record, revision: revision,
		tree:    btree.NewBTreeGOptions(less, btree.Options{NoLocks: true}),
		uploads: map[string]*upload{}}
}

func (v *version) is(f flags) bool { return v.flags&f != 0 }

func (v *version) name() string {
	if v.is(flagNull) {
		return NullVersion
	}
	return v.id.String()
}

// indexed gives what the index keeps of a record.
func indexed(rec *record, seq uint64) version {
	v := version{seq: seq, order: seq, size: rec.Size, modified: rec.Modified.UnixMicro(),
		id: rec.ID, etag: parseETag(rec.ETag)}
	if rec.Order != 0 {
		v.order = rec.Order
	}
	for flag, on := range map[flags]bool{
		flagNull: rec.Null, flagMarker: rec.Op == opMarker, flagGone: rec.Op == opGone,
		flagSegments: rec.Segments > 0, flagQuiet: rec.Quiet,
		flagFile: rec.Op == opPut && !rec.Inline && rec.Segments == 0,
	} {
		if on {
			v.flags |= flag
		}
	}
	return v
}

// apply puts a version into the index and gives the one whose record it replaces.
func (b *bucket) apply(key string, v version) (old version, replaced bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := b.tree.Get(&entry{key: key})
	if !ok {
		e = &entry{key: strings.Clone(key)}
		b.tree.Set(e)
	}
	at := slices.IndexFunc(e.versions, func(o version) bool { return o.name() == v.name() })
	if at >= 0 {
		old, replaced = e.versions[at], true
		if old.seq >= v.seq {
			return version{}, false // told already
		}
		e.versions = slices.Delete(e.versions, at, at+1)
		b.count(old, -1)
	}
	at, _ = slices.BinarySearchFunc(e.versions, v, func(o, v version) int {
		if o.order > v.order {
			return -1
		}
		return 1
	})
	e.versions = slices.Grow(e.versions, 1)[:len(e.versions)]
	e.versions = slices.Insert(e.versions, at, v)
	b.count(v, 1)
	return old, replaced
}

func (b *bucket) count(v version, n int) {
	if !v.is(flagGone) {
		b.versions += n
	}
}

// forget takes the version with that sequence out of the index.
func (b *bucket) forget(key string, seq uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := b.tree.Get(&entry{key: key})
	if !ok {
		return
	}
	at := slices.IndexFunc(e.versions, func(o version) bool { return o.seq == seq })
	if at < 0 {
		return
	}
	b.count(e.versions[at], -1)
	e.versions = slices.Delete(e.versions, at, at+1)
	if len(e.versions) == 0 {
		b.tree.Delete(e)
	}
}

// find gives the version of that name (empty: the latest), and whether there is one.
// The latest may be a marker.
func (b *bucket) find(key, name string) (v version, latest, ok bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	e, found := b.tree.Get(&entry{key: key})
	if !found {
		return version{}, false, false
	}
	latest = true
	for _, v := range e.versions {
		switch {
		case v.is(flagGone):
			continue
		case name == "", v.name() == name:
			return v, latest, true
		}
		latest = false
	}
	return version{}, false, false
}

// stored gives the sequence of the record of that version, also of one that is gone, and
// zero when there is none.
func (b *bucket) stored(key, name string) uint64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if e, ok := b.tree.Get(&entry{key: key}); ok {
		for _, v := range e.versions {
			if v.name() == name {
				return v.seq
			}
		}
	}
	return 0
}

// visible tells whether a list shows e: an object that is there or, among versions, any.
func (e *entry) visible(versions bool) bool {
	for _, v := range e.versions {
		if !v.is(flagGone) {
			return versions || !v.is(flagMarker)
		}
	}
	return false
}

// object gives what the index alone knows.
func (v *version) object(key string) Object {
	o := Object{Key: key, Size: v.size, Modified: time.UnixMicro(v.modified).UTC(),
		VersionID: v.name(), Marker: v.is(flagMarker), Sequencer: sequencer(v.seq)}
	if !o.Marker {
		o.ETag = v.etag.String()
	}
	return o
}
