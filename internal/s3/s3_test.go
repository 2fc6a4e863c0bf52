// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/s3"
)

// stand is a server over a store of its own.
type stand struct {
	*s3.Server
	objects *blob.Store
	keys    *s3.Keys
	url     string
}

// newStand serves until the test ends.
func newStand(t testing.TB) *stand {
	t.Helper()
	dir := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	b := bus.New(bus.Config{Dir: dir}, log)
	if err := b.Open(context.Background()); err != nil {
		t.Fatal(err)
	}
	objects, err := blob.New(blob.Config{Dir: filepath.Join(dir, "objects")}, b, nil, log)
	if err == nil {
		err = objects.Open(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
	keys, err := s3.OpenKeys(filepath.Join(dir, "s3.secret"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := s3.New(s3.Config{}, log, objects, keys, there{})
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-ended, objects.Close(), b.Close()); err != nil {
			t.Error(err)
		}
	})
	return &stand{server, objects, keys, "http://" + l.Addr().String()}
}

// there is what the stand's project has to be told of changes: function thumb and queue jobs.
type there struct{}

func (there) HasFunction(f dayfly.FunctionRef) bool {
	return f == dayfly.FunctionRef{Project: "shop", Name: "thumb"}
}

func (there) HasQueue(p dayfly.ProjectName, q dayfly.QueueName) bool {
	return p == "shop" && q == "jobs"
}

// client is AWS' own client with the key of a project.
func (s *stand) client(project dayfly.ProjectName) *awss3.Client {
	id, secret := s.keys.Credentials(project)
	return awss3.New(awss3.Options{Region: "us-east-1", BaseEndpoint: &s.url, UsePathStyle: true,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
		Credentials:                credentials.NewStaticCredentialsProvider(id, secret, ""), RetryMaxAttempts: 1})
}

// bucket makes a bucket of the project "shop".
func (s *stand) bucket(t testing.TB, name string) *awss3.Client {
	t.Helper()
	c := s.client("shop")
	if _, err := c.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	return c
}

func put(t testing.TB, c *awss3.Client, bucket, key, data string) *awss3.PutObjectOutput {
	t.Helper()
	out, err := c.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(data)})
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
	return out
}

func get(t testing.TB, c *awss3.Client, bucket, key string) string {
	t.Helper()
	out, err := c.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatalf("get %q: %v", key, err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatalf("read %q: %v", key, err)
	}
	return string(data)
}

// code gives S3's code of an error.
func code(err error) string {
	var api interface {
		error
		ErrorCode() string
	}
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestObjectsComeBackAsTheyWerePut(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	c := s.bucket(t, "uploads")
	for _, key := range []string{"plain.txt", "with space", "a+b", "100%", "a//b", "//", "a/../b", "..", ".", "slash/",
		"/", "ключ/☃", "tab\tnew\nline", "q?x=1&y#z", "a\\b", strings.Repeat("k", 1024), "%2F", "~"} {
		put(t, c, "uploads", key, "data of "+key)
		if got := get(t, c, "uploads", key); got != "data of "+key {
			t.Errorf("get %q: %q", key, got)
		}
	}
	large := strings.Repeat("0123456789abcdef", 1<<16)
	put(t, c, "uploads", "large", large)
	if get(t, c, "uploads", "large") != large {
		t.Error("an object of 1 MiB came back changed")
	}
	put(t, c, "uploads", "empty", "")
	if got := get(t, c, "uploads", "empty"); got != "" {
		t.Errorf("get empty: %q", got)
	}
}

func TestProjectsDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	mine := s.bucket(t, "uploads")
	put(t, mine, "uploads", "k", "mine")
	theirs := s.client("other")
	if _, err := theirs.HeadBucket(t.Context(), &awss3.HeadBucketInput{Bucket: aws.String("uploads")}); err == nil {
		t.Error("another project sees the bucket")
	}
	if _, err := theirs.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: aws.String("uploads")}); err != nil {
		t.Fatalf("another project cannot use the same name: %v", err)
	}
	put(t, theirs, "uploads", "k", "theirs")
	if a, b := get(t, mine, "uploads", "k"), get(t, theirs, "uploads", "k"); a != "mine" || b != "theirs" {
		t.Errorf("got %q and %q, want mine and theirs", a, b)
	}
	_, err := theirs.CopyObject(t.Context(), &awss3.CopyObjectInput{Bucket: aws.String("uploads"), Key: aws.String("c"),
		CopySource: aws.String("uploads/k")})
	if err != nil || get(t, theirs, "uploads", "c") != "theirs" {
		t.Errorf("a copy crosses projects: %v", err)
	}
	list, err := theirs.ListBuckets(t.Context(), &awss3.ListBucketsInput{})
	if err != nil || len(list.Buckets) != 1 {
		t.Errorf("list buckets: %v, %v", list, err)
	}
}

