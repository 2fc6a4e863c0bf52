// SPDX-License-Identifier: Apache-2.0

package blob_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob"
)

func begin(t testing.TB, s *opened, key string, sum blob.Checksum) blob.UploadRef {
	t.Helper()
	u, err := s.CreateUpload(t.Context(), ref(key), blob.UploadOptions{Checksum: sum,
		Attributes: blob.Attributes{ContentType: "video/mp4"}})
	if err != nil {
		t.Fatalf("CreateUpload(%q): %v", key, err)
	}
	return blob.UploadRef{Ref: ref(key), UploadID: u.UploadID}
}

func send(t testing.TB, s *opened, u blob.UploadRef, number int, data string) blob.CompletedPart {
	t.Helper()
	p, err := s.PutPart(t.Context(), u, number, blob.PartOptions{Size: int64(len(data))}, strings.NewReader(data))
	if err != nil {
		t.Fatalf("PutPart %d: %v", number, err)
	}
	return blob.CompletedPart{Number: number, ETag: p.ETag, Checksum: p.Checksum.Value}
}

const mib = 1 << 20

func TestUploadsBecomeObjects(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	heard := &events{}
	s := openAt(t, dir, blob.Config{MaxBytes: 40 * mib}, heard)
	makeBucket(t, s, blob.Bucket{Name: "photos"})
	ctx := t.Context()
	first, second, third := pattern(5*mib, 1), pattern(6*mib+7, 2), "end"
	u := begin(t, s, "big", blob.Checksum{Algorithm: blob.CRC32, Type: blob.FullObject})
	send(t, s, u, 2, pattern(5*mib, 9)) // replaced
	send(t, s, u, 5, "never completed")
	c := send(t, s, u, 9, third)
	b := send(t, s, u, 2, second)
	s.stop() // what was sent stays
	s = openAt(t, dir, blob.Config{MaxBytes: 40 * mib}, heard)
	a := send(t, s, u, 1, first)

	parts, err := s.Parts(ctx, u, 1, 2)
	if err != nil || len(parts.Parts) != 2 || parts.Parts[0].Number != 2 || !parts.Truncated || parts.Next != 5 {
		t.Errorf("Parts = %+v, %v", parts, err)
	}
	for name, bad := range map[string]struct {
		parts []blob.CompletedPart
		want  error
	}{
		"order":   {[]blob.CompletedPart{b, a}, blob.ErrPartOrder},
		"twice":   {[]blob.CompletedPart{a, a}, blob.ErrPartOrder},
		"ETag":    {[]blob.CompletedPart{a, {Number: 2, ETag: a.ETag}}, blob.ErrInvalidPart},
		"missing": {[]blob.CompletedPart{a, {Number: 3, ETag: a.ETag}}, blob.ErrInvalidPart},
		"small":   {[]blob.CompletedPart{a, {Number: 5, ETag: sumOf("never completed")}, c}, blob.ErrPartTooSmall},
		"none":    {nil, blob.ErrInvalidPart},
	} {
		if _, err := s.Complete(ctx, u, bad.parts, blob.CompleteOptions{}); !errors.Is(err, bad.want) {
			t.Errorf("Complete with %s: %v, want %v", name, err, bad.want)
		}
	}
	whole := first + second + third
	o, err := s.Complete(ctx, u, []blob.CompletedPart{a, b, c}, blob.CompleteOptions{Size: int64(len(whole))})
	if err != nil {
		t.Fatalf("Complete: %v", err)
	}
	var sums []byte
	for _, data := range []string{first, second, third} {
		sum := md5.Sum([]byte(data))
		sums = append(sums, sum[:]...)
	}
	sum := md5.Sum(sums)
	if want := hex.EncodeToString(sum[:]) + "-3"; o.ETag != want || o.ContentType != "video/mp4" || len(o.Parts) != 3 {
		t.Errorf("Complete = %+v, want ETag %s", o, want)
	}
	crc := crc32.ChecksumIEEE([]byte(whole))
	if want := fmt.Sprintf("%08x", crc); hex.EncodeToString(unbase64(t, o.Checksum.Value)) != want {
		t.Errorf("checksum %+v, want %s", o.Checksum, want)
	}
	if _, err := s.Parts(ctx, u, 0, 0); !errors.Is(err, blob.ErrNoSuchUpload) {
		t.Errorf("Parts of a completed upload: %v, want %v", err, blob.ErrNoSuchUpload)
	}
	checkWhole(t, s, "big", whole)
	if _, err := s.Copy(ctx, ref("copy"), blob.Source{Ref: ref("big")}, blob.CopyOptions{}); err != nil {
		t.Errorf("Copy: %v", err)
	}
	if _, err := s.Delete(ctx, ref("big"), blob.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "three files", func() bool { return filesBelow(t, filepath.Join(dir, "objects")) == 3 })
	checkWhole(t, s, "copy", whole)
	s.stop()
	s = openAt(t, dir, blob.Config{MaxBytes: int64(len(whole)) + 4*mib}, heard)
	checkWhole(t, s, "copy", whole)
	put(t, s, "fits", pattern(4*mib, 1)) // parts that are gone do not count
	if list := heard.all(); len(list) != 4 || list[0].Type != dayfly.EventObjectCreated {
		t.Errorf("%d events, want those of complete, copy, delete and put", len(list))
	}
}

