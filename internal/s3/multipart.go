// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"errors"
	"strconv"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"

	"github.com/dayfly-faas/dayfly/internal/blob"
)

// CreateMultipartUpload begins an upload.
func (b *backing) CreateMultipartUpload(
	ctx context.Context, in s3response.CreateMultipartUploadInput,
) (s3response.InitiateMultipartUploadResult, error) {
	none := s3response.InitiateMultipartUploadResult{}
	r, ref, of, err := b.object(ctx, in.Bucket, in.Key)
	if err != nil {
		return none, err
	}
	tags, err := backend.ParseObjectTags(text(in.Tagging))
	if err != nil {
		return none, err
	}
	algorithm, err := knownAlgorithm(in.ChecksumAlgorithm)
	if err != nil {
		return none, err
	}
	up, err := b.s.objects.CreateUpload(r.ctx, ref, blob.UploadOptions{
		Attributes: blob.Attributes{ContentType: text(in.ContentType), CacheControl: text(in.CacheControl),
			ContentDisposition: text(in.ContentDisposition), ContentEncoding: storedEncoding(text(in.ContentEncoding)),
			ContentLanguage: text(in.ContentLanguage), Expires: text(in.Expires), Metadata: in.Metadata, Tags: tags},
		Checksum: blob.Checksum{Algorithm: algorithm, Type: blob.ChecksumType(in.ChecksumType)}})
	if err != nil {
		return none, b.fault(err, of)
	}
	return s3response.InitiateMultipartUploadResult{Bucket: of.bucket, Key: of.key, UploadId: up.UploadID}, nil
}

// UploadPart writes a part.
func (b *backing) UploadPart(ctx context.Context, in *awss3.UploadPartInput) (*awss3.UploadPartOutput, error) {
	r, ref, of, err := b.object(ctx, in.Bucket, in.Key)
	if err != nil {
		return nil, err
	}
	of.upload = text(in.UploadId)
	sum, err := asked(in.ChecksumAlgorithm, sums{crc32: in.ChecksumCRC32, crc32c: in.ChecksumCRC32C,
		crc64: in.ChecksumCRC64NVME, sha1: in.ChecksumSHA1, sha256: in.ChecksumSHA256}, in.Body)
	if err != nil {
		return nil, err
	}
	p, err := b.s.objects.PutPart(r.ctx, blob.UploadRef{Ref: ref, UploadID: of.upload}, int(number(in.PartNumber)),
		blob.PartOptions{Size: number(in.ContentLength), Checksum: sum}, in.Body)
	if errors.Is(err, blob.ErrBadDigest) {
		return nil, digestFault(sum.Algorithm)
	}
	if err != nil {
		return nil, b.fault(err, of)
	}
	c := shown(p.Checksum)
	return &awss3.UploadPartOutput{ETag: quoted(p.ETag), ChecksumCRC32: c.crc32, ChecksumCRC32C: c.crc32c,
		ChecksumCRC64NVME: c.crc64, ChecksumSHA1: c.sha1, ChecksumSHA256: c.sha256}, nil
}

