// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"time"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob/index"
	"github.com/dayfly-faas/dayfly/internal/blob/volume"
)

const (
	// keyBytesMax bounds a key, as in S3.
	keyBytesMax = 1024
	// attributeBytesMax bounds all that is said about an object beside its data. S3
	// allows 2 KiB of metadata; the rest is for headers, tags and documents.
	attributeBytesMax = 64 << 10
	// tagsMax bounds the tags of an object, as in S3.
	tagsMax = 10
	// inlineBytesMax is the largest object that is kept inside its record. A file of
	// that size takes four times as long to be written; to read it is a little faster,
	// and at a start all records are read.
	inlineBytesMax = 32 << 10
)

// Data and its checksums are those of package volume.
type (
	// Reader reads one version of an object.
	Reader = volume.Reader
	// Checksum of an object or part. Without an algorithm there is none.
	Checksum = volume.Checksum
	// ChecksumAlgorithm names one of S3's checksums.
	ChecksumAlgorithm = volume.Algorithm
	// ChecksumType says what a checksum of a multipart object covers.
	ChecksumType = volume.Coverage
)

// The algorithms and types.
const (
	CRC32, CRC32C, CRC64NVME = volume.CRC32, volume.CRC32C, volume.CRC64NVME
	SHA1, SHA256             = volume.SHA1, volume.SHA256
	FullObject, Composite    = volume.FullObject, volume.Composite
)

// NullVersion is the version of objects that were written while versioning was off.
const NullVersion = index.NullName

// Ref names an object: the key may be any UTF-8 of 1 to 1,024 bytes.
type Ref struct {
	Project dayfly.ProjectName
	Bucket  string
	Key     string
}

// Validate reports what of r cannot be used. It does not look whether it exists.
func (r Ref) Validate() error {
	if err := dayfly.ValidateName("project", string(r.Project)); err != nil {
		return err
	}
	if err := ValidateBucketName(r.Bucket); err != nil {
		return err
	}
	switch {
	case r.Key == "":
		return dayfly.Errorf(dayfly.KindInvalid, "the key of an object is empty")
	case len(r.Key) > keyBytesMax:
		return dayfly.Errorf(dayfly.KindInvalid, "%w: it has %d bytes, at most %d are allowed",
			ErrKeyTooLong, len(r.Key), keyBytesMax)
	case !utf8.ValidString(r.Key):
		return dayfly.Errorf(dayfly.KindInvalid, "the key %q is not UTF-8", r.Key)
	}
	return nil
}

// Attributes are what a writer says about an object; they are kept and given back.
type Attributes struct {
	ContentType        string            `json:"content_type,omitempty"`
	CacheControl       string            `json:"cache_control,omitempty"`
	ContentDisposition string            `json:"content_disposition,omitempty"`
	ContentEncoding    string            `json:"content_encoding,omitempty"`
	ContentLanguage    string            `json:"content_language,omitempty"`
	Expires            string            `json:"expires,omitempty"` // the header as it came
	StorageClass       string            `json:"storage_class,omitempty"`
	Redirect           string            `json:"redirect,omitempty"` // of website hosting
	Metadata           map[string]string `json:"metadata,omitempty"` // x-amz-meta-*, without that prefix
	Tags               map[string]string `json:"tags,omitempty"`
	// Documents are what a door keeps with an object and blob does not read: "acl",
	// "retention", "legal-hold".
	Documents map[string][]byte `json:"documents,omitempty"`
}

// Object is one version of an object. What List gives has Key to Marker only, and
// StorageClass is empty.
type Object struct {
	Key      string
	Size     int64
	ETag     string // MD5 in hexadecimal, "-N" after it when it came in N parts; no quotes
	Modified time.Time
	// VersionID is NullVersion for what was written while versioning was off.
	VersionID string
	Latest    bool // the version that a request without one means
	Marker    bool // it marks a deletion: it has no data

	Attributes
	Checksum Checksum // of the algorithm that the writer asked for
	Parts    []Part   // of a multipart object: numbers, sizes and checksums
	// Sequencer orders the changes of one key: hexadecimal, compared as text.
	Sequencer string
}

// Requester is told in the event about a change.
type Requester struct {
	RequestID  string `json:"request_id,omitempty"`
	RemoteAddr string `json:"remote_addr,omitempty"`
}

// Condition must hold when a write is committed; the zero one always does. One that
// does not is ErrPrecondition.
type Condition struct {
	IfNoneMatch bool   // no object has the key ("If-None-Match: *")
	IfMatch     string // the object under the key has this ETag; "*": any
}

// PutOptions say what is written.
type PutOptions struct {
	Attributes
	Condition
	Requester
	// Size is how many bytes will come, -1 when not known. More or fewer are an error.
	Size int64
	// ContentMD5 in hexadecimal is compared with that of the data, unless empty.
	ContentMD5 string
	// Checksum asks for one to be computed, and compared when it has a value.
	Checksum Checksum
	// Action is the name in the event: default "ObjectCreated:Put".
	Action string
}

// CopyOptions say how an object is copied.
type CopyOptions struct {
	// Attributes replace those of the source; nil takes them over.
	Attributes *Attributes
	// Tags replace those of the source; nil takes them over. Attributes.Tags is not read.
	Tags map[string]string
	Condition
	Requester
	// SourceIfMatch is the ETag that the source must have, unless empty.
	SourceIfMatch string
	// Checksum asks for another algorithm than the source's: then the data is read.
	Checksum ChecksumAlgorithm
}

// DeleteOptions say what is deleted.
type DeleteOptions struct {
	// VersionID names one version that is removed for good. Empty: the object, of
	// which a marker stays when the bucket has versions.
	VersionID string
	// IfMatch is the ETag that the object must have, unless empty.
	IfMatch string
	Requester
}

// Deleted says what Delete did.
type Deleted struct {
	Key string
	// VersionID is that of the marker made or of the version removed.
	VersionID string
	Marker    bool // a marker was made or removed
	// Existed tells whether there was anything to delete.
	Existed bool
}

// Deletion is one of DeleteMany.
type Deletion struct {
	Key       string
	VersionID string
}

// DeleteResult is the outcome of one Deletion.
type DeleteResult struct {
	Deleted
	Err error
}

// ListQuery asks for the keys of a bucket, or for their versions.
type ListQuery = index.Query

// Listing is a page of what a bucket holds.
type Listing struct {
	Objects  []Object
	Prefixes []string
	// Truncated tells that there is more, after Next (and NextVersion).
	Truncated   bool
	Next        string
	NextVersion string
}
