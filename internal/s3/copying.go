// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"errors"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"

	"github.com/dayfly-faas/dayfly/internal/blob"
)

// copyBytesMax bounds what one request may copy, as in S3: more goes by parts.
const copyBytesMax = 5 << 30

// source finds what a request copies, and judges its conditions. The version it names is
// the one that was judged.
func (b *backing) source(r *request, header string, c backend.PreConditions) (blob.Source, blob.Object, error) {
	bucket, key, version, err := backend.ParseCopySource(header)
	if err != nil {
		return blob.Source{}, blob.Object{}, err
	}
	from := blob.Source{Ref: blob.Ref{Project: r.project, Bucket: bucket, Key: key}, VersionID: version}
	o, err := b.s.objects.Stat(r.ctx, from.Ref, version)
	if errors.Is(err, blob.ErrMarker) {
		return from, o, s3err.APIError{Code: "InvalidRequest", HTTPStatusCode: 400,
			Description: "The source of a copy request may not specifically refer to a delete marker by version id."}
	}
	if err != nil {
		return from, o, b.fault(err, what{bucket: bucket, key: key, version: version})
	}
	if err := b.judge(o, c); err != nil {
		var condition s3err.PreconditionFailedError
		if errors.As(err, &condition) {
			return from, o, err
		}
		return from, o, s3err.GetPreconditionFailedErr("") // a copy knows no "not modified"
	}
	return from, o, nil
}

// CopyObject makes an object of another.
func (b *backing) CopyObject(
	ctx context.Context, in s3response.CopyObjectInput,
) (s3response.CopyObjectOutput, error) {
	none := s3response.CopyObjectOutput{}
	r, to, of, err := b.object(ctx, in.Bucket, in.Key)
	if err != nil {
		return none, err
	}
	from, have, err := b.source(r, text(in.CopySource), backend.PreConditions{IfMatch: in.CopySourceIfMatch,
		IfNoneMatch: in.CopySourceIfNoneMatch, IfModSince: in.CopySourceIfModifiedSince,
		IfUnmodeSince: in.CopySourceIfUnmodifiedSince})
	if err != nil {
		return none, err
	}
	if have.Size > copyBytesMax {
		return none, s3err.GetCopySourceObjectTooLargeErr(copyBytesMax)
	}
	opts := blob.CopyOptions{Requester: r.by, SourceIfMatch: have.ETag}
	if opts.Checksum, err = knownAlgorithm(in.ChecksumAlgorithm); err != nil {
		return none, err
	}
	if in.MetadataDirective == types.MetadataDirectiveReplace {
		opts.Attributes = &blob.Attributes{ContentType: text(in.ContentType), CacheControl: text(in.CacheControl),
			ContentDisposition: text(in.ContentDisposition), ContentEncoding: storedEncoding(text(in.ContentEncoding)),
			ContentLanguage: text(in.ContentLanguage), Expires: text(in.Expires), Metadata: in.Metadata}
	}
	if in.TaggingDirective == types.TaggingDirectiveReplace {
		if opts.Tags, err = backend.ParseObjectTags(text(in.Tagging)); err != nil {
			return none, err
		}
		if opts.Tags == nil {
			opts.Tags = map[string]string{}
		}
	}
	if from.Ref == to && from.VersionID == "" && opts.Attributes == nil && opts.Checksum == "" {
		return none, s3err.GetAPIError(s3err.ErrInvalidCopyDest)
	}
	o, err := b.s.objects.Copy(r.ctx, to, from, opts)
	if err != nil {
		return none, b.fault(err, of)
	}
	c := shown(o.Checksum)
	return s3response.CopyObjectOutput{VersionId: some(shownVersion(o.VersionID)),
		CopySourceVersionId: some(shownVersion(have.VersionID)),
		CopyObjectResult: &s3response.CopyObjectResult{ETag: quoted(o.ETag), LastModified: &o.Modified,
			ChecksumCRC32: c.crc32, ChecksumCRC32C: c.crc32c, ChecksumCRC64NVME: c.crc64, ChecksumSHA1: c.sha1,
			ChecksumSHA256: c.sha256, ChecksumType: c.kind}}, nil
}

// UploadPartCopy makes a part of an object, or of a range of it.
func (b *backing) UploadPartCopy(
	ctx context.Context, in *awss3.UploadPartCopyInput,
) (s3response.CopyPartResult, error) {
	none := s3response.CopyPartResult{}
	r, ref, of, err := b.object(ctx, in.Bucket, in.Key)
	if err != nil {
		return none, err
	}
	of.upload = text(in.UploadId)
	from, have, err := b.source(r, text(in.CopySource), backend.PreConditions{IfMatch: in.CopySourceIfMatch,
		IfNoneMatch: in.CopySourceIfNoneMatch, IfModSince: in.CopySourceIfModifiedSince,
		IfUnmodeSince: in.CopySourceIfUnmodifiedSince})
	if err != nil {
		return none, err
	}
	start, length, err := backend.ParseCopySourceRange(have.Size, text(in.CopySourceRange))
	if err != nil {
		return none, err
	}
	length = min(length, have.Size-start)
	if length > copyBytesMax {
		return none, s3err.GetCopySourceObjectTooLargeErr(copyBytesMax)
	}
	p, err := b.s.objects.CopyPart(r.ctx, blob.UploadRef{Ref: ref, UploadID: of.upload}, int(number(in.PartNumber)),
		blob.PartSource{Ref: from.Ref, VersionID: from.VersionID, Start: start, Length: length, IfMatch: have.ETag})
	if err != nil {
		return none, b.fault(err, of)
	}
	c := shown(p.Checksum)
	return s3response.CopyPartResult{LastModified: p.Modified, ETag: quoted(p.ETag), ChecksumCRC32: c.crc32,
		ChecksumCRC32C: c.crc32c, ChecksumCRC64NVME: c.crc64, ChecksumSHA1: c.sha1, ChecksumSHA256: c.sha256,
		CopySourceVersionId: shownVersion(have.VersionID)}, nil
}
