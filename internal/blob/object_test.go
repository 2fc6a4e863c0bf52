// SPDX-License-Identifier: Apache-2.0

package blob_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob"
)

func TestObjectsComeBackAsTheyWerePut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir, blob.Config{}, nil)
	makeBucket(t, s, blob.Bucket{Name: "photos"})
	sizes := []int{0, 1, 32 << 10, 32<<10 + 1, 256 << 10, 1 << 20, 5<<20 + 3}
	for i, n := range sizes {
		data := pattern(n, byte(i))
		o := put(t, s, fmt.Sprint("size/", n), data)
		if o.ETag != sumOf(data) || o.Size != int64(n) {
			t.Errorf("Put of %d bytes: ETag %s, size %d; want %s", n, o.ETag, o.Size, sumOf(data))
		}
	}
	check := func(when string) {
		for i, n := range sizes {
			got, err := get(t, s, fmt.Sprint("size/", n), "")
			if want := pattern(n, byte(i)); got != want || err != nil {
				t.Errorf("%s: %d bytes come back as %d, equal %t, %v", when, n, len(got), got == want, err)
			}
		}
	}
	check("before the end")
	s.stop()
	s = openAt(t, dir, blob.Config{}, nil)
	check("after it was opened again")
}

func TestAttributesAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir, blob.Config{}, nil)
	makeBucket(t, s, blob.Bucket{Name: "photos"})
	want := blob.Attributes{ContentType: "image/png", CacheControl: "no-cache",
		ContentDisposition: "attachment; filename=\"ü\r\n.png\"", ContentEncoding: "gzip",
		ContentLanguage: "de", Expires: "never", StorageClass: "STANDARD",
		Metadata: map[string]string{"who": "Żółć \u2028 <&>"}, Tags: map[string]string{"a": "b c"},
		Documents: map[string][]byte{"acl": {0, 1, 255}}}
	_, err := s.Put(t.Context(), ref("a"), blob.PutOptions{Attributes: want, Size: -1,
		Checksum: blob.Checksum{Algorithm: blob.CRC32}}, strings.NewReader("hello world"))
	if err != nil {
		t.Fatal(err)
	}
	want.Tags = map[string]string{"c": "d"}
	if _, err := s.Amend(t.Context(), ref("a"), "", func(a *blob.Attributes) error {
		a.Tags = want.Tags
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s.stop()
	s = openAt(t, dir, blob.Config{}, nil)
	o, err := s.Stat(t.Context(), ref("a"), "")
	if diff := cmp.Diff(want, o.Attributes); diff != "" || err != nil {
		t.Errorf("Stat: %v, diff (-want +got):\n%s", err, diff)
	}
	if o.Checksum.Value != "DUoRhQ==" || o.Checksum.Type != blob.FullObject {
		t.Errorf("checksum %+v, want DUoRhQ== of the full object", o.Checksum)
	}
	if got, err := get(t, s, "a", ""); got != "hello world" || err != nil {
		t.Errorf("data %q, %v", got, err)
	}
}

func TestChecksums(t *testing.T) {
	t.Parallel()
	s := open(t)
	for algorithm, want := range map[blob.ChecksumAlgorithm]string{
		blob.CRC32: "y/Q5Jg==", blob.CRC32C: "4waSgw==", blob.CRC64NVME: "rosUhgp5mIg=",
		blob.SHA1:   "98O8HYCOBHMq32eZZczDTKeuNEE=",
		blob.SHA256: "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
	} {
		opts := blob.PutOptions{Size: 9, Checksum: blob.Checksum{Algorithm: algorithm}}
		o, err := s.Put(t.Context(), ref("n"), opts, strings.NewReader("123456789"))
		if err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
		if o.Checksum.Value != want {
			t.Errorf("%s of 123456789 = %s, want %s", algorithm, o.Checksum.Value, want)
		}
		opts.Checksum.Value = o.Checksum.Value
		if _, err = s.Put(t.Context(), ref("n"), opts, strings.NewReader("123456789")); err != nil {
			t.Errorf("%s given right: %v", algorithm, err)
		}
		_, err = s.Put(t.Context(), ref("n"), opts, strings.NewReader("12345678X"))
		if !errors.Is(err, blob.ErrBadDigest) {
			t.Errorf("%s given wrong: %v, want %v", algorithm, err, blob.ErrBadDigest)
		}
	}
	if got, err := get(t, s, "n", ""); got != "123456789" || err != nil {
		t.Errorf("after refused writes: %q, %v", got, err)
	}
}

func TestBadWritesLeaveNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir, blob.Config{MaxBytes: 1 << 20}, nil)
	makeBucket(t, s, blob.Bucket{Name: "photos"})
	mine := errors.New("the line broke")
	big := pattern(300<<10, 1)
	for name, c := range map[string]struct {
		opts blob.PutOptions
		data io.Reader
		want error
	}{
		"fewer bytes":        {blob.PutOptions{Size: 400 << 10}, strings.NewReader(big), blob.ErrIncomplete},
		"few bytes":          {blob.PutOptions{Size: 4}, strings.NewReader("abc"), blob.ErrIncomplete},
		"MD5":                {blob.PutOptions{Size: -1, ContentMD5: sumOf("x")}, strings.NewReader(big), blob.ErrBadDigest},
		"reader fails":       {blob.PutOptions{Size: -1}, io.MultiReader(strings.NewReader(big), iotest.ErrReader(mine)), mine},
		"reader fails early": {blob.PutOptions{Size: -1}, iotest.ErrReader(mine), mine},
		"reader is cut off": {blob.PutOptions{Size: -1}, io.MultiReader(strings.NewReader(big),
			iotest.ErrReader(io.ErrUnexpectedEOF)), blob.ErrIncomplete},
		"no room":         {blob.PutOptions{Size: -1}, strings.NewReader(strings.Repeat(big, 4)), blob.ErrQuota},
		"many attributes": {blob.PutOptions{Attributes: blob.Attributes{ContentType: big}}, nil, blob.ErrAttributesLarge},
		"long key":        {blob.PutOptions{}, nil, blob.ErrKeyTooLong},
	} {
		key := "bad"
		if name == "long key" {
			key = strings.Repeat("k", 1025)
		}
		_, err := s.Put(t.Context(), ref(key), c.opts, c.data)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	_, err := s.Put(t.Context(), ref("bad"), blob.PutOptions{Size: 2}, strings.NewReader("more"))
	wantKind(t, "more bytes than announced", err, dayfly.KindInvalid)
	_, err = s.Put(t.Context(), ref("\xff"), blob.PutOptions{}, strings.NewReader(""))
	wantKind(t, "key that is not UTF-8", err, dayfly.KindInvalid)
	if n := filesBelow(t, filepath.Join(dir, "objects")); n != 0 {
		t.Errorf("%d data files are left", n)
	}
	if _, err := get(t, s, "bad", ""); !errors.Is(err, blob.ErrNoSuchKey) {
		t.Errorf("after refused writes: %v, want %v", err, blob.ErrNoSuchKey)
	}
	put(t, s, "fits", pattern(1<<20, 2)) // nothing of what was refused counts
	if _, err := s.Delete(t.Context(), ref("fits"), blob.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	put(t, s, "fits again", pattern(1<<20, 2))
}

func TestTheNumberOfObjectsIsBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir, blob.Config{MaxObjects: 2}, nil)
	makeBucket(t, s, blob.Bucket{Name: "photos"})
	put(t, s, "a", "1")
	put(t, s, "b", pattern(50<<10, 1))
	s.stop()
	s = openAt(t, dir, blob.Config{MaxObjects: 2}, nil)
	_, err := s.Put(t.Context(), ref("c"), blob.PutOptions{Size: -1}, strings.NewReader(pattern(50<<10, 2)))
	if wantKind(t, "one too many", err, dayfly.KindExhausted); !errors.Is(err, blob.ErrQuota) {
		t.Errorf("one too many: %v, want %v", err, blob.ErrQuota)
	}
	if n := filesBelow(t, filepath.Join(dir, "objects")); n != 1 {
		t.Errorf("%d data files, want 1", n)
	}
	put(t, s, "a", "2") // replaces
	if _, err := s.Delete(t.Context(), ref("b"), blob.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	put(t, s, "c", "3")
}

