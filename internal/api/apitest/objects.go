// SPDX-License-Identifier: Apache-2.0

package apitest

import (
	"context"
	"log/slog"
	"net/url"
	"sync"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api"
	"github.com/dayfly-faas/dayfly/internal/blob"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

// objects are the real thing on a bus of its own, which starts when first used.
func objects(t testing.TB) *lateObjects {
	return &lateObjects{sync.OnceValue(func() *blob.Store {
		log := slog.New(slog.DiscardHandler)
		b := bus.New(bus.Config{Dir: t.TempDir()}, log)
		if err := b.Open(context.Background()); err != nil {
			t.Errorf("open bus: %v", err)
		}
		s, err := blob.New(blob.Config{Dir: t.TempDir()}, b, nil, log)
		if err == nil {
			err = s.Open(context.Background())
		}
		if err != nil {
			t.Errorf("open objects: %v", err)
		}
		t.Cleanup(func() {
			_ = s.Close()
			if err := b.Close(); err != nil {
				t.Errorf("close bus: %v", err)
			}
		})
		return s
	})}
}

// lateObjects implement api.Objects by a store that opens when it is needed.
type lateObjects struct{ open func() *blob.Store }

// Buckets implements api.Objects.
func (l *lateObjects) Buckets(ctx context.Context, p dayfly.ProjectName) ([]blob.Bucket, error) {
	return l.open().Buckets(ctx, p)
}

// CreateBucket implements api.Objects.
func (l *lateObjects) CreateBucket(ctx context.Context, p dayfly.ProjectName, b blob.Bucket) (blob.Bucket, error) {
	return l.open().CreateBucket(ctx, p, b)
}

// UpdateBucket implements api.Objects.
func (l *lateObjects) UpdateBucket(
	ctx context.Context, r blob.BucketRef, change func(*blob.Bucket) error,
) (blob.Bucket, error) {
	return l.open().UpdateBucket(ctx, r, change)
}

// DeleteBucket implements api.Objects.
func (l *lateObjects) DeleteBucket(ctx context.Context, r blob.BucketRef) error {
	return l.open().DeleteBucket(ctx, r)
}

// List implements api.Objects.
func (l *lateObjects) List(ctx context.Context, r blob.BucketRef, q blob.ListQuery) (blob.Listing, error) {
	return l.open().List(ctx, r, q)
}

// s3Door tells of a door at S3, which nobody opens: clients of a test's node are given an
// address that says what was signed.
type s3Door struct{ n *Node }

// Access implements api.S3.
func (d s3Door) Access(p dayfly.ProjectName) api.S3Access {
	return api.S3Access{Endpoint: d.n.S3, Region: "us-east-1", AccessKeyID: "ID" + string(p), SecretAccessKey: "secret"}
}

// Sign implements api.S3.
func (d s3Door) Sign(_ context.Context, r api.SignedRequest) (string, error) {
	if err := r.Object.Validate(); err != nil {
		return "", err
	}
	q := url.Values{"method": {r.Method}, "expires": {r.Expires.String()}}
	return d.n.S3 + "/" + r.Object.Bucket + "/" + url.PathEscape(r.Object.Key) + "?" + q.Encode(), nil
}
