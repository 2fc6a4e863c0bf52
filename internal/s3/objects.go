// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"errors"
	"io"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/gofiber/fiber/v3"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3api/controllers"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"

	"github.com/dayfly-faas/dayfly/internal/blob"
)

// object names an object of the request's project.
func (b *backing) object(ctx context.Context, bucket, key *string) (*request, blob.Ref, what, error) {
	of := what{bucket: text(bucket), key: text(key)}
	r, err := projectOf(ctx)
	if err != nil {
		return nil, blob.Ref{}, of, b.fault(err, of)
	}
	return r, blob.Ref{Project: r.project, Bucket: of.bucket, Key: of.key}, of, nil
}

// PutObject writes an object.
func (b *backing) PutObject(ctx context.Context, in s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	r, ref, of, err := b.object(ctx, in.Bucket, in.Key)
	if err != nil {
		return s3response.PutObjectOutput{}, err
	}
	tags, err := backend.ParseObjectTags(text(in.Tagging))
	if err != nil {
		return s3response.PutObjectOutput{}, err
	}
	condition, err := conditionOf(in.IfMatch, in.IfNoneMatch)
	if err != nil {
		return s3response.PutObjectOutput{}, err
	}
	sum, err := asked(in.ChecksumAlgorithm, sums{crc32: in.ChecksumCRC32, crc32c: in.ChecksumCRC32C,
		crc64: in.ChecksumCRC64NVME, sha1: in.ChecksumSHA1, sha256: in.ChecksumSHA256}, in.Body)
	if err != nil {
		return s3response.PutObjectOutput{}, err
	}
	o, err := b.s.objects.Put(r.ctx, ref, blob.PutOptions{
		Attributes: blob.Attributes{ContentType: text(in.ContentType), CacheControl: text(in.CacheControl),
			ContentDisposition: text(in.ContentDisposition), ContentEncoding: storedEncoding(text(in.ContentEncoding)),
			ContentLanguage: text(in.ContentLanguage), Expires: text(in.Expires), Metadata: in.Metadata, Tags: tags},
		Condition: condition, Requester: r.by, Size: sizeOf(in), Checksum: sum,
	}, in.Body)
	if errors.Is(err, blob.ErrBadDigest) {
		return s3response.PutObjectOutput{}, digestFault(sum.Algorithm)
	}
	if err != nil {
		return s3response.PutObjectOutput{}, b.writeFault(err, of, condition)
	}
	c := shown(o.Checksum)
	return s3response.PutObjectOutput{ETag: *quoted(o.ETag), VersionID: shownVersion(o.VersionID),
		ChecksumCRC32: c.crc32, ChecksumCRC32C: c.crc32c, ChecksumCRC64NVME: c.crc64, ChecksumSHA1: c.sha1,
		ChecksumSHA256: c.sha256, ChecksumType: c.kind, Size: nil}, nil
}

// sizeOf gives how many bytes will come; a form knows only at its end.
func sizeOf(in s3response.PutObjectInput) int64 {
	if _, form := in.Body.(interface{ Length() int64 }); form {
		return -1
	}
	return number(in.ContentLength)
}

// conditionOf gives what must hold when a write is committed.
func conditionOf(ifMatch, ifNoneMatch *string) (blob.Condition, error) {
	// The protocol's own check of what may be combined; existence is judged at the commit.
	if err := backend.EvaluateObjectPutPreconditions(text(ifMatch), ifMatch, ifNoneMatch, ifMatch != nil); err != nil {
		return blob.Condition{}, err
	}
	return blob.Condition{IfNoneMatch: ifNoneMatch != nil, IfMatch: text(ifMatch)}, nil
}

// writeFault names the condition that did not hold.
func (b *backing) writeFault(err error, of what, c blob.Condition) error {
	switch {
	case errors.Is(err, blob.ErrNoSuchKey), !errors.Is(err, blob.ErrPrecondition):
		return b.fault(err, of)
	case c.IfNoneMatch:
		return s3err.GetPreconditionFailedErr(s3err.ConditionIfNoneMatch)
	}
	return s3err.GetPreconditionFailedErr(s3err.ConditionIfMatch)
}

// judge lets a reader through when the conditions of the request hold.
func (b *backing) judge(o blob.Object, c backend.PreConditions) error {
	return backend.EvaluatePreconditions(o.ETag, o.Modified.Truncate(time.Second), c)
}