func TestRangesAndConditions(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	c := s.bucket(t, "b-b")
	etag := put(t, c, "b-b", "k", "0123456789").ETag
	read := func(in *awss3.GetObjectInput) (string, string) {
		in.Bucket, in.Key = aws.String("b-b"), aws.String("k")
		out, err := c.GetObject(t.Context(), in)
		if err != nil {
			return "", code(err)
		}
		defer out.Body.Close()
		data, _ := io.ReadAll(out.Body)
		return string(data), aws.ToString(out.ContentRange)
	}
	past, now := time.Now().Add(-time.Hour), time.Now()
	for name, c := range map[string]struct {
		in         awss3.GetObjectInput
		data, says string
	}{
		"first bytes":        {awss3.GetObjectInput{Range: aws.String("bytes=0-3")}, "0123", "bytes 0-3/10"},
		"last bytes":         {awss3.GetObjectInput{Range: aws.String("bytes=-3")}, "789", "bytes 7-9/10"},
		"to the end":         {awss3.GetObjectInput{Range: aws.String("bytes=8-")}, "89", "bytes 8-9/10"},
		"past the end":       {awss3.GetObjectInput{Range: aws.String("bytes=5-99")}, "56789", "bytes 5-9/10"},
		"outside":            {awss3.GetObjectInput{Range: aws.String("bytes=10-")}, "", "InvalidRange"},
		"several: the whole": {awss3.GetObjectInput{Range: aws.String("bytes=0-1,3-4")}, "0123456789", ""},
		"same etag":          {awss3.GetObjectInput{IfMatch: etag}, "0123456789", ""},
		"other etag":         {awss3.GetObjectInput{IfMatch: aws.String(`"00"`)}, "", "PreconditionFailed"},
		"not that etag":      {awss3.GetObjectInput{IfNoneMatch: etag}, "", "NotModified"},
		"changed since":      {awss3.GetObjectInput{IfModifiedSince: &past}, "0123456789", ""},
		"unchanged since":    {awss3.GetObjectInput{IfModifiedSince: &now}, "", "NotModified"},
		"changed after":      {awss3.GetObjectInput{IfUnmodifiedSince: &past}, "", "PreconditionFailed"},
	} {
		if data, says := read(&c.in); data != c.data || says != c.says {
			t.Errorf("%s: got %q %q, want %q %q", name, data, says, c.data, c.says)
		}
	}
	write := func(in *awss3.PutObjectInput) string {
		in.Bucket, in.Body = aws.String("b-b"), strings.NewReader("new")
		_, err := c.PutObject(t.Context(), in)
		return code(err)
	}
	for name, c := range map[string]struct {
		in   awss3.PutObjectInput
		want string
	}{
		"create over one":  {awss3.PutObjectInput{Key: aws.String("k"), IfNoneMatch: aws.String("*")}, "PreconditionFailed"},
		"create":           {awss3.PutObjectInput{Key: aws.String("n"), IfNoneMatch: aws.String("*")}, "<nil>"},
		"replace another":  {awss3.PutObjectInput{Key: aws.String("k"), IfMatch: aws.String(`"00"`)}, "PreconditionFailed"},
		"replace what not": {awss3.PutObjectInput{Key: aws.String("none"), IfMatch: etag}, "NoSuchKey"},
	} {
		if got := write(&c.in); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestMultipart(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	c := s.bucket(t, "big")
	up, err := c.CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{Bucket: aws.String("big"),
		Key: aws.String("k"), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32, ContentType: aws.String("x/y")})
	if err != nil {
		t.Fatal(err)
	}
	part := bytes.Repeat([]byte("p"), 5<<20)
	var done []types.CompletedPart
	for n, data := range [][]byte{part, part, []byte("tail")} {
		number := int32(n + 1)
		out, err := c.UploadPart(t.Context(), &awss3.UploadPartInput{Bucket: aws.String("big"), Key: aws.String("k"),
			UploadId: up.UploadId, PartNumber: &number, Body: bytes.NewReader(data), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32})
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, types.CompletedPart{ETag: out.ETag, PartNumber: &number, ChecksumCRC32: out.ChecksumCRC32})
	}
	list, err := c.ListParts(t.Context(), &awss3.ListPartsInput{Bucket: aws.String("big"), Key: aws.String("k"), UploadId: up.UploadId})
	if err != nil || len(list.Parts) != 3 {
		t.Fatalf("parts: %v, %v", list, err)
	}
	whole, err := c.CompleteMultipartUpload(t.Context(), &awss3.CompleteMultipartUploadInput{Bucket: aws.String("big"),
		Key: aws.String("k"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: done}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(*whole.ETag, `-3"`) {
		t.Errorf("etag %s", *whole.ETag)
	}
	if got := get(t, c, "big", "k"); got != string(part)+string(part)+"tail" {
		t.Errorf("the object has %d bytes", len(got))
	}
	second, err := c.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: aws.String("big"), Key: aws.String("k"), PartNumber: aws.Int32(3)})
	if err != nil {
		t.Fatal(err)
	}
	tail, _ := io.ReadAll(second.Body)
	if string(tail) != "tail" || aws.ToInt32(second.PartsCount) != 3 {
		t.Errorf("part 3 is %q of %d", tail, aws.ToInt32(second.PartsCount))
	}
	about, err := c.GetObjectAttributes(t.Context(), &awss3.GetObjectAttributesInput{Bucket: aws.String("big"), Key: aws.String("k"),
		ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesObjectSize, types.ObjectAttributesObjectParts, types.ObjectAttributesChecksum}})
	if err != nil || aws.ToInt64(about.ObjectSize) != 10<<20+4 || len(about.ObjectParts.Parts) != 3 || about.Checksum == nil {
		t.Errorf("attributes: %+v, %v", about, err)
	}
	again, err := c.CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{Bucket: aws.String("big"), Key: aws.String("l")})
	if err != nil {
		t.Fatal(err)
	}
	open, err := c.ListMultipartUploads(t.Context(), &awss3.ListMultipartUploadsInput{Bucket: aws.String("big")})
	if err != nil || len(open.Uploads) != 1 {
		t.Errorf("uploads: %v, %v", open, err)
	}
	copied, err := c.UploadPartCopy(t.Context(), &awss3.UploadPartCopyInput{Bucket: aws.String("big"), Key: aws.String("l"),
		UploadId: again.UploadId, PartNumber: aws.Int32(1), CopySource: aws.String("big/k"), CopySourceRange: aws.String("bytes=10485758-10485761")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.CompleteMultipartUpload(t.Context(), &awss3.CompleteMultipartUploadInput{Bucket: aws.String("big"), Key: aws.String("l"),
		UploadId: again.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{
			{ETag: copied.CopyPartResult.ETag, PartNumber: aws.Int32(1)}}}})
	if err != nil || get(t, c, "big", "l") != "ppta" {
		t.Errorf("copied range: %v, %q", err, get(t, c, "big", "l"))
	}
	_, err = c.AbortMultipartUpload(t.Context(), &awss3.AbortMultipartUploadInput{Bucket: aws.String("big"), Key: aws.String("l"), UploadId: again.UploadId})
	if code(err) != "NoSuchUpload" {
		t.Errorf("abort of what is complete: %v", err)
	}
}