func TestConditionsAreJudgedAtTheCommit(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	var won, lost atomic.Int32
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			data := pattern(40<<10, byte(i))
			_, err := s.Put(ctx, ref("once"), blob.PutOptions{Size: -1,
				Condition: blob.Condition{IfNoneMatch: true}}, strings.NewReader(data))
			switch {
			case err == nil:
				won.Add(1)
			case errors.Is(err, blob.ErrPrecondition):
				lost.Add(1)
			default:
				t.Errorf("Put: %v", err)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 || lost.Load() != 15 {
		t.Errorf("of 16 writers %d won and %d lost, want 1 and 15", won.Load(), lost.Load())
	}
	opts := blob.PutOptions{Size: 1, Condition: blob.Condition{IfMatch: sumOf("x")}}
	if _, err := s.Put(ctx, ref("none"), opts, strings.NewReader("y")); !errors.Is(err, blob.ErrNoSuchKey) {
		t.Errorf("IfMatch where nothing is: %v, want %v", err, blob.ErrNoSuchKey)
	}
	put(t, s, "x", "z")
	if _, err := s.Put(ctx, ref("x"), opts, strings.NewReader("y")); !errors.Is(err, blob.ErrPrecondition) {
		t.Errorf("IfMatch of another: %v, want %v", err, blob.ErrPrecondition)
	}
	put(t, s, "x", "x")
	if _, err := s.Put(ctx, ref("x"), opts, strings.NewReader("y")); err != nil {
		t.Errorf("IfMatch that holds: %v", err)
	}
	if _, err := s.Delete(ctx, ref("x"), blob.DeleteOptions{IfMatch: sumOf("x")}); !errors.Is(err, blob.ErrPrecondition) {
		t.Errorf("Delete of another: %v, want %v", err, blob.ErrPrecondition)
	}
}

func TestReadersFinishWhatWasReplaced(t *testing.T) {
	t.Parallel()
	s := open(t)
	old := pattern(3<<20, 1)
	put(t, s, "a", old)
	o, r, err := s.OpenObject(t.Context(), ref("a"), "")
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "a", "new")
	if _, err := s.Delete(t.Context(), ref("a"), blob.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Seek(1<<20, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	var rest bytes.Buffer
	if n, err := r.WriteTo(&rest); n != 2<<20 || rest.String() != old[1<<20:] || err != nil {
		t.Errorf("the rest has %d bytes, %v", n, err)
	}
	part := make([]byte, 10)
	if _, err := r.ReadAt(part, 5); string(part) != old[5:15] || err != nil || r.Size() != o.Size {
		t.Errorf("ReadAt: %v", err)
	}
	if n, err := r.ReadAt(part, 3<<20-4); n != 4 || !errors.Is(err, io.EOF) {
		t.Errorf("ReadAt over the end = %d, %v; want 4 and EOF", n, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestReplacedDataIsRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir, blob.Config{}, nil)
	makeBucket(t, s, blob.Bucket{Name: "photos"})
	for i := range 5 {
		put(t, s, "a", pattern(100<<10, byte(i)))
		put(t, s, fmt.Sprint("b", i), pattern(100<<10, byte(i)))
		if _, err := s.Delete(t.Context(), ref(fmt.Sprint("b", i)), blob.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, "one file", func() bool { return filesBelow(t, filepath.Join(dir, "objects")) == 1 })
	js, err := s.bus.Bulk()
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "one record", func() bool {
		stream, err := js.Stream(t.Context(), "OBJECTS")
		return err == nil && stream.CachedInfo().State.Msgs == 1
	})
	if got, err := get(t, s, "a", ""); got != pattern(100<<10, 4) || err != nil {
		t.Errorf("what is left reads as %d bytes, %v", len(got), err)
	}
}

func TestCopies(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	for _, n := range []int{5, 100 << 10} {
		data := pattern(n, 3)
		opts := blob.PutOptions{Size: -1, Attributes: blob.Attributes{ContentType: "a/b",
			Tags: map[string]string{"t": "1"}}}
		if _, err := s.Put(ctx, ref("from"), opts, strings.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			opts     blob.CopyOptions
			wantType string
		}{
			"as it is":  {blob.CopyOptions{}, "a/b"},
			"replaced":  {blob.CopyOptions{Attributes: &blob.Attributes{ContentType: "c/d"}}, "c/d"},
			"checksum":  {blob.CopyOptions{Checksum: blob.SHA256}, "a/b"},
			"condition": {blob.CopyOptions{SourceIfMatch: sumOf(data)}, "a/b"},
		} {
			o, err := s.Copy(ctx, ref("to"), blob.Source{Ref: ref("from")}, c.opts)
			if err != nil || o.ETag != sumOf(data) || o.ContentType != c.wantType || o.Tags["t"] != "1" {
				t.Errorf("%d bytes, %s: %+v, %v", n, name, o, err)
			}
			if got, err := get(t, s, "to", ""); got != data || err != nil {
				t.Errorf("%d bytes, %s: the copy differs, %v", n, name, err)
			}
			if c.opts.Checksum != "" && o.Checksum.Value == "" {
				t.Errorf("%d bytes, %s: no checksum", n, name)
			}
		}
		if _, err := s.Copy(ctx, ref("from"), blob.Source{Ref: ref("from")},
			blob.CopyOptions{Attributes: &blob.Attributes{ContentType: "e/f"}}); err != nil {
			t.Errorf("copy onto itself: %v", err)
		}
		waitFor(t, "the copy onto itself to outlive its source", func() bool {
			got, err := get(t, s, "from", "")
			return got == data && err == nil
		})
	}
	_, err := s.Copy(ctx, ref("to"), blob.Source{Ref: ref("none")}, blob.CopyOptions{})
	if !errors.Is(err, blob.ErrNoSuchKey) {
		t.Errorf("copy of nothing: %v, want %v", err, blob.ErrNoSuchKey)
	}
}

func TestChangesAreToldInOrder(t *testing.T) {
	t.Parallel()
	heard := &events{}
	s := openAt(t, t.TempDir(), blob.Config{}, heard)
	makeBucket(t, s, blob.Bucket{Name: "photos"})
	put(t, s, "a/ü", "one")
	put(t, s, "a/ü", pattern(50<<10, 1))
	if _, err := s.Copy(t.Context(), ref("b"), blob.Source{Ref: ref("a/ü")}, blob.CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second has nothing to delete
		if _, err := s.Delete(t.Context(), ref("a/ü"), blob.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	last := ""
	for _, e := range heard.all() {
		var data dayfly.ObjectData
		if err := json.Unmarshal(e.Data, &data); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintln(e.Type, e.Subject, e.Source, data.Action, data.Size))
		if data.Sequencer <= last || data.Key != e.Subject || data.Bucket != "photos" {
			t.Errorf("event %s: sequencer %q after %q", e.Data, data.Sequencer, last)
		}
		last = data.Sequencer
	}
	const from = "/projects/default/buckets/photos"
	want := []string{
		fmt.Sprintln(dayfly.EventObjectCreated, "a/ü", from, "ObjectCreated:Put", 3),
		fmt.Sprintln(dayfly.EventObjectCreated, "a/ü", from, "ObjectCreated:Put", 50<<10),
		fmt.Sprintln(dayfly.EventObjectCreated, "b", from, "ObjectCreated:Copy", 50<<10),
		fmt.Sprintln(dayfly.EventObjectRemoved, "a/ü", from, "ObjectRemoved:Delete", 0),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events, diff (-want +got):\n%s", diff)
	}
}

func TestWhatCannotBeToldIsToldLater(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	heard := &events{}
	s := openAt(t, dir, blob.Config{}, heard)
	makeBucket(t, s, blob.Bucket{Name: "photos"})
	heard.failWith(errors.New("no room"))
	_, err := s.Put(t.Context(), ref("a"), blob.PutOptions{Size: -1}, strings.NewReader("1"))
	wantKind(t, "Put that cannot be told", err, dayfly.KindUnavailable)
	_, err = s.Put(t.Context(), ref("a"), blob.PutOptions{Size: -1}, strings.NewReader("2"))
	wantKind(t, "Put behind it", err, dayfly.KindUnavailable)
	if got, err := get(t, s, "a", ""); got != "1" || err != nil {
		t.Errorf("the object is %q, %v; want 1", got, err)
	}
	s.stop()
	if len(heard.all()) != 0 {
		t.Fatalf("told: %v", heard.all())
	}
	heard.failWith(nil)
	s = openAt(t, dir, blob.Config{}, heard)
	waitFor(t, "the change of before", func() bool { return len(heard.all()) == 1 })
	put(t, s, "a", "3")
	if list := heard.all(); len(list) != 2 || list[0].ID >= list[1].ID {
		t.Errorf("told: %v", list)
	}
	s.stop()
	openAt(t, dir, blob.Config{}, heard).stop()
	if list := heard.all(); len(list) != 2 {
		t.Errorf("after a clean stop something was told again: %v", list)
	}
}