// GetObject opens an object, or a range or part of it.
func (b *backing) GetObject(ctx context.Context, in *awss3.GetObjectInput) (*awss3.GetObjectOutput, error) {
	r, ref, of, err := b.object(ctx, in.Bucket, in.Key)
	if err != nil {
		return nil, err
	}
	of.version = text(in.VersionId)
	o, data, err := b.s.objects.OpenObject(r.ctx, ref, of.version)
	if err != nil {
		return markerOutput(err), b.fault(err, of)
	}
	if err := b.judge(o, backend.PreConditions{IfMatch: in.IfMatch, IfNoneMatch: in.IfNoneMatch,
		IfModSince: in.IfModifiedSince, IfUnmodeSince: in.IfUnmodifiedSince}); err != nil {
		_ = data.Close()
		return nil, err
	}
	at, err := window(o, text(in.Range), in.PartNumber)
	if err != nil {
		_ = data.Close()
		return nil, err
	}
	if _, err := data.Seek(at.start, io.SeekStart); err != nil {
		_ = data.Close()
		return nil, b.fault(err, of)
	}
	out := described(o, in.ChecksumMode == types.ChecksumModeEnabled && at.whole)
	out.ContentLength, out.ContentRange, out.PartsCount = &at.length, some(at.text), at.parts
	out.Body = &sending{data: data, left: at.length}
	return out, nil
}

// HeadObject describes an object.
func (b *backing) HeadObject(ctx context.Context, in *awss3.HeadObjectInput) (*awss3.HeadObjectOutput, error) {
	r, ref, of, err := b.object(ctx, in.Bucket, in.Key)
	if err != nil {
		return nil, err
	}
	of.version = text(in.VersionId)
	o, err := b.s.objects.Stat(r.ctx, ref, of.version)
	if err != nil {
		if m := markerOutput(err); m != nil {
			return &awss3.HeadObjectOutput{DeleteMarker: m.DeleteMarker, LastModified: m.LastModified}, b.fault(err, of)
		}
		return nil, b.fault(err, of)
	}
	if err := b.judge(o, backend.PreConditions{IfMatch: in.IfMatch, IfNoneMatch: in.IfNoneMatch,
		IfModSince: in.IfModifiedSince, IfUnmodeSince: in.IfUnmodifiedSince}); err != nil {
		return nil, err
	}
	at, err := window(o, text(in.Range), in.PartNumber)
	if err != nil {
		return nil, err
	}
	d := described(o, in.ChecksumMode == types.ChecksumModeEnabled && at.whole)
	return &awss3.HeadObjectOutput{AcceptRanges: d.AcceptRanges, ETag: d.ETag, LastModified: d.LastModified,
		ContentLength: &at.length, ContentRange: some(at.text), PartsCount: at.parts, ContentType: d.ContentType,
		ContentDisposition: d.ContentDisposition, ContentEncoding: d.ContentEncoding,
		ContentLanguage: d.ContentLanguage, CacheControl: d.CacheControl, ExpiresString: d.ExpiresString,
		Metadata: d.Metadata, VersionId: d.VersionId, TagCount: d.TagCount, ChecksumCRC32: d.ChecksumCRC32,
		ChecksumCRC32C: d.ChecksumCRC32C, ChecksumCRC64NVME: d.ChecksumCRC64NVME, ChecksumSHA1: d.ChecksumSHA1,
		ChecksumSHA256: d.ChecksumSHA256, ChecksumType: d.ChecksumType}, nil
}

// described gives what headers tell of an object.
func described(o blob.Object, withSum bool) *awss3.GetObjectOutput {
	ranges := "bytes"
	out := &awss3.GetObjectOutput{AcceptRanges: &ranges, ETag: quoted(o.ETag), LastModified: &o.Modified,
		ContentType: some(o.ContentType), ContentDisposition: some(o.ContentDisposition),
		ContentEncoding: some(o.ContentEncoding), ContentLanguage: some(o.ContentLanguage),
		CacheControl: some(o.CacheControl), ExpiresString: some(o.Expires), Metadata: o.Metadata,
		VersionId: some(shownVersion(o.VersionID)), TagCount: some(int32(len(o.Tags)))}
	if withSum {
		c := shown(o.Checksum)
		out.ChecksumCRC32, out.ChecksumCRC32C, out.ChecksumCRC64NVME = c.crc32, c.crc32c, c.crc64
		out.ChecksumSHA1, out.ChecksumSHA256, out.ChecksumType = c.sha1, c.sha256, c.kind
	}
	return out
}

// markerOutput tells that an object is deleted, when that is why it is not found.
func markerOutput(err error) *awss3.GetObjectOutput {
	var marker *blob.MarkerError
	if !errors.As(err, &marker) {
		return nil
	}
	yes := true
	return &awss3.GetObjectOutput{DeleteMarker: &yes, LastModified: &marker.Object.Modified,
		VersionId: &marker.VersionID}
}

// shownVersion leaves out the version of buckets that have none.
func shownVersion(id string) string {
	if id == blob.NullVersion {
		return ""
	}
	return id
}

