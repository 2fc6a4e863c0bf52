// SPDX-License-Identifier: Apache-2.0

package blob_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly/internal/blob"
)

// seedEnv repeats a run of the model test.
const seedEnv = "BLOB_TEST_SEED"

// modelVersion is a version as the model has it.
type modelVersion struct {
	id     string
	data   string
	marker bool
	tags   string
}

// model is a bucket as a map: each key's versions, the newest first.
type model struct {
	versioning blob.Versioning
	keys       map[string][]modelVersion
}

func (m *model) latest(key string) (modelVersion, bool) {
	if list := m.keys[key]; len(list) > 0 && !list[0].marker {
		return list[0], true
	}
	return modelVersion{}, false
}

func (m *model) add(key string, v modelVersion) {
	if v.id == blob.NullVersion {
		m.drop(key, v.id)
	}
	m.keys[key] = slices.Insert(m.keys[key], 0, v)
}

func (m *model) drop(key, id string) bool {
	list := m.keys[key]
	at := slices.IndexFunc(list, func(v modelVersion) bool { return v.id == id })
	if at < 0 {
		return false
	}
	if m.keys[key] = slices.Delete(list, at, at+1); len(m.keys[key]) == 0 {
		delete(m.keys, key)
	}
	return true
}

// list gives what the rules of S3 say, the simplest way.
func (m *model) list(q blob.ListQuery) (lines []string) {
	var keys []string
	for key := range m.keys {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	seen := ""
	for _, key := range keys {
		_, there := m.latest(key)
		if !strings.HasPrefix(key, q.Prefix) || !there && !q.Versions {
			continue
		}
		if q.Delimiter != "" {
			if head, _, ok := strings.Cut(key[len(q.Prefix):], q.Delimiter); ok {
				if prefix := q.Prefix + head + q.Delimiter; prefix != seen {
					lines = append(lines, prefix)
					seen = prefix
				}
				continue
			}
		}
		for i, v := range m.keys[key] {
			if i == 0 || q.Versions {
				lines = append(lines, fmt.Sprint(key, " ", v.id, " ", len(v.data), " ", v.marker, " ", i == 0))
			}
		}
	}
	return lines
}

// world is a store and its model.
type world struct {
	t     *testing.T
	rng   *rand.Rand
	dir   string
	store *opened
	model model
	log   []string
}

var modelKeys = []string{"a", "a/", "a//", "a/b", "a/b/c", "a/../b", "b", "ü/ö", "z z", "\U0001f600", "a/é", "+", "a%2Fb"}

func (w *world) key() string { return modelKeys[w.rng.IntN(len(modelKeys))] }

// version names some version of key, or one that there is not.
func (w *world) version(key string) string {
	list := w.model.keys[key]
	if len(list) == 0 || w.rng.IntN(8) == 0 {
		return "00000000000000000000000000000000"
	}
	return list[w.rng.IntN(len(list))].id
}

func (w *world) did(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%v\nafter:\n%s", err, strings.Join(w.log, "\n"))
	}
}

func (w *world) put() {
	key := w.key()
	data := pattern([]int{0, 10, 3000, 40 << 10, 300 << 10}[w.rng.IntN(5)], byte(w.rng.Uint32()))
	o := put(w.t, w.store, key, data)
	w.did("put %q %d as %s", key, len(data), o.VersionID)
	w.model.add(key, modelVersion{id: o.VersionID, data: data})
	if null := o.VersionID == blob.NullVersion; null == (w.model.versioning == blob.VersioningEnabled) {
		w.t.Errorf("put gave version %s while versioning is %q", o.VersionID, w.model.versioning)
	}
}

func (w *world) copy() {
	from, to := w.key(), w.key()
	source, ok := w.model.latest(from)
	o, err := w.store.Copy(w.t.Context(), ref(to), blob.Source{Ref: ref(from)}, blob.CopyOptions{})
	w.did("copy %q to %q: %v", from, to, err)
	if !ok {
		if !errors.Is(err, blob.ErrNoSuchKey) {
			w.t.Errorf("copy of nothing: %v", err)
		}
		return
	}
	w.must(err)
	w.model.add(to, modelVersion{id: o.VersionID, data: source.data, tags: source.tags})
}

func (w *world) delete() {
	key := w.key()
	d, err := w.store.Delete(w.t.Context(), ref(key), blob.DeleteOptions{})
	w.must(err)
	w.did("delete %q: %+v", key, d)
	if w.model.versioning == blob.VersioningOff {
		w.model.drop(key, blob.NullVersion)
		return
	}
	w.model.add(key, modelVersion{id: d.VersionID, marker: true})
}

func (w *world) deleteVersion() {
	key := w.key()
	id := w.version(key)
	d, err := w.store.Delete(w.t.Context(), ref(key), blob.DeleteOptions{VersionID: id})
	w.must(err)
	w.did("delete %q version %s", key, id)
	if existed := w.model.drop(key, id); existed != d.Existed {
		w.t.Errorf("delete of %q, version %s: existed %t, want %t", key, id, d.Existed, existed)
	}
}

