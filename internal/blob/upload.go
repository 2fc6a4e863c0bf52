// SPDX-License-Identifier: Apache-2.0

package blob

import "time"

// UploadRef names a multipart upload of an object.
type UploadRef struct {
	Ref
	UploadID string
}

// UploadOptions say what the object will be.
type UploadOptions struct {
	Attributes
	// Checksum is the algorithm of the parts and the whole; Value is not read.
	Checksum Checksum
}

// Upload is a multipart upload under way.
type Upload struct {
	Key      string
	UploadID string
	Created  time.Time
	Attributes
	Checksum Checksum // algorithm and type asked for
}

// Part is one part of an upload or of a multipart object.
type Part struct {
	Number   int // 1 to 10,000
	Size     int64
	ETag     string // MD5 in hexadecimal; empty for the parts of an object
	Modified time.Time
	Checksum Checksum
}

// PartOptions say what is sent.
type PartOptions struct {
	Size       int64  // how many bytes will come, -1 when not known
	ContentMD5 string // in hexadecimal; compared unless empty
	Checksum   Checksum
}

// PartSource names what CopyPart reads.
type PartSource struct {
	Ref
	VersionID string
	// Start and Length are the range; Length -1: to the end.
	Start, Length int64
	IfMatch       string // the ETag that it must have, unless empty
}

// PartList is a page of an upload's parts.
type PartList struct {
	Upload    Upload
	Parts     []Part
	Truncated bool
	Next      int // the number of the last part, to go on after
}

// UploadQuery asks for the uploads of a bucket, in the order of keys, then of time.
type UploadQuery struct {
	Prefix, Delimiter string
	After             string // only keys that are greater
	AfterUpload       string // uploads of the key After behind this one too
	Max               int    // 1 to 1,000; 0 is 1,000
}

// UploadList is a page of uploads.
type UploadList struct {
	Uploads    []Upload
	Prefixes   []string
	Truncated  bool
	Next       string
	NextUpload string
}

// CompletedPart is a part as the completing request names it.
type CompletedPart struct {
	Number   int
	ETag     string
	Checksum string // base64, compared unless empty
}

// CompleteOptions say what must hold.
type CompleteOptions struct {
	Condition
	Requester
	Size     int64  // of the object; compared unless 0
	Checksum string // of the object, base64; compared unless empty
}
