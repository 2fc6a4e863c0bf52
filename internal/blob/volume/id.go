// SPDX-License-Identifier: Apache-2.0

package volume

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// ID names a data file, and serves as the name of what was written in it.
type ID [16]byte

// NewID makes an identity of 128 random bits.
func NewID() ID {
	var id ID
	_, _ = rand.Read(id[:]) // it never fails
	return id
}

// String gives 32 hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) != 2*len(id) {
		return fmt.Errorf("read identity %q: it has %d bytes", text, len(text))
	}
	_, err := hex.Decode(id[:], text)
	return err
}

// Segment is one data file of a multipart object.
type Segment struct {
	ID     ID
	Size   int64
	Number int
	Sum    string // its checksum in base64, of the object's algorithm; may be empty
}

// WriteSegments gives the body of a record: of each segment the identity, then as varints
// the size, the number and the length of the checksum, then the checksum. Ten thousand of
// them fit in a message.
func WriteSegments(list []Segment) []byte {
	var body []byte
	for _, s := range list {
		sum, _ := base64.StdEncoding.DecodeString(s.Sum) // our own writing
		body = append(body, s.ID[:]...)
		body = binary.AppendUvarint(body, uint64(s.Size))
		body = binary.AppendUvarint(body, uint64(s.Number))
		body = binary.AppendUvarint(body, uint64(len(sum)))
		body = append(body, sum...)
	}
	return body
}

// ReadSegments is the inverse of WriteSegments.
func ReadSegments(body []byte) ([]Segment, error) {
	var list []Segment
	for len(body) > 0 {
		var s Segment
		var numbers [3]uint64
		rest := body[min(copy(s.ID[:], body), len(body)):]
		for i := range numbers {
			n, used := binary.Uvarint(rest)
			if used <= 0 {
				return nil, fmt.Errorf("read segment %d: it is cut off", len(list))
			}
			numbers[i], rest = n, rest[used:]
		}
		if numbers[2] > uint64(len(rest)) {
			return nil, fmt.Errorf("read segment %d: it is cut off", len(list))
		}
		s.Size, s.Number = int64(numbers[0]), int(numbers[1])
		s.Sum = base64.StdEncoding.EncodeToString(rest[:numbers[2]])
		list, body = append(list, s), rest[numbers[2]:]
	}
	return list, nil
}

// IDs lists the files of segments.
func IDs(segments []Segment) []ID {
	ids := make([]ID, len(segments))
	for i, segment := range segments {
		ids[i] = segment.ID
	}
	return ids
}
