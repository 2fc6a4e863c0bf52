// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
)

// Versioning says whether a bucket keeps the versions of its objects.
type Versioning string

// The states. A bucket that had versioning on can only suspend it.
const (
	VersioningOff       Versioning = ""
	VersioningEnabled   Versioning = "Enabled"
	VersioningSuspended Versioning = "Suspended"
)

// BucketRef names a bucket of a project.
type BucketRef struct {
	Project dayfly.ProjectName
	Name    string
}

// Bucket holds objects.
type Bucket struct {
	Name       string     `json:"name"`
	Created    time.Time  `json:"created"`
	Versioning Versioning `json:"versioning,omitempty"`
	// Documents are what doors keep with a bucket and blob does not read: "cors",
	// "notification", "tags", "policy", "acl", "ownership". At most 256 KiB in all.
	Documents map[string][]byte `json:"documents,omitempty"`
}

var bucketPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// ValidateBucketName reports why name cannot be that of a bucket, by S3's rules.
func ValidateBucketName(name string) error {
	_, notAddress := netip.ParseAddr(name)
	switch {
	case !bucketPattern.MatchString(name), strings.Contains(name, ".."), notAddress == nil,
		strings.HasPrefix(name, "xn--"), strings.HasPrefix(name, "sthree-"),
		strings.HasPrefix(name, "amzn-s3-demo-"), strings.HasSuffix(name, "-s3alias"),
		strings.HasSuffix(name, "--ol-s3"), strings.HasSuffix(name, ".mrap"),
		strings.HasSuffix(name, "--x-s3"):
		return dayfly.Errorf(dayfly.KindInvalid, "%w: %q", ErrBucketName, name).
			WithHint("use 3 to 63 of a-z, 0-9, dash and dot, first and last a letter or digit")
	}
	return nil
}

// keyBuckets is the folder of the records of buckets.
const keyBuckets = "bucket"

const (
	// documentBytesMax bounds the documents of a bucket; a record may have 512 KiB.
	documentBytesMax = 256 << 10
	// bucketsMax bounds the buckets of a project, as S3 does by default.
	bucketsMax = 1000
)

func (r BucketRef) record() string { return keyBuckets + "/" + string(r.Project) + "/" + r.Name }

// Validate reports what of r cannot be used.
func (r BucketRef) Validate() error {
	if err := dayfly.ValidateName("project", string(r.Project)); err != nil {
		return err
	}
	return ValidateBucketName(r.Name)
}

