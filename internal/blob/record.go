// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/dayfly-faas/dayfly/internal/bus"

	"github.com/dayfly-faas/dayfly/internal/blob/volume"
)

// The records of the stream OBJECTS; docs/formats/objects.md tells of the format.
//
//	objects.PROJECT.BUCKET.o.HASH.VERSION   a version of an object; HASH is of its key
//	objects.PROJECT.BUCKET.u.UPLOAD         a multipart upload under way
//	objects.PROJECT.BUCKET.p.UPLOAD.NUMBER  a part of it

// recordHeader is the header with the record, in JSON. It is no body, so that the index
// can be rebuilt without reading the data of small objects.
const recordHeader = "Dayfly-Object"

// Kinds of subjects.
const (
	kindObject = "o"
	kindUpload = "u"
	kindPart   = "p"
)

// op says what a record is.
type op string

const (
	opPut    op = "put"    // a version with data
	opMarker op = "marker" // a version that marks a deletion
	opGone   op = "gone"   // the version was removed; the record goes when that was told
)

// record is what is stored of a version. The body of its message is the data when it is
// inline, the segments when it has any, else empty.
type record struct {
	Op       op        `json:"op"`
	Key      string    `json:"key"`
	ID       volume.ID `json:"id"`
	Null     bool      `json:"null,omitempty"`  // its version is NullVersion, not ID
	Order    uint64    `json:"order,omitempty"` // the sequence of its first record, when amended
	Size     int64     `json:"size,omitempty"`
	ETag     string    `json:"etag,omitempty"`
	Modified time.Time `json:"modified"`
	Attributes
	Checksum Checksum `json:"checksum,omitzero"`
	Inline   bool     `json:"inline,omitempty"`
	// Segments is how many data files there are, when not one: the parts of an upload.
	Segments int    `json:"segments,omitempty"`
	Upload   string `json:"upload,omitempty"` // the upload that it was completed from
	Action   string `json:"action,omitempty"`
	Quiet    bool   `json:"quiet,omitempty"` // no change to tell of
	Requester
}

// version gives the name of the version that r is of.
func (r *record) version() string {
	if r.Null {
		return NullVersion
	}
	return r.ID.String()
}

// uploadRecord is what is stored of an upload.
type uploadRecord struct {
	Key     string    `json:"key"`
	Created time.Time `json:"created"`
	Attributes
	Checksum Checksum `json:"checksum,omitzero"`
}

// partRecord is what is stored of a part.
type partRecord struct {
	ID       volume.ID `json:"id"`
	Size     int64     `json:"size"`
	ETag     string    `json:"etag"`
	Modified time.Time `json:"modified"`
	Checksum Checksum  `json:"checksum,omitzero"`

	seq uint64 // of the record
}

// subjectOf gives the prefix of the subjects of a bucket. The dots of its name, the only
// byte of it that means something in a subject, are written as package store does.
func subjectOf(ref BucketRef) string {
	return bus.SubjectObjects + "." + string(ref.Project) + "." +
		strings.ReplaceAll(ref.Name, ".", "=2E")
}

// keyHash is 160 bits of SHA-256: two keys of one hash cannot be made.
func keyHash(key string) string {
	sum := sha256.Sum256([]byte(key))
	return strings.ToLower(base32.HexEncoding.EncodeToString(sum[:20]))
}

func objectSubject(bucket, key, version string) string {
	return bucket + "." + kindObject + "." + keyHash(key) + "." + version
}

func uploadSubject(bucket, upload string) string { return bucket + "." + kindUpload + "." + upload }

// partsSubject gives the prefix of the subjects of an upload's parts.
func partsSubject(bucket, upload string) string { return bucket + "." + kindPart + "." + upload }

func partSubject(bucket, upload string, number int) string {
	return partsSubject(bucket, upload) + "." + strconv.Itoa(number)
}

// message makes the message of a record.
func message(subject string, rec any, body []byte) (*nats.Msg, error) {
	head, err := json.Marshal(rec)
	if err != nil {
		return nil, fmt.Errorf("write record of %s: %w", subject, err)
	}
	return &nats.Msg{Subject: subject, Data: body,
		Header: nats.Header{recordHeader: {string(head)}}}, nil
}

// readRecord reads a record out of the header of its message.
func readRecord(header nats.Header, into any) error {
	values := header[recordHeader]
	if len(values) != 1 {
		return fmt.Errorf("read record: it has %d headers %s", len(values), recordHeader)
	}
	if err := json.Unmarshal([]byte(values[0]), into); err != nil {
		return fmt.Errorf("read record: %w", err)
	}
	return nil
}

// sequencer writes a sequence so that its text orders as the number does.
func sequencer(seq uint64) string { return fmt.Sprintf("%016X", seq) }