func TestListing(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	c := s.bucket(t, "list")
	for _, key := range []string{"a/1", "a/2", "b", "c/x/1", "d\x01"} {
		put(t, c, "list", key, "x")
	}
	var keys, prefixes []string
	in := &awss3.ListObjectsV2Input{Bucket: aws.String("list"), Delimiter: aws.String("/"), MaxKeys: aws.Int32(2),
		EncodingType: types.EncodingTypeUrl}
	for pages := awss3.NewListObjectsV2Paginator(c, in); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			keys = append(keys, *o.Key)
		}
		for _, p := range page.CommonPrefixes {
			prefixes = append(prefixes, *p.Prefix)
		}
	}
	if diff := cmp.Diff([]string{"b", "d%01"}, keys); diff != "" {
		t.Errorf("keys: %s", diff)
	}
	if diff := cmp.Diff([]string{"a/", "c/"}, prefixes); diff != "" {
		t.Errorf("prefixes: %s", diff)
	}
	one, err := c.ListObjects(t.Context(), &awss3.ListObjectsInput{Bucket: aws.String("list"),
		EncodingType: types.EncodingTypeUrl, Marker: aws.String("b")})
	if err != nil || len(one.Contents) != 2 || *one.Contents[1].Key != "d%01" {
		t.Errorf("first version: %+v, %v", one, err)
	}
	none, err := c.ListObjectsV2(t.Context(), &awss3.ListObjectsV2Input{Bucket: aws.String("list"), MaxKeys: aws.Int32(0)})
	if err != nil || len(none.Contents) != 0 || aws.ToBool(none.IsTruncated) {
		t.Errorf("no keys: %+v, %v", none, err)
	}
	_, err = c.ListObjectsV2(t.Context(), &awss3.ListObjectsV2Input{Bucket: aws.String("missing")})
	if code(err) != "NoSuchBucket" {
		t.Errorf("missing bucket: %v", err)
	}
}

