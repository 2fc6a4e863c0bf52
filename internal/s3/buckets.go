// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob"
)

// Names of the documents that are kept with a bucket.
const (
	documentCORS = "cors"
	documentTags = "tags"
)

// backing is what the protocol stores with: each bucket is one of the project that the
// request is of. What it does not answer is not implemented.
type backing struct {
	backend.BackendUnsupported
	s *Server
}

var _ backend.Backend = (*backing)(nil)

// String names it in messages of the protocol.
func (*backing) String() string { return "dayfly" }

func refOf(project dayfly.ProjectName, bucket string) blob.BucketRef {
	return blob.BucketRef{Project: project, Name: bucket}
}

// bucket finds a bucket of the request's project.
func (b *backing) bucket(ctx context.Context, name string) (*request, blob.Bucket, error) {
	r, err := projectOf(ctx)
	if err != nil {
		return nil, blob.Bucket{}, b.fault(err, what{bucket: name})
	}
	found, err := b.s.objects.Bucket(r.ctx, refOf(r.project, name))
	return r, found, b.fault(err, what{bucket: name})
}

// change applies f to a bucket.
func (b *backing) change(ctx context.Context, name string, f func(*blob.Bucket) error) error {
	r, err := projectOf(ctx)
	if err == nil {
		_, err = b.s.objects.UpdateBucket(r.ctx, refOf(r.project, name), f)
	}
	return b.fault(err, what{bucket: name})
}

// setDocument keeps a document with a bucket; an empty one is removed.
func (b *backing) setDocument(ctx context.Context, bucket, name string, data []byte) error {
	return b.change(ctx, bucket, func(have *blob.Bucket) error {
		if have.Documents == nil {
			have.Documents = map[string][]byte{}
		}
		have.Documents[name] = data
		if len(data) == 0 {
			delete(have.Documents, name)
		}
		return nil
	})
}

// ListBuckets lists those of the project.
func (b *backing) ListBuckets(
	ctx context.Context, in s3response.ListBucketsInput,
) (s3response.ListAllMyBucketsResult, error) {
	r, err := projectOf(ctx)
	if err != nil {
		return s3response.ListAllMyBucketsResult{}, b.fault(err, what{})
	}
	all, err := b.s.objects.Buckets(r.ctx, r.project)
	if err != nil {
		return s3response.ListAllMyBucketsResult{}, b.fault(err, what{})
	}
	out := s3response.ListAllMyBucketsResult{Prefix: in.Prefix,
		Owner: s3response.CanonicalUser{ID: r.account, DisplayName: string(r.project)}}
	for _, bucket := range all {
		if bucket.Name <= in.ContinuationToken || !strings.HasPrefix(bucket.Name, in.Prefix) {
			continue
		}
		if in.MaxBuckets > 0 && len(out.Buckets.Bucket) == int(in.MaxBuckets) {
			out.ContinuationToken = out.Buckets.Bucket[len(out.Buckets.Bucket)-1].Name
			break
		}
		out.Buckets.Bucket = append(out.Buckets.Bucket,
			s3response.ListAllMyBucketsEntry{Name: bucket.Name, CreationDate: bucket.Created})
	}
	return out, nil
}

// HeadBucket tells whether there is one.
func (b *backing) HeadBucket(ctx context.Context, in *awss3.HeadBucketInput) (*awss3.HeadBucketOutput, error) {
	_, _, err := b.bucket(ctx, text(in.Bucket))
	return &awss3.HeadBucketOutput{}, err
}

// CreateBucket makes one. That the project has it already is fine, as in us-east-1.
func (b *backing) CreateBucket(ctx context.Context, in *awss3.CreateBucketInput, _ []byte) error {
	r, err := projectOf(ctx)
	if err != nil {
		return b.fault(err, what{})
	}
	if in.ObjectLockEnabledForBucket != nil && *in.ObjectLockEnabledForBucket {
		return s3err.GetNotImplementedErr("x-amz-bucket-object-lock-enabled", "")
	}
	made := blob.Bucket{Name: text(in.Bucket)}
	if in.CreateBucketConfiguration != nil && len(in.CreateBucketConfiguration.Tags) > 0 {
		tags, err := backend.ParseCreateBucketTags(in.CreateBucketConfiguration.Tags)
		if err != nil {
			return err
		}
		data, _ := json.Marshal(tags)
		made.Documents = map[string][]byte{documentTags: data}
	}
	_, err = b.s.objects.CreateBucket(r.ctx, r.project, made)
	if errors.Is(err, blob.ErrBucketExists) {
		return nil
	}
	return b.fault(err, what{bucket: made.Name})
}