func unbase64(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// checkWhole reads an object of several files in several ways.
func checkWhole(t *testing.T, s *opened, key, want string) {
	t.Helper()
	if got, err := get(t, s, key, ""); got != want || err != nil {
		t.Errorf("%s reads as %d bytes, %v", key, len(got), err)
	}
	_, r, err := s.OpenObject(t.Context(), ref(key), "")
	if err != nil {
		t.Fatal(err)
	}
	piece := make([]byte, 100)
	for _, at := range []int64{0, 5*mib - 50, 11*mib + 7 - 99, int64(len(want)) - 100} {
		if _, err := r.ReadAt(piece, at); err != nil && !errors.Is(err, io.EOF) || string(piece) != want[at:at+100] {
			t.Errorf("%s at %d differs, %v", key, at, err)
		}
	}
	if _, err := r.Seek(-3, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	var tail bytes.Buffer
	if _, err := r.WriteTo(&tail); tail.String() != "end" || err != nil {
		t.Errorf("the end of %s is %q, %v", key, tail.String(), err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestCopiedParts(t *testing.T) {
	t.Parallel()
	s := open(t)
	data := pattern(100<<10, 1)
	put(t, s, "source", data)
	u := begin(t, s, "made", blob.Checksum{})
	source := blob.PartSource{Ref: ref("source"), Start: 10, Length: 1000}
	p, err := s.CopyPart(t.Context(), u, 1, source)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []blob.PartSource{{Start: 100 << 10, Length: 1}, {Start: -1, Length: 5}, {Start: 1 << 62, Length: 1 << 62}} {
		bad.Ref = source.Ref
		if _, err := s.CopyPart(t.Context(), u, 1, bad); !errors.Is(err, blob.ErrInvalidRange) {
			t.Errorf("CopyPart of %d+%d: %v, want %v", bad.Start, bad.Length, err, blob.ErrInvalidRange)
		}
	}
	_, err = s.Complete(t.Context(), u, []blob.CompletedPart{{Number: 1, ETag: p.ETag}}, blob.CompleteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := get(t, s, "made", ""); got != data[10:1010] || err != nil {
		t.Errorf("the object has %d bytes, %v", len(got), err)
	}
}

func TestAbortedUploadsLeaveNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir, blob.Config{}, nil)
	makeBucket(t, s, blob.Bucket{Name: "photos"})
	u := begin(t, s, "a", blob.Checksum{})
	send(t, s, u, 1, "x")
	if err := s.Abort(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	_, err := s.PutPart(t.Context(), u, 2, blob.PartOptions{Size: -1}, strings.NewReader("y"))
	if !errors.Is(err, blob.ErrNoSuchUpload) {
		t.Errorf("PutPart of an aborted upload: %v, want %v", err, blob.ErrNoSuchUpload)
	}
	waitFor(t, "no file", func() bool { return filesBelow(t, filepath.Join(dir, "objects")) == 0 })
}

func TestBucketsAreDeletedBesideUploads(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), blob.Config{}, nil)
	for range 20 {
		makeBucket(t, s, blob.Bucket{Name: "photos"})
		u := begin(t, s, "a", blob.Checksum{})
		p := send(t, s, u, 1, "x")
		var group sync.WaitGroup
		group.Go(func() {
			_, err := s.PutPart(t.Context(), u, 2, blob.PartOptions{Size: -1}, strings.NewReader("y"))
			if err != nil && !errors.Is(err, blob.ErrNoSuchUpload) && !errors.Is(err, blob.ErrNoSuchBucket) {
				t.Errorf("PutPart: %v", err)
			}
		})
		var completed, deleted error
		group.Go(func() {
			_, completed = s.Complete(t.Context(), u, []blob.CompletedPart{p}, blob.CompleteOptions{})
		})
		group.Go(func() { deleted = s.DeleteBucket(t.Context(), photos) })
		group.Wait()
		if (completed == nil) == (deleted == nil) {
			t.Fatalf("Complete: %v; DeleteBucket: %v; want one of them to succeed", completed, deleted)
		}
		if deleted == nil {
			continue
		}
		if _, err := s.Delete(t.Context(), ref("a"), blob.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteBucket(t.Context(), photos); err != nil {
			t.Fatalf("DeleteBucket afterwards: %v", err)
		}
	}
}

func TestUploadsAreListed(t *testing.T) {
	t.Parallel()
	s := open(t)
	var ids []string
	for _, key := range []string{"b", "a/1", "a/2", "c", "b"} {
		ids = append(ids, begin(t, s, key, blob.Checksum{}).UploadID)
	}
	list := func(q blob.UploadQuery) (got []string) {
		for {
			page, err := s.Uploads(t.Context(), photos, q)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, page.Prefixes...)
			for _, u := range page.Uploads {
				got = append(got, u.UploadID)
			}
			if !page.Truncated {
				return got
			}
			q.After, q.AfterUpload = page.Next, page.NextUpload
		}
	}
	for _, c := range []struct {
		q    blob.UploadQuery
		want []string
	}{
		{blob.UploadQuery{}, []string{ids[1], ids[2], ids[0], ids[4], ids[3]}},
		{blob.UploadQuery{Max: 1}, []string{ids[1], ids[2], ids[0], ids[4], ids[3]}},
		{blob.UploadQuery{Max: 1, Delimiter: "/"}, []string{"a/", ids[0], ids[4], ids[3]}},
		{blob.UploadQuery{Prefix: "a/", Max: 1}, []string{ids[1], ids[2]}},
		{blob.UploadQuery{After: "b"}, []string{ids[3]}},
	} {
		if diff := cmp.Diff(c.want, list(c.q)); diff != "" {
			t.Errorf("Uploads(%+v), diff (-want +got):\n%s", c.q, diff)
		}
	}
}