// CompleteMultipartUpload makes the object of the parts named.
func (b *backing) CompleteMultipartUpload(
	ctx context.Context, in *awss3.CompleteMultipartUploadInput,
) (s3response.CompleteMultipartUploadResult, string, error) {
	none := s3response.CompleteMultipartUploadResult{}
	r, ref, of, err := b.object(ctx, in.Bucket, in.Key)
	if err != nil {
		return none, "", err
	}
	of.upload = text(in.UploadId)
	condition, err := conditionOf(in.IfMatch, in.IfNoneMatch)
	if err != nil {
		return none, "", err
	}
	parts := make([]blob.CompletedPart, len(in.MultipartUpload.Parts))
	for i, p := range in.MultipartUpload.Parts {
		if p.PartNumber == nil || p.ETag == nil {
			return none, "", s3err.GetAPIError(s3err.ErrMalformedXML)
		}
		parts[i] = blob.CompletedPart{Number: int(*p.PartNumber), ETag: text(backend.TrimEtag(p.ETag)),
			Checksum: first(p.ChecksumCRC32, p.ChecksumCRC32C, p.ChecksumCRC64NVME, p.ChecksumSHA1, p.ChecksumSHA256)}
	}
	o, err := b.s.objects.Complete(r.ctx, blob.UploadRef{Ref: ref, UploadID: of.upload}, parts, blob.CompleteOptions{
		Condition: condition, Requester: r.by, Size: number(in.MpuObjectSize),
		Checksum: first(in.ChecksumCRC32, in.ChecksumCRC32C, in.ChecksumCRC64NVME, in.ChecksumSHA1, in.ChecksumSHA256)})
	if err != nil {
		return none, "", b.writeFault(err, of, condition)
	}
	c := shown(o.Checksum)
	return s3response.CompleteMultipartUploadResult{Bucket: in.Bucket, Key: in.Key, ETag: quoted(o.ETag),
		ChecksumCRC32: c.crc32, ChecksumCRC32C: c.crc32c, ChecksumCRC64NVME: c.crc64, ChecksumSHA1: c.sha1,
		ChecksumSHA256: c.sha256, ChecksumType: some(c.kind)}, shownVersion(o.VersionID), nil
}

func first(values ...*string) string {
	for _, v := range values {
		if text(v) != "" {
			return *v
		}
	}
	return ""
}

// AbortMultipartUpload removes an upload and its parts.
func (b *backing) AbortMultipartUpload(ctx context.Context, in *awss3.AbortMultipartUploadInput) error {
	r, ref, of, err := b.object(ctx, in.Bucket, in.Key)
	if err != nil {
		return err
	}
	of.upload = text(in.UploadId)
	return b.fault(b.s.objects.Abort(r.ctx, blob.UploadRef{Ref: ref, UploadID: of.upload}), of)
}

// ListParts lists what of an upload is there.
func (b *backing) ListParts(ctx context.Context, in *awss3.ListPartsInput) (s3response.ListPartsResult, error) {
	none := s3response.ListPartsResult{}
	r, ref, of, err := b.object(ctx, in.Bucket, in.Key)
	if err != nil {
		return none, err
	}
	of.upload = text(in.UploadId)
	after, _ := strconv.Atoi(text(in.PartNumberMarker)) // checked by the protocol
	upload := blob.UploadRef{Ref: ref, UploadID: of.upload}
	list, err := b.s.objects.Parts(r.ctx, upload, after, int(number(in.MaxParts)))
	if err != nil {
		return none, b.fault(err, of)
	}
	owner := s3response.Owner{ID: r.account, DisplayName: string(r.project)}
	out := s3response.ListPartsResult{Bucket: of.bucket, Key: of.key, UploadID: of.upload, Owner: owner,
		Initiator: s3response.Initiator(owner), StorageClass: types.StorageClassStandard, PartNumberMarker: after,
		NextPartNumberMarker: list.Next, MaxParts: int(number(in.MaxParts)), IsTruncated: list.Truncated,
		ChecksumAlgorithm: types.ChecksumAlgorithm(list.Upload.Checksum.Algorithm),
		ChecksumType:      types.ChecksumType(list.Upload.Checksum.Type)}
	for _, p := range list.Parts {
		c := shown(p.Checksum)
		out.Parts = append(out.Parts, s3response.Part{PartNumber: p.Number, LastModified: p.Modified,
			ETag: *quoted(p.ETag), Size: p.Size, ChecksumCRC32: c.crc32, ChecksumCRC32C: c.crc32c,
			ChecksumCRC64NVME: c.crc64, ChecksumSHA1: c.sha1, ChecksumSHA256: c.sha256})
	}
	return out, nil
}

