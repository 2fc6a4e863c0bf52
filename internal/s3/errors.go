// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/versity/versitygw/s3err"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob"
)

// what names what an operation was about, for its error.
type what struct{ bucket, key, version, upload string }

// fault makes of an error of package blob the one that S3 has for it.
func (b *backing) fault(err error, of what) error {
	if err == nil {
		return nil
	}
	var already s3err.S3Error
	if errors.As(err, &already) {
		return already // of the protocol, met while a body was read
	}
	for _, m := range faults(of) {
		if errors.Is(err, m.is) {
			return m.answer
		}
	}
	switch dayfly.KindOf(err) {
	case dayfly.KindExhausted, dayfly.KindUnavailable:
		return s3err.GetAPIError(s3err.ErrSlowDown)
	case dayfly.KindInvalid:
		return s3err.APIError{Code: "InvalidRequest", HTTPStatusCode: http.StatusBadRequest, Description: err.Error()}
	case dayfly.KindNotFound:
		return s3err.GetAPIError(s3err.ErrNoSuchKey)
	case dayfly.KindConflict:
		return s3err.APIError{Code: "OperationAborted", HTTPStatusCode: http.StatusConflict, Description: err.Error()}
	}
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.Canceled) {
		return s3err.GetAPIError(s3err.ErrIncompleteBody) // the client went away
	}
	b.s.log.Error("operation met an internal error", "bucket", of.bucket, "error", err)
	return s3err.GetAPIError(s3err.ErrInternalError)
}

type match struct {
	is     error
	answer s3err.S3Error
}

// faults is the one table of errors.
func faults(of what) []match {
	code := s3err.GetAPIError
	return []match{
		{blob.ErrNoSuchBucket, s3err.GetBucketErr(s3err.ErrNoSuchBucket, of.bucket)},
		{blob.ErrBucketExists, code(s3err.ErrBucketAlreadyOwnedByYou)},
		{blob.ErrBucketNotEmpty, code(s3err.ErrBucketNotEmpty)},
		{blob.ErrBucketName, s3err.GetBucketErr(s3err.ErrInvalidBucketName, of.bucket)},
		{blob.ErrNoSuchKey, code(s3err.ErrNoSuchKey)},
		{blob.ErrNoSuchVersion, s3err.GetNoSuchVersionErr(of.key, of.version)},
		{blob.ErrMarker, code(s3err.ErrMethodNotAllowed)},
		{blob.ErrNoSuchUpload, s3err.GetNoSuchUploadErr(of.upload)},
		{blob.ErrKeyTooLong, s3err.GetKeyTooLongErr(int64(len(of.key)), keyLengthMax)},
		{blob.ErrPrecondition, code(s3err.ErrPreconditionFailed)},
		{blob.ErrBadDigest, code(s3err.ErrBadDigest)},
		{blob.ErrIncomplete, code(s3err.ErrIncompleteBody)},
		{blob.ErrTooLarge, code(s3err.ErrEntityTooLarge)},
		{blob.ErrInvalidPart, code(s3err.ErrInvalidPart)},
		{blob.ErrPartOrder, code(s3err.ErrInvalidPartOrder)},
		{blob.ErrPartTooSmall, code(s3err.ErrEntityTooSmall)},
		{blob.ErrInvalidRange, code(s3err.ErrInvalidRange)},
		{blob.ErrQuota, s3err.APIError{Code: "QuotaExceeded", HTTPStatusCode: http.StatusInsufficientStorage,
			Description: "There is no room left for objects."}},
		{blob.ErrTooManyUploads, code(s3err.ErrSlowDown)},
		{blob.ErrAttributesLarge, code(s3err.ErrMetadataTooLarge)},
	}
}

// text gives what a pointer of the protocol's inputs points to.
func text[T ~string](p *T) string {
	if p == nil {
		return ""
	}
	return string(*p)
}

func number[T int32 | int64](p *T) T {
	if p == nil {
		return 0
	}
	return *p
}

// some gives a pointer to a value that is not the zero one.
func some[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// quoted writes an ETag as headers have it.
func quoted(etag string) *string {
	q := fmt.Sprintf("%q", etag)
	return &q
}
