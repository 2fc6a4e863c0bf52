// SPDX-License-Identifier: Apache-2.0

package blob_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob"
)

func TestBucketNames(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"abc": true, "a.b-c.9": true, strings.Repeat("a", 63): true,
		"ab": false, strings.Repeat("a", 64): false, "-ab": false, "ab-": false, "a..b": false,
		"Abc": false, "a_b": false, "10.0.0.1": false, "xn--abc": false, "abc-s3alias": false,
		"a/b": false, "a>b": false, "a*b": false, "": false, "abc\n": false,
	} {
		err := blob.ValidateBucketName(name)
		if (err == nil) != ok || !ok && !errors.Is(err, blob.ErrBucketName) {
			t.Errorf("ValidateBucketName(%q) = %v, want ok %t", name, err, ok)
		}
	}
}

func TestBucketLife(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	s := openAt(t, dir, blob.Config{}, nil)
	makeBucket(t, s, blob.Bucket{Name: "photos"})
	makeBucket(t, s, blob.Bucket{Name: "a.dotted.name"})
	_, err := s.CreateBucket(ctx, dayfly.DefaultProject, blob.Bucket{Name: "photos"})
	if !errors.Is(err, blob.ErrBucketExists) {
		t.Errorf("second CreateBucket: %v, want %v", err, blob.ErrBucketExists)
	}
	if _, err = s.CreateBucket(ctx, "other", blob.Bucket{Name: "photos"}); err != nil {
		t.Errorf("CreateBucket of another project: %v", err)
	}
	put(t, s, "a", "1")
	foreign := ref("a")
	foreign.Project = "other"
	if _, err := s.Stat(ctx, foreign, ""); !errors.Is(err, blob.ErrNoSuchKey) {
		t.Errorf("Stat in another project's bucket: %v, want %v", err, blob.ErrNoSuchKey)
	}
	changed, err := s.UpdateBucket(ctx, photos, func(b *blob.Bucket) error {
		b.Name, b.Versioning = "ignored", blob.VersioningEnabled
		b.Documents = map[string][]byte{"cors": []byte("<x/>")}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.UpdateBucket(ctx, photos, func(b *blob.Bucket) error { b.Versioning = ""; return nil })
	wantKind(t, "versioning off again", err, dayfly.KindConflict)
	_, err = s.UpdateBucket(ctx, photos, func(b *blob.Bucket) error {
		b.Documents = map[string][]byte{"cors": make([]byte, 256<<10)}
		return nil
	})
	wantKind(t, "too large documents", err, dayfly.KindInvalid)
	s.stop()
	s = openAt(t, dir, blob.Config{}, nil)
	got, err := s.Bucket(ctx, photos)
	if diff := cmp.Diff(changed, got); diff != "" || err != nil {
		t.Errorf("Bucket after reopening: %v, diff (-want +got):\n%s", err, diff)
	}
	list, err := s.Buckets(ctx, dayfly.DefaultProject)
	if err != nil || len(list) != 2 || list[0].Name != "a.dotted.name" || list[1].Name != "photos" {
		t.Errorf("Buckets = %+v, %v", list, err)
	}
	if diff := cmp.Diff([]dayfly.ProjectName{"default", "other"}, s.Projects(ctx)); diff != "" {
		t.Errorf("Projects, diff (-want +got):\n%s", diff)
	}
}

func TestOnlyEmptyBucketsAreDeleted(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	s := openAt(t, dir, blob.Config{}, nil)
	makeBucket(t, s, blob.Bucket{Name: "photos", Versioning: blob.VersioningEnabled})
	o := put(t, s, "a", "1")
	d, err := s.Delete(ctx, ref("a"), blob.DeleteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{o.VersionID, d.VersionID} {
		if err := s.DeleteBucket(ctx, photos); !errors.Is(err, blob.ErrBucketNotEmpty) {
			t.Errorf("DeleteBucket: %v, want %v", err, blob.ErrBucketNotEmpty)
		}
		if _, err := s.Delete(ctx, ref("a"), blob.DeleteOptions{VersionID: id}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.CreateUpload(ctx, ref("a"), blob.UploadOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteBucket(ctx, photos); err != nil {
		t.Fatalf("DeleteBucket of an empty one: %v", err)
	}
	_, err = s.Put(ctx, ref("a"), blob.PutOptions{Size: -1}, strings.NewReader("1"))
	if !errors.Is(err, blob.ErrNoSuchBucket) {
		t.Errorf("Put into what is deleted: %v, want %v", err, blob.ErrNoSuchBucket)
	}
	if err := s.DeleteBucket(ctx, photos); !errors.Is(err, blob.ErrNoSuchBucket) {
		t.Errorf("second DeleteBucket: %v, want %v", err, blob.ErrNoSuchBucket)
	}
	makeBucket(t, s, blob.Bucket{Name: "photos"})
	s.stop()
	s = openAt(t, dir, blob.Config{}, nil)
	uploads, err := s.Uploads(ctx, photos, blob.UploadQuery{})
	list, err2 := s.List(ctx, photos, blob.ListQuery{Versions: true})
	if len(uploads.Uploads)+len(list.Objects) != 0 || err != nil || err2 != nil {
		t.Errorf("the new bucket has %+v, %+v; %v, %v", uploads, list, err, err2)
	}
}