func TestVersionsTagsAndDeletions(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	c := s.bucket(t, "ver")
	b, k := aws.String("ver"), aws.String("k")
	_, err := c.PutBucketVersioning(t.Context(), &awss3.PutBucketVersioningInput{Bucket: b,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
	if err != nil {
		t.Fatal(err)
	}
	first := put(t, c, "ver", "k", "one").VersionId
	put(t, c, "ver", "k", "two")
	if first == nil {
		t.Fatal("no version was told")
	}
	old, err := c.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: b, Key: k, VersionId: first})
	if err != nil {
		t.Fatal(err)
	}
	if data, _ := io.ReadAll(old.Body); string(data) != "one" {
		t.Errorf("the first version is %q", data)
	}
	gone, err := c.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: b, Key: k})
	if err != nil || !aws.ToBool(gone.DeleteMarker) {
		t.Fatalf("delete: %+v, %v", gone, err)
	}
	if _, err := c.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: b, Key: k}); code(err) != "NoSuchKey" {
		t.Errorf("a deleted object: %v", err)
	}
	all, err := c.ListObjectVersions(t.Context(), &awss3.ListObjectVersionsInput{Bucket: b})
	if err != nil || len(all.Versions) != 2 || len(all.DeleteMarkers) != 1 {
		t.Errorf("versions: %+v, %v", all, err)
	}
	var ids []types.ObjectIdentifier
	for _, v := range all.Versions {
		ids = append(ids, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
	}
	ids = append(ids, types.ObjectIdentifier{Key: k, VersionId: all.DeleteMarkers[0].VersionId})
	many, err := c.DeleteObjects(t.Context(), &awss3.DeleteObjectsInput{Bucket: b, Delete: &types.Delete{Objects: ids}})
	if err != nil || len(many.Deleted) != 3 || len(many.Errors) != 0 {
		t.Errorf("delete many: %+v, %v", many, err)
	}
	put(t, c, "ver", "t", "x")
	_, err = c.PutObjectTagging(t.Context(), &awss3.PutObjectTaggingInput{Bucket: b, Key: aws.String("t"),
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("color"), Value: aws.String("red")}}}})
	if err != nil {
		t.Fatal(err)
	}
	tags, err := c.GetObjectTagging(t.Context(), &awss3.GetObjectTaggingInput{Bucket: b, Key: aws.String("t")})
	if err != nil || len(tags.TagSet) != 1 || *tags.TagSet[0].Value != "red" {
		t.Errorf("tags: %+v, %v", tags, err)
	}
	_, err = c.DeleteBucket(t.Context(), &awss3.DeleteBucketInput{Bucket: b})
	if code(err) != "BucketNotEmpty" {
		t.Errorf("delete of a full bucket: %v", err)
	}
	quiet, err := c.DeleteObjects(t.Context(), &awss3.DeleteObjectsInput{Bucket: b, Delete: &types.Delete{Quiet: aws.Bool(true),
		Objects: []types.ObjectIdentifier{{Key: aws.String("t")}, {Key: aws.String("never was")}}}})
	if err != nil || len(quiet.Deleted) != 0 {
		t.Errorf("quiet: %+v, %v", quiet, err)
	}
}

