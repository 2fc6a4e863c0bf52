// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"context"
	"net/netip"
	"regexp"
	"strings"
	"time"

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

// CreateBucket makes a bucket; one that exists is a conflict (ErrBucketExists). The
// Created of bucket is not read.
func (s *Store) CreateBucket(ctx context.Context, project dayfly.ProjectName, bucket Bucket) (Bucket, error) {
	return Bucket{}, errUnbuilt
}

// Bucket gives one bucket.
func (s *Store) Bucket(ctx context.Context, ref BucketRef) (Bucket, error) {
	return Bucket{}, errUnbuilt
}

// Buckets lists the buckets of a project by name.
func (s *Store) Buckets(ctx context.Context, project dayfly.ProjectName) ([]Bucket, error) {
	return nil, errUnbuilt
}

// UpdateBucket applies change to a bucket. The name and Created stay as they are.
func (s *Store) UpdateBucket(ctx context.Context, ref BucketRef, change func(*Bucket) error) (Bucket, error) {
	return Bucket{}, errUnbuilt
}

// DeleteBucket removes a bucket with no object, version or marker in it; others are a
// conflict (ErrBucketNotEmpty). Its open uploads are aborted.
func (s *Store) DeleteBucket(ctx context.Context, ref BucketRef) error { return errUnbuilt }