// DeleteBucket removes an empty one.
func (b *backing) DeleteBucket(ctx context.Context, bucket string) error {
	r, err := projectOf(ctx)
	if err == nil {
		err = b.s.objects.DeleteBucket(r.ctx, refOf(r.project, bucket))
	}
	return b.fault(err, what{bucket: bucket})
}

// GetBucketAcl tells the protocol that the project owns it, and nobody else may enter.
func (b *backing) GetBucketAcl(ctx context.Context, in *awss3.GetBucketAclInput) ([]byte, error) {
	r, _, err := b.bucket(ctx, text(in.Bucket))
	if err != nil {
		return nil, err
	}
	return json.Marshal(auth.ACL{Owner: r.account, Grantees: []auth.Grantee{{
		Permission: auth.PermissionFullControl, Access: r.account, Type: types.TypeCanonicalUser}}})
}

// PutBucketVersioning turns versions on, or suspends them.
func (b *backing) PutBucketVersioning(
	ctx context.Context, bucket string, status types.BucketVersioningStatus,
) error {
	return b.change(ctx, bucket, func(have *blob.Bucket) error {
		have.Versioning = blob.Versioning(status)
		return nil
	})
}

// GetBucketVersioning says nothing of buckets that never had versions.
func (b *backing) GetBucketVersioning(
	ctx context.Context, bucket string,
) (s3response.GetBucketVersioningOutput, error) {
	_, found, err := b.bucket(ctx, bucket)
	return s3response.GetBucketVersioningOutput{
		Status: some(types.BucketVersioningStatus(found.Versioning))}, err
}

// GetBucketPolicy finds none: only the project's key opens a bucket.
func (b *backing) GetBucketPolicy(ctx context.Context, bucket string) ([]byte, error) {
	if _, _, err := b.bucket(ctx, bucket); err != nil {
		return nil, err
	}
	return nil, s3err.GetBucketErr(s3err.ErrNoSuchBucketPolicy, bucket)
}

// GetBucketOwnershipControls gives what holds for all: access lists are off.
func (b *backing) GetBucketOwnershipControls(ctx context.Context, bucket string) (types.ObjectOwnership, error) {
	_, _, err := b.bucket(ctx, bucket)
	return types.ObjectOwnershipBucketOwnerEnforced, err
}

// PutBucketOwnershipControls accepts what holds anyway.
func (b *backing) PutBucketOwnershipControls(ctx context.Context, bucket string, o types.ObjectOwnership) error {
	if o != types.ObjectOwnershipBucketOwnerEnforced {
		return s3err.GetAPIError(s3err.ErrAclNotSupported)
	}
	_, _, err := b.bucket(ctx, bucket)
	return err
}

// GetBucketCors gives the rules for browsers.
func (b *backing) GetBucketCors(ctx context.Context, bucket string) ([]byte, error) {
	_, found, err := b.bucket(ctx, bucket)
	if err != nil {
		return nil, err
	}
	if rules := found.Documents[documentCORS]; len(rules) > 0 {
		return rules, nil
	}
	return nil, s3err.GetAPIError(s3err.ErrNoSuchCORSConfiguration)
}

// PutBucketCors keeps rules, which the protocol has checked.
func (b *backing) PutBucketCors(ctx context.Context, bucket string, rules []byte) error {
	return b.setDocument(ctx, bucket, documentCORS, rules)
}

// DeleteBucketCors removes them.
func (b *backing) DeleteBucketCors(ctx context.Context, bucket string) error {
	return b.setDocument(ctx, bucket, documentCORS, nil)
}

// GetBucketTagging gives a bucket's tags.
func (b *backing) GetBucketTagging(ctx context.Context, bucket string) (map[string]string, error) {
	_, found, err := b.bucket(ctx, bucket)
	if err != nil {
		return nil, err
	}
	data := found.Documents[documentTags]
	if len(data) == 0 {
		return nil, s3err.GetBucketErr(s3err.ErrBucketTaggingNotFound, bucket)
	}
	var tags map[string]string
	return tags, b.fault(json.Unmarshal(data, &tags), what{bucket: bucket})
}

// PutBucketTagging replaces them.
func (b *backing) PutBucketTagging(ctx context.Context, bucket string, tags map[string]string) error {
	data, err := json.Marshal(tags)
	if err != nil || len(tags) == 0 {
		data = nil
	}
	return b.setDocument(ctx, bucket, documentTags, data)
}

// DeleteBucketTagging removes them.
func (b *backing) DeleteBucketTagging(ctx context.Context, bucket string) error {
	return b.setDocument(ctx, bucket, documentTags, nil)
}

// GetObjectLockConfiguration finds none: there are no locks.
func (b *backing) GetObjectLockConfiguration(ctx context.Context, bucket string) ([]byte, error) {
	return nil, s3err.GetAPIError(s3err.ErrObjectLockConfigurationNotFound)
}