func TestMetadataAndCopies(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	c := s.bucket(t, "meta")
	b := aws.String("meta")
	_, err := c.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: b, Key: aws.String("a b"), Body: strings.NewReader("x"),
		ContentType: aws.String("text/x"), CacheControl: aws.String("no-cache"), Metadata: map[string]string{"color": "red"},
		ContentEncoding: aws.String("gzip"), Tagging: aws.String("k=v")})
	if err != nil {
		t.Fatal(err)
	}
	first, err := c.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: b, Key: aws.String("a b"), ChecksumMode: types.ChecksumModeEnabled})
	if err != nil || aws.ToString(first.ChecksumCRC32) != "jNwWgw==" {
		t.Errorf("checksum: %v, %+v", err, first)
	}
	copied, err := c.CopyObject(t.Context(), &awss3.CopyObjectInput{Bucket: b, Key: aws.String("c"), CopySource: aws.String("meta/a%20b")})
	if err != nil {
		t.Fatal(err)
	}
	head, err := c.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: b, Key: aws.String("c"), ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{*head.ContentType, *head.CacheControl, head.Metadata["color"], *head.ContentEncoding, *head.ETag, aws.ToString(head.ChecksumCRC32)}
	want := []string{"text/x", "no-cache", "red", "gzip", *copied.CopyObjectResult.ETag, "jNwWgw=="}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("copy: %s", diff)
	}
	_, err = c.CopyObject(t.Context(), &awss3.CopyObjectInput{Bucket: b, Key: aws.String("c"), CopySource: aws.String("meta/c")})
	if code(err) != "InvalidRequest" {
		t.Errorf("copy onto itself: %v", err)
	}
	_, err = c.CopyObject(t.Context(), &awss3.CopyObjectInput{Bucket: b, Key: aws.String("c"), CopySource: aws.String("meta/c"),
		MetadataDirective: types.MetadataDirectiveReplace, ContentType: aws.String("text/y")})
	if err != nil {
		t.Errorf("copy onto itself with another type: %v", err)
	}
	_, err = c.CopyObject(t.Context(), &awss3.CopyObjectInput{Bucket: b, Key: aws.String("z"), CopySource: aws.String("meta/none")})
	if code(err) != "NoSuchKey" {
		t.Errorf("copy of nothing: %v", err)
	}
}

func TestPresignedURLs(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	c := s.bucket(t, "pre")
	signer := awss3.NewPresignClient(c)
	in, err := signer.PresignPutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String("pre"), Key: aws.String("a b+c")})
	if err != nil {
		t.Fatal(err)
	}
	if status, text := do(t, http.MethodPut, in.URL, "by url"); status != http.StatusOK {
		t.Fatalf("put by URL: %d %s", status, text)
	}
	out, err := signer.PresignGetObject(t.Context(), &awss3.GetObjectInput{Bucket: aws.String("pre"), Key: aws.String("a b+c")})
	if err != nil {
		t.Fatal(err)
	}
	if status, text := do(t, http.MethodGet, out.URL, ""); status != http.StatusOK || text != "by url" {
		t.Errorf("get by URL: %d %s", status, text)
	}
	if status, text := do(t, http.MethodGet, out.URL+"0", ""); status != http.StatusForbidden || !strings.Contains(text, "SignatureDoesNotMatch") {
		t.Errorf("a changed URL: %d %s", status, text)
	}
	ours, err := s.keys.Sign(t.Context(), s3.Endpoint{URL: s.url, Region: "eu-north-7"}, s3.Presign{Method: http.MethodGet,
		Object: blob.Ref{Project: "shop", Bucket: "pre", Key: "a b+c"}, Expires: time.Minute}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if status, text := do(t, http.MethodGet, ours, ""); status != http.StatusOK || text != "by url" {
		t.Errorf("get by our URL: %d %s", status, text)
	}
	late, err := s.keys.Sign(t.Context(), s3.Endpoint{URL: s.url, Region: "us-east-1"}, s3.Presign{Method: http.MethodGet,
		Object: blob.Ref{Project: "shop", Bucket: "pre", Key: "a b+c"}, Expires: time.Minute}, time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if status, text := do(t, http.MethodGet, late, ""); status != http.StatusForbidden || !strings.Contains(text, "AccessDenied") {
		t.Errorf("an expired URL: %d %s", status, text)
	}
}

func do(t testing.TB, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}
