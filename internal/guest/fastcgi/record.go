// SPDX-License-Identifier: Apache-2.0

package fastcgi

import (
	"encoding/binary"
	"errors"
	"io"
)

// Types of records.
const (
	typeBegin  = 1
	typeEnd    = 3
	typeParams = 4
	typeStdin  = 5
	typeStdout = 6
	typeStderr = 7
)

const (
	version       = 1
	roleResponder = 1
	// requestID is every request's: each has a connection of its own.
	requestID = 1
	headSize  = 8
	// contentMax bounds what one record carries, by the protocol; a multiple of eight
	// needs no padding.
	contentMax = 65_528
)

var errRecord = errors.New("the program sent what is no FastCGI record")

// record is one that was read; its content is good until the next is read.
type record struct {
	kind    byte
	content []byte
}

// readRecord reads the next record of our request; those of others are passed over.
func readRecord(r io.Reader, buffer []byte) (record, error) {
	for {
		var head [headSize]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return record{}, err
		}
		length, padding := int(binary.BigEndian.Uint16(head[4:])), int(head[6])
		if head[0] != version || cap(buffer) < length+padding {
			return record{}, errRecord
		}
		whole := buffer[:length+padding]
		if _, err := io.ReadFull(r, whole); err != nil {
			return record{}, err
		}
		if binary.BigEndian.Uint16(head[2:]) == requestID {
			return record{kind: head[1], content: whole[:length]}, nil
		}
	}
}

// appendRecord adds one record; content has at most contentMax bytes.
func appendRecord(dst []byte, kind byte, content []byte) []byte {
	dst = append(dst, version, kind, 0, requestID)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(content)))
	return append(append(dst, 0, 0), content...)
}

// appendStream adds a stream as records, and its end.
func appendStream(dst []byte, kind byte, content []byte) []byte {
	for len(content) > 0 {
		n := min(len(content), contentMax)
		dst = appendRecord(dst, kind, content[:n])
		content = content[n:]
	}
	return appendRecord(dst, kind, nil)
}

// appendPair adds a variable.
func appendPair(dst []byte, name, value string) []byte {
	dst = appendLength(appendLength(dst, len(name)), len(value))
	return append(append(dst, name...), value...)
}

// appendLength adds a length: one byte, or four when it is 128 or more.
func appendLength(dst []byte, n int) []byte {
	if n < 128 {
		return append(dst, byte(n))
	}
	return binary.BigEndian.AppendUint32(dst, uint32(n)|1<<31)
}