// DeleteObject removes an object or a version.
func (b *backing) DeleteObject(
	ctx context.Context, in *awss3.DeleteObjectInput,
) (*awss3.DeleteObjectOutput, error) {
	r, ref, of, err := b.object(ctx, in.Bucket, in.Key)
	if err != nil {
		return nil, err
	}
	of.version = text(in.VersionId)
	if in.IfMatchLastModifiedTime != nil || in.IfMatchSize != nil {
		o, err := b.s.objects.Stat(r.ctx, ref, of.version)
		if err != nil {
			return nil, b.fault(err, of)
		}
		conditions := backend.ObjectDeletePreconditions{
			IfMatchLastModTime: in.IfMatchLastModifiedTime, IfMatchSize: in.IfMatchSize,
		}
		if err := backend.EvaluateObjectDeletePreconditions(o.ETag, o.Modified, o.Size, conditions); err != nil {
			return nil, err
		}
	}
	done, err := b.s.objects.Delete(r.ctx, ref,
		blob.DeleteOptions{VersionID: of.version, IfMatch: text(in.IfMatch), Requester: r.by})
	if errors.Is(err, blob.ErrPrecondition) {
		return nil, s3err.GetPreconditionFailedErr(s3err.ConditionIfMatch)
	}
	if err != nil {
		return nil, b.fault(err, of)
	}
	return &awss3.DeleteObjectOutput{VersionId: some(shownVersion(done.VersionID)), DeleteMarker: &done.Marker}, nil
}

// DeleteObjects removes up to a thousand.
func (b *backing) DeleteObjects(
	ctx context.Context, in *awss3.DeleteObjectsInput,
) (s3response.DeleteResult, error) {
	const objectsMax = 1000 // as in S3
	var out s3response.DeleteResult
	r, err := projectOf(ctx)
	if err != nil {
		return out, b.fault(err, what{})
	}
	if len(in.Delete.Objects) > objectsMax {
		return out, s3err.GetAPIError(s3err.ErrMalformedXML)
	}
	list := make([]blob.Deletion, len(in.Delete.Objects))
	for i, o := range in.Delete.Objects {
		list[i] = blob.Deletion{Key: text(o.Key), VersionID: text(o.VersionId)}
	}
	results, err := b.s.objects.DeleteMany(r.ctx, refOf(r.project, text(in.Bucket)), list, r.by)
	if err != nil {
		return out, b.fault(err, what{bucket: text(in.Bucket)})
	}
	for i, done := range results {
		key, version := list[i].Key, list[i].VersionID
		if done.Err != nil {
			err := b.fault(done.Err, what{bucket: text(in.Bucket), key: key, version: version})
			out.Error = append(out.Error, s3err.ObjectDeleteError(&key, some(version), err))
			continue
		}
		d := types.DeletedObject{Key: &key, VersionId: some(version)}
		if done.Marker {
			d.DeleteMarker, d.DeleteMarkerVersionId = &done.Marker, some(done.VersionID)
		}
		out.Deleted = append(out.Deleted, d)
	}
	return out, nil
}

// deleteObjects answers as asked: quietly, only failures are told.
func (s *Server) deleteObjects(ctx fiber.Ctx) (*controllers.Response, error) {
	out, err := s.control.DeleteObjects(ctx)
	result, ok := out.Data.(s3response.DeleteResult)
	if ok && err == nil && isQuiet(ctx.BodyRaw()) {
		result.Deleted = nil
		out.Data = result
	}
	return out, err
}

// GetObjectTagging gives the tags of an object.
func (b *backing) GetObjectTagging(ctx context.Context, bucket, key, version string) (map[string]string, error) {
	r, ref, of, err := b.object(ctx, &bucket, &key)
	if err != nil {
		return nil, err
	}
	of.version = version
	o, err := b.s.objects.Stat(r.ctx, ref, version)
	return o.Tags, b.fault(err, of)
}

// PutObjectTagging replaces them.
func (b *backing) PutObjectTagging(ctx context.Context, bucket, key, version string, tags map[string]string) error {
	r, ref, of, err := b.object(ctx, &bucket, &key)
	if err != nil {
		return err
	}
	of.version = version
	_, err = b.s.objects.Amend(r.ctx, ref, version, func(a *blob.Attributes) error {
		a.Tags = tags
		return nil
	})
	return b.fault(err, of)
}

// DeleteObjectTagging removes them.
func (b *backing) DeleteObjectTagging(ctx context.Context, bucket, key, version string) error {
	return b.PutObjectTagging(ctx, bucket, key, version, nil)
}

// getObjectACL tells, of an object that is there, what holds for all: its project owns it.
func (s *Server) getObjectACL(ctx fiber.Ctx) (*controllers.Response, error) {
	store := &backing{s: s}
	bucket := ctx.Params("bucket")
	key := ctx.Path()[len("/"+bucket+"/"):]
	r, ref, of, err := store.object(ctx.RequestCtx(), &bucket, &key)
	if err != nil {
		return &controllers.Response{}, err
	}
	if _, err := s.objects.Stat(r.ctx, ref, ctx.Query("versionId")); err != nil {
		return &controllers.Response{}, store.fault(err, of)
	}
	return s.control.GetBucketAcl(ctx)
}