// CreateBucket makes a bucket; one that exists is a conflict (ErrBucketExists). The
// Created of bucket is not read.
func (s *Store) CreateBucket(ctx context.Context, project dayfly.ProjectName, bucket Bucket,
) (Bucket, error) {
	ref := BucketRef{project, bucket.Name}
	defer s.tellBucket(ref)
	bucket.Created = now()
	value, err := bucket.encode()
	if err := errors.Join(ref.Validate(), err); err != nil {
		return Bucket{}, err
	}
	ctx, cancel := finishing(ctx)
	defer cancel()
	s.making.Lock()
	defer s.making.Unlock()
	if list, _ := s.Buckets(ctx, project); len(list) >= bucketsMax {
		return Bucket{}, dayfly.Errorf(dayfly.KindExhausted,
			"the project has %d buckets, the most there may be", len(list))
	}
	revision, err := s.records.Create(ctx, ref.record(), value)
	if dayfly.KindOf(err) == dayfly.KindConflict {
		return Bucket{}, dayfly.Errorf(dayfly.KindConflict, "%w: %q", ErrBucketExists, bucket.Name)
	}
	if err != nil {
		return Bucket{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buckets[ref] = s.newBucket(ref, bucket, revision)
	return bucket.clone(), nil
}

// Bucket gives one bucket.
func (s *Store) Bucket(_ context.Context, ref BucketRef) (Bucket, error) {
	b, err := s.bucket(ref)
	if err != nil {
		return Bucket{}, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.record.clone(), nil
}

// Buckets lists the buckets of a project by name.
func (s *Store) Buckets(_ context.Context, project dayfly.ProjectName) ([]Bucket, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := []Bucket{}
	for ref, b := range s.buckets {
		if ref.Project == project {
			b.mu.RLock()
			list = append(list, b.record.clone())
			b.mu.RUnlock()
		}
	}
	slices.SortFunc(list, func(a, b Bucket) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// Projects lists the projects that have a bucket.
func (s *Store) Projects(_ context.Context) []dayfly.ProjectName {
	s.mu.RLock()
	defer s.mu.RUnlock()
	names := map[dayfly.ProjectName]bool{}
	for ref := range s.buckets {
		names[ref.Project] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// OnBucket has fn called after each change of a bucket's record, and after its end, before
// the change returns. It holds no lock and may read the store.
func (s *Store) OnBucket(fn func(BucketRef)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onBucket = fn
}

func (s *Store) tellBucket(ref BucketRef) {
	s.mu.RLock()
	fn := s.onBucket
	s.mu.RUnlock()
	if fn != nil {
		fn(ref)
	}
}

// UpdateBucket applies change to a bucket. The name and Created stay as they are.
func (s *Store) UpdateBucket(ctx context.Context, ref BucketRef, change func(*Bucket) error,
) (Bucket, error) {
	defer s.tellBucket(ref) // also after an error: what was written is not always known
	ctx, cancel := finishing(ctx)
	defer cancel()
	s.making.Lock()
	defer s.making.Unlock()
	b, err := s.bucket(ref)
	if err != nil {
		return Bucket{}, err
	}
	b.mu.RLock()
	next, revision := b.record.clone(), b.revision
	b.mu.RUnlock()
	before := next
	if err := change(&next); err != nil {
		return Bucket{}, err
	}
	next.Name, next.Created = before.Name, before.Created
	if before.Versioning != VersioningOff && next.Versioning == VersioningOff {
		return Bucket{}, dayfly.Errorf(dayfly.KindConflict, "versioning can be suspended, not removed")
	}
	value, err := next.encode()
	if err != nil {
		return Bucket{}, err
	}
	if revision, err = s.records.Update(ctx, ref.record(), value, revision); err != nil {
		return Bucket{}, errors.Join(err, s.reread(ctx, b))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.record, b.revision = next.clone(), revision
	return next, nil
}

// reread takes up the record of a bucket after a write whose outcome is not known.
func (s *Store) reread(ctx context.Context, b *bucket) error {
	got, err := s.records.Get(ctx, b.ref.record())
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.revision = got.Version
	return json.Unmarshal(got.Value, &b.record)
}

// DeleteBucket removes a bucket with no object, version or marker in it; others are a
// conflict (ErrBucketNotEmpty). Its open uploads are aborted.
func (s *Store) DeleteBucket(ctx context.Context, ref BucketRef) error {
	defer s.tellBucket(ref)
	ctx, cancel := finishing(ctx)
	defer cancel()
	s.making.Lock()
	defer s.making.Unlock()
	b, err := s.bucket(ref)
	if err != nil {
		return err
	}
	b.fence.Lock()
	defer b.fence.Unlock()
	b.mu.RLock()
	gone, versions, revision := b.gone, b.objects.Len(), b.revision
	uploads := slices.Collect(maps.Keys(b.uploads))
	b.mu.RUnlock()
	switch {
	case gone:
		return noBucket(ref)
	case versions > 0:
		return dayfly.Errorf(dayfly.KindConflict, "%w: %q", ErrBucketNotEmpty, ref.Name).
			WithHint("dayfly object ls -r %s lists what it holds", ref.Name)
	case s.owes(b):
		return dayfly.Errorf(dayfly.KindUnavailable, "changes of bucket %q wait to be told", ref.Name)
	}
	for _, id := range uploads {
		if err := s.dropUpload(ctx, b, id); err != nil {
			return err
		}
	}
	if _, err := s.records.Delete(ctx, ref.record(), revision); err != nil {
		return err
	}
	s.at("bucket deleted")
	b.mu.Lock()
	b.gone = true
	b.mu.Unlock()
	s.mu.Lock()
	delete(s.buckets, ref)
	s.mu.Unlock()
	// What is left are records of what is gone. Those of a bucket that is made anew
	// must not be mixed with them.
	return s.purge(ctx, b.subject)
}

// owes tells whether changes of the bucket are untold.
func (s *Store) owes(b *bucket) bool {
	s.untoldMu.Lock()
	defer s.untoldMu.Unlock()
	for at := range s.untold {
		if at.bucket == b {
			return true
		}
	}
	return false
}

// purge removes the records below a subject.
func (s *Store) purge(ctx context.Context, subject string) error {
	if err := s.stream.Purge(ctx, jetstream.WithPurgeSubject(subject+".>")); err != nil {
		return fmt.Errorf("remove records of %s: %w", subject, err)
	}
	return nil
}

func (b *Bucket) encode() ([]byte, error) {
	size := 0
	for name, document := range b.Documents {
		size += len(name) + len(document)
	}
	switch {
	case size > documentBytesMax:
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%w: %d bytes with bucket %q, at most %d are allowed",
			ErrAttributesLarge, size, b.Name, documentBytesMax)
	case b.Versioning != VersioningOff && b.Versioning != VersioningEnabled && b.Versioning != VersioningSuspended:
		return nil, dayfly.Errorf(dayfly.KindInvalid, "there is no versioning %q", b.Versioning)
	}
	return json.Marshal(b)
}

func (b *Bucket) clone() Bucket {
	c := *b
	c.Documents = maps.Clone(b.Documents)
	return c
}
