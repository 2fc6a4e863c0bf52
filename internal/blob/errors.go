// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"errors"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob/volume"
)

// Errors by which a door chooses what to answer. Each comes wrapped in a dayfly.Error
// with its kind and the names concerned.
var (
	ErrNoSuchBucket    = errors.New("no such bucket")
	ErrBucketExists    = errors.New("the bucket exists already")
	ErrBucketNotEmpty  = errors.New("the bucket is not empty")
	ErrBucketName      = errors.New("not a name for a bucket")
	ErrNoSuchKey       = errors.New("no such object")
	ErrNoSuchVersion   = errors.New("no such version")
	ErrMarker          = errors.New("the version is a delete marker")
	ErrNoSuchUpload    = errors.New("no such upload")
	ErrKeyTooLong      = errors.New("the key is too long")
	ErrPrecondition    = dayfly.ErrCondition
	ErrBadDigest       = volume.ErrBadDigest
	ErrIncomplete      = volume.ErrIncomplete
	ErrTooLarge        = volume.ErrTooLarge
	ErrInvalidPart     = errors.New("a part is missing or has another ETag")
	ErrPartOrder       = errors.New("the parts are not in ascending order")
	ErrPartTooSmall    = errors.New("a part other than the last is too small")
	ErrInvalidRange    = errors.New("the range lies outside of the object")
	ErrQuota           = volume.ErrQuota
	ErrTooManyUploads  = errors.New("too many uploads and parts are open")
	ErrAttributesLarge = errors.New("what is said about the object is too large")
)

// MarkerError tells that the object asked for is a delete marker. errors.Is finds
// ErrMarker when its version was named, else ErrNoSuchKey.
type MarkerError struct {
	VersionID string
	Named     bool // the request named that version
	Object    Object
}

// Error says what was met.
func (e *MarkerError) Error() string { return e.Unwrap().Error() + ": it is deleted" }

// Unwrap gives ErrMarker or ErrNoSuchKey.
func (e *MarkerError) Unwrap() error {
	if e.Named {
		return ErrMarker
	}
	return ErrNoSuchKey
}