// ListMultipartUploads lists the uploads of a bucket that are under way.
func (b *backing) ListMultipartUploads(
	ctx context.Context, in *awss3.ListMultipartUploadsInput,
) (s3response.ListMultipartUploadsResult, error) {
	none := s3response.ListMultipartUploadsResult{}
	r, err := projectOf(ctx)
	if err != nil {
		return none, b.fault(err, what{})
	}
	list, err := b.s.objects.Uploads(r.ctx, refOf(r.project, text(in.Bucket)), blob.UploadQuery{Prefix: text(in.Prefix),
		Delimiter: text(in.Delimiter), After: text(in.KeyMarker), AfterUpload: text(in.UploadIdMarker),
		Max: int(number(in.MaxUploads))})
	if err != nil {
		return none, b.fault(err, what{bucket: text(in.Bucket)})
	}
	keys := keyWriter{r.encodeKeys}
	out := s3response.ListMultipartUploadsResult{Bucket: text(in.Bucket), KeyMarker: *keys.write(text(in.KeyMarker)),
		UploadIDMarker: text(in.UploadIdMarker), Delimiter: *keys.write(text(in.Delimiter)),
		Prefix: *keys.write(text(in.Prefix)), MaxUploads: int(number(in.MaxUploads)), IsTruncated: list.Truncated,
		EncodingType: string(keys.kind())}
	if list.Truncated {
		out.NextKeyMarker, out.NextUploadIDMarker = *keys.write(list.Next), list.NextUpload
	}
	owner := s3response.Owner{ID: r.account, DisplayName: string(r.project)}
	for _, u := range list.Uploads {
		out.Uploads = append(out.Uploads, s3response.Upload{Key: *keys.write(u.Key), UploadID: u.UploadID, Owner: owner,
			Initiator: s3response.Initiator(owner), StorageClass: types.StorageClassStandard, Initiated: u.Created,
			ChecksumAlgorithm: types.ChecksumAlgorithm(u.Checksum.Algorithm),
			ChecksumType:      types.ChecksumType(u.Checksum.Type)})
	}
	for _, prefix := range list.Prefixes {
		out.CommonPrefixes = append(out.CommonPrefixes, s3response.CommonPrefix{Prefix: *keys.write(prefix)})
	}
	return out, nil
}

// GetObjectAttributes tells of an object what a listing of parts and a head tell.
func (b *backing) GetObjectAttributes(
	ctx context.Context, in *awss3.GetObjectAttributesInput,
) (s3response.GetObjectAttributesResponse, error) {
	none := s3response.GetObjectAttributesResponse{}
	r, ref, of, err := b.object(ctx, in.Bucket, in.Key)
	if err != nil {
		return none, err
	}
	of.version = text(in.VersionId)
	o, err := b.s.objects.Stat(r.ctx, ref, of.version)
	if err != nil {
		if m := markerOutput(err); m != nil {
			none.DeleteMarker, none.VersionId = m.DeleteMarker, m.VersionId
		}
		return none, b.fault(err, of)
	}
	out := s3response.GetObjectAttributesResponse{ETag: &o.ETag, ObjectSize: &o.Size,
		StorageClass: types.StorageClassStandard, VersionId: some(shownVersion(o.VersionID)), LastModified: &o.Modified}
	if c := shown(o.Checksum); o.Checksum.Value != "" {
		out.Checksum = &types.Checksum{ChecksumCRC32: c.crc32, ChecksumCRC32C: c.crc32c, ChecksumCRC64NVME: c.crc64,
			ChecksumSHA1: c.sha1, ChecksumSHA256: c.sha256, ChecksumType: c.kind}
	}
	if len(o.Parts) == 0 {
		return out, nil
	}
	after, _ := strconv.Atoi(text(in.PartNumberMarker))
	out.ObjectParts = &s3response.ObjectParts{PartNumberMarker: after, MaxParts: int(number(in.MaxParts))}
	for _, p := range o.Parts {
		if p.Number <= after {
			continue
		}
		if len(out.ObjectParts.Parts) == out.ObjectParts.MaxParts {
			out.ObjectParts.IsTruncated = true
			break
		}
		c, n := shown(p.Checksum), int32(p.Number)
		out.ObjectParts.Parts = append(out.ObjectParts.Parts, types.ObjectPart{PartNumber: &n, Size: &p.Size,
			ChecksumCRC32: c.crc32, ChecksumCRC32C: c.crc32c, ChecksumCRC64NVME: c.crc64, ChecksumSHA1: c.sha1,
			ChecksumSHA256: c.sha256})
		out.ObjectParts.NextPartNumberMarker = p.Number
	}
	return out, nil
}