func (w *world) amend() {
	key, text := w.key(), strconv.Itoa(w.rng.IntN(1000))
	id := w.version(key)
	_, err := w.store.Amend(w.t.Context(), ref(key), id, func(a *blob.Attributes) error {
		a.Tags = map[string]string{"n": text}
		return nil
	})
	w.did("amend %q version %s: %v", key, id, err)
	for i, v := range w.model.keys[key] {
		if v.id == id && !v.marker {
			w.must(err)
			w.model.keys[key][i].tags = text
			return
		}
	}
	if err == nil {
		w.t.Errorf("amending %q, version %s, went well", key, id)
	}
}

func (w *world) get() {
	key := w.key()
	want, ok := w.model.latest(key)
	got, err := get(w.t, w.store, key, "")
	if ok != (err == nil) || got != want.data {
		w.t.Fatalf("get %q = %d bytes, %v; want %d, %t\nafter:\n%s", key, len(got), err,
			len(want.data), ok, strings.Join(w.log, "\n"))
	}
	for _, v := range w.model.keys[key] {
		got, err := get(w.t, w.store, key, v.id)
		if v.marker {
			if !errors.Is(err, blob.ErrMarker) {
				w.t.Errorf("get %q, marker %s: %v", key, v.id, err)
			}
			continue
		}
		o, _ := w.store.Stat(w.t.Context(), ref(key), v.id)
		if err != nil || got != v.data || o.Tags["n"] != v.tags || o.ETag != sumOf(v.data) {
			w.t.Fatalf("get %q, version %s: %d bytes, tags %v, %v\nafter:\n%s", key, v.id, len(got),
				o.Tags, err, strings.Join(w.log, "\n"))
		}
	}
}

func (w *world) list() {
	q := blob.ListQuery{Prefix: []string{"", "a", "a/", "ü", "none"}[w.rng.IntN(5)],
		Delimiter: []string{"", "/", "/b"}[w.rng.IntN(3)], Max: 1 + w.rng.IntN(5),
		Versions: w.rng.IntN(2) == 0}
	want := w.model.list(q)
	var got []string
	query := q
	for {
		page, err := w.store.List(w.t.Context(), photos, q)
		w.must(err)
		if n := len(page.Objects) + len(page.Prefixes); n > q.Max || page.Truncated && n != q.Max {
			w.t.Errorf("a page of %d for %+v", n, q)
		}
		got = append(got, page.Prefixes...)
		for _, o := range page.Objects {
			got = append(got, fmt.Sprint(o.Key, " ", o.VersionID, " ", o.Size, " ", o.Marker, " ", o.Latest))
		}
		if !page.Truncated {
			break
		}
		q.After, q.AfterVersion = page.Next, page.NextVersion
		if !q.Versions {
			q.AfterVersion = ""
		}
	}
	slices.Sort(got) // prefixes and objects are told apart, not in one order
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Fatalf("list %+v, diff (-want +got):\n%s\nafter:\n%s", query, diff, strings.Join(w.log, "\n"))
	}
}

func (w *world) setVersioning() {
	to := []blob.Versioning{blob.VersioningEnabled, blob.VersioningSuspended}[w.rng.IntN(2)]
	_, err := w.store.UpdateBucket(w.t.Context(), photos, func(b *blob.Bucket) error {
		b.Versioning = to
		return nil
	})
	w.must(err)
	w.did("versioning %s", to)
	w.model.versioning = to
}

func (w *world) reopen() {
	w.store.stop()
	w.store = openAt(w.t, w.dir, blob.Config{}, nil)
	w.did("reopen")
}

// TestAgainstModel runs a random history beside a map and compares what is seen.
func TestAgainstModel(t *testing.T) {
	t.Parallel()
	seed, steps := rand.Uint64(), 300
	if text := os.Getenv(seedEnv); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	if !testing.Short() {
		steps = 6000
	}
	t.Logf("%s=%d", seedEnv, seed)
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 1)), dir: t.TempDir(),
		model: model{keys: map[string][]modelVersion{}}}
	w.store = openAt(t, w.dir, blob.Config{}, nil)
	makeBucket(t, w.store, blob.Bucket{Name: "photos"})
	for i := range steps {
		switch n := w.rng.IntN(100); {
		case n < 30:
			w.put()
		case n < 45:
			w.delete()
		case n < 60:
			w.deleteVersion()
		case n < 68:
			w.copy()
		case n < 75:
			w.amend()
		case n < 85:
			w.get()
		case n < 97:
			w.list()
		case n < 98 && i > steps/3: // the first third is without versions
			w.setVersioning()
		case n == 99 && w.rng.IntN(2) == 0:
			w.reopen()
		}
	}
	w.reopen()
	for range 50 {
		w.get()
		w.list()
	}
}
