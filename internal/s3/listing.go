// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"encoding/base64"
	"net/url"
	"strings"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"

	"github.com/dayfly-faas/dayfly/internal/blob"
)

// keyWriter writes keys as the client asked: as they are, or with "encoding-type=url",
// which lets control characters through XML.
type keyWriter struct{ escape bool }

func (k keyWriter) write(key string) *string {
	if k.escape {
		key = strings.ReplaceAll(url.QueryEscape(key), "%2F", "/")
	}
	return &key
}

func (k keyWriter) optional(key string) *string {
	if key == "" {
		return nil
	}
	return k.write(key)
}

func (k keyWriter) kind() types.EncodingType {
	if k.escape {
		return types.EncodingTypeUrl
	}
	return ""
}

// page lists part of a bucket. None asked for is none given.
func (b *backing) page(
	ctx context.Context, bucket *string, q blob.ListQuery, wanted int32,
) (*request, blob.Listing, error) {
	r, err := projectOf(ctx)
	if err != nil {
		return nil, blob.Listing{}, b.fault(err, what{})
	}
	if wanted == 0 {
		_, _, err := b.bucket(ctx, text(bucket))
		return r, blob.Listing{}, err
	}
	q.Max = int(wanted)
	listing, err := b.s.objects.List(r.ctx, refOf(r.project, text(bucket)), q)
	return r, listing, b.fault(err, what{bucket: text(bucket)})
}

func contents(list []blob.Object, keys keyWriter, owner *types.Owner) []s3response.Object {
	out := make([]s3response.Object, 0, len(list))
	for i := range list {
		o := &list[i]
		entry := s3response.Object{Key: keys.write(o.Key), ETag: quoted(o.ETag), Size: &o.Size,
			LastModified: &o.Modified, StorageClass: types.ObjectStorageClassStandard, Owner: owner}
		if o.Checksum.Algorithm != "" {
			entry.ChecksumAlgorithm = []types.ChecksumAlgorithm{types.ChecksumAlgorithm(o.Checksum.Algorithm)}
			entry.ChecksumType = types.ChecksumType(o.Checksum.Type)
		}
		out = append(out, entry)
	}
	return out
}

func commonPrefixes(list []string, keys keyWriter) []types.CommonPrefix {
	out := make([]types.CommonPrefix, 0, len(list))
	for _, prefix := range list {
		out = append(out, types.CommonPrefix{Prefix: keys.write(prefix)})
	}
	return out
}

func (r *request) owner() *types.Owner {
	id, name := r.account, string(r.project)
	return &types.Owner{ID: &id, DisplayName: &name}
}

// ListObjects is the first version: marker by marker.
func (b *backing) ListObjects(
	ctx context.Context, in *awss3.ListObjectsInput,
) (s3response.ListObjectsResult, error) {
	r, list, err := b.page(ctx, in.Bucket, blob.ListQuery{Prefix: text(in.Prefix), Delimiter: text(in.Delimiter),
		After: text(in.Marker)}, number(in.MaxKeys))
	if err != nil {
		return s3response.ListObjectsResult{}, err
	}
	keys := keyWriter{r.encodeKeys}
	out := s3response.ListObjectsResult{Name: in.Bucket, Prefix: keys.write(text(in.Prefix)),
		Marker: keys.write(text(in.Marker)), MaxKeys: in.MaxKeys, Delimiter: keys.optional(text(in.Delimiter)),
		IsTruncated: &list.Truncated, Contents: contents(list.Objects, keys, r.owner()),
		CommonPrefixes: commonPrefixes(list.Prefixes, keys), EncodingType: keys.kind()}
	if list.Truncated && text(in.Delimiter) != "" {
		out.NextMarker = keys.write(list.Next)
	}
	return out, nil
}

// ListObjectsV2 is the second: with a token that says where to go on.
func (b *backing) ListObjectsV2(
	ctx context.Context, in *awss3.ListObjectsV2Input,
) (s3response.ListObjectsV2Result, error) {
	after := text(in.StartAfter)
	if token := text(in.ContinuationToken); token != "" {
		key, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			return s3response.ListObjectsV2Result{}, s3err.APIError{Code: "InvalidArgument", HTTPStatusCode: 400,
				Description: "The continuation token provided is incorrect"}
		}
		after = string(key)
	}
	r, list, err := b.page(ctx, in.Bucket, blob.ListQuery{Prefix: text(in.Prefix), Delimiter: text(in.Delimiter),
		After: after}, number(in.MaxKeys))
	if err != nil {
		return s3response.ListObjectsV2Result{}, err
	}
	keys := keyWriter{r.encodeKeys}
	var owner *types.Owner
	if in.FetchOwner != nil && *in.FetchOwner {
		owner = r.owner()
	}
	count := int32(len(list.Objects) + len(list.Prefixes))
	out := s3response.ListObjectsV2Result{Name: in.Bucket, Prefix: keys.write(text(in.Prefix)), KeyCount: &count,
		StartAfter: keys.optional(text(in.StartAfter)), ContinuationToken: some(text(in.ContinuationToken)),
		MaxKeys: in.MaxKeys, Delimiter: keys.optional(text(in.Delimiter)), IsTruncated: &list.Truncated,
		Contents: contents(list.Objects, keys, owner), CommonPrefixes: commonPrefixes(list.Prefixes, keys),
		EncodingType: keys.kind()}
	if list.Truncated {
		token := base64.RawURLEncoding.EncodeToString([]byte(list.Next))
		out.NextContinuationToken = &token
	}
	return out, nil
}

// ListObjectVersions lists versions and markers, each key's newest first.
func (b *backing) ListObjectVersions(
	ctx context.Context, in *awss3.ListObjectVersionsInput,
) (s3response.ListVersionsResult, error) {
	r, list, err := b.page(ctx, in.Bucket, blob.ListQuery{Prefix: text(in.Prefix), Delimiter: text(in.Delimiter),
		After: text(in.KeyMarker), AfterVersion: text(in.VersionIdMarker), Versions: true}, number(in.MaxKeys))
	if err != nil {
		return s3response.ListVersionsResult{}, err
	}
	keys := keyWriter{r.encodeKeys}
	out := s3response.ListVersionsResult{Name: in.Bucket, Prefix: keys.write(text(in.Prefix)),
		KeyMarker: keys.write(text(in.KeyMarker)), VersionIdMarker: in.VersionIdMarker, MaxKeys: in.MaxKeys,
		Delimiter: keys.optional(text(in.Delimiter)), IsTruncated: &list.Truncated,
		CommonPrefixes: commonPrefixes(list.Prefixes, keys), EncodingType: keys.kind()}
	if list.Truncated {
		out.NextKeyMarker, out.NextVersionIdMarker = keys.write(list.Next), some(list.NextVersion)
	}
	for i := range list.Objects {
		o := &list.Objects[i]
		if o.Marker {
			out.DeleteMarkers = append(out.DeleteMarkers, types.DeleteMarkerEntry{Key: keys.write(o.Key),
				VersionId: &o.VersionID, IsLatest: &o.Latest, LastModified: &o.Modified, Owner: r.owner()})
			continue
		}
		out.Versions = append(out.Versions, s3response.ObjectVersion{Key: keys.write(o.Key), VersionId: &o.VersionID,
			IsLatest: &o.Latest, LastModified: &o.Modified, ETag: quoted(o.ETag), Size: &o.Size, Owner: r.owner(),
			StorageClass: types.ObjectVersionStorageClassStandard})
	}
	return out, nil
}
