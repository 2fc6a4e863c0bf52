// SPDX-License-Identifier: Apache-2.0

package volume

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"strconv"

	"github.com/dayfly-faas/dayfly"
)

// Algorithm names one of S3's checksums.
type Algorithm string

// The algorithms.
const (
	CRC32     Algorithm = "CRC32"
	CRC32C    Algorithm = "CRC32C"
	CRC64NVME Algorithm = "CRC64NVME"
	SHA1      Algorithm = "SHA1"
	SHA256    Algorithm = "SHA256"
)

// Coverage says what a checksum of a multipart object covers.
type Coverage string

// The types.
const (
	FullObject Coverage = "FULL_OBJECT" // all bytes
	Composite  Coverage = "COMPOSITE"   // the checksums of the parts, "-N" after it
)

// Checksum of an object or part. Without an algorithm there is none.
type Checksum struct {
	Algorithm Algorithm `json:"algorithm,omitempty"`
	Type      Coverage  `json:"type,omitempty"`
	Value     string    `json:"value,omitempty"` // base64, as in S3's headers
}

// Polynomials, reversed as package hash has them.
const (
	polyCRC32  = uint64(crc32.IEEE)
	polyCRC32C = uint64(crc32.Castagnoli)
	polyNVME   = uint64(0x9a6c9329ac4bc9b5)
)

// hasher gives the algorithm's hash; nil for the empty one.
func (a Algorithm) hasher() (hash.Hash, error) {
	switch a {
	case "":
		return nil, nil
	case CRC32:
		return crc32.NewIEEE(), nil
	case CRC32C:
		return crc32.New(crc32.MakeTable(crc32.Castagnoli)), nil
	case CRC64NVME:
		return crc64.New(crc64.MakeTable(polyNVME)), nil
	case SHA1:
		return sha1.New(), nil
	case SHA256:
		return sha256.New(), nil
	}
	return nil, dayfly.Errorf(dayfly.KindInvalid, "there is no checksum algorithm %q", a)
}

// polynomial gives the reversed polynomial of a CRC and its width in bits, which is 0
// for what is none.
func (a Algorithm) polynomial() (poly uint64, bits int) {
	switch a {
	case CRC32:
		return polyCRC32, 32
	case CRC32C:
		return polyCRC32C, 32
	case CRC64NVME:
		return polyNVME, 64
	}
	return 0, 0
}

func encodeSum(h hash.Hash) string { return base64.StdEncoding.EncodeToString(h.Sum(nil)) }

// appendCRC gives the CRC of two pieces joined from theirs and the length of the second:
// the first is moved by that many zero bytes, as multiplication by x^(8n) modulo the
// polynomial.
func appendCRC(a Algorithm, first, second uint64, secondBytes int64) uint64 {
	poly, bits := a.polynomial()
	shift := powerOfX(uint64(secondBytes)*8, poly, bits)
	return multiply(first, shift, poly, bits) ^ second
}

// multiply gives the product of two reversed polynomials modulo poly.
func multiply(a, b, poly uint64, bits int) uint64 {
	var product uint64
	for mask := uint64(1) << (bits - 1); mask != 0; mask >>= 1 {
		if a&mask != 0 {
			product ^= b
		}
		carry := b & 1
		b >>= 1
		if carry != 0 {
			b ^= poly
		}
	}
	return product
}

// powerOfX gives x^n modulo poly, reversed.
func powerOfX(n, poly uint64, bits int) uint64 {
	power := uint64(1) << (bits - 1) // x^0
	for square := uint64(1) << (bits - 2); n != 0; n >>= 1 {
		if n&1 != 0 {
			power = multiply(power, square, poly, bits)
		}
		square = multiply(square, square, poly, bits)
	}
	return power
}

func decodeCRC(value string) (uint64, bool) {
	raw, err := base64.StdEncoding.DecodeString(value)
	switch {
	case err != nil:
		return 0, false
	case len(raw) == 4:
		return uint64(binary.BigEndian.Uint32(raw)), true
	case len(raw) == 8:
		return binary.BigEndian.Uint64(raw), true
	}
	return 0, false
}

func encodeCRC(crc uint64, bits int) string {
	raw := binary.BigEndian.AppendUint64(nil, crc)
	return base64.StdEncoding.EncodeToString(raw[8-bits/8:])
}

// ForParts reports a checksum that an object in parts cannot have, and fills in its type.
func (c Checksum) ForParts() (Checksum, error) {
	if _, err := c.Algorithm.hasher(); err != nil {
		return Checksum{}, err
	}
	_, bits := c.Algorithm.polynomial()
	if c.Type == "" && c.Algorithm != "" {
		c.Type = Composite
		if c.Algorithm == CRC64NVME {
			c.Type = FullObject
		}
	}
	switch {
	case c.Algorithm == "":
		return Checksum{}, nil
	case c.Type == FullObject && bits == 0, c.Type == Composite && c.Algorithm == CRC64NVME,
		c.Type != FullObject && c.Type != Composite:
		return Checksum{}, dayfly.Errorf(dayfly.KindInvalid, "there is no checksum %s of type %s for parts",
			c.Algorithm, c.Type)
	}
	return Checksum{Algorithm: c.Algorithm, Type: c.Type}, nil
}

// Join gives the checksum of an object from those of its parts.
func (c Checksum) Join(segments []Segment) (Checksum, error) {
	if c.Algorithm == "" {
		return Checksum{}, nil
	}
	if c.Type == Composite {
		h, err := c.Algorithm.hasher()
		if err != nil {
			return Checksum{}, err
		}
		for _, s := range segments {
			raw, _ := base64.StdEncoding.DecodeString(s.Sum) // our own writing
			_, _ = h.Write(raw)                              // it never fails
		}
		c.Value = encodeSum(h) + "-" + strconv.Itoa(len(segments))
		return c, nil
	}
	_, bits := c.Algorithm.polynomial()
	var whole uint64
	for _, s := range segments {
		crc, ok := decodeCRC(s.Sum)
		if !ok {
			return Checksum{}, dayfly.Errorf(dayfly.KindInvalid, "%w: part %d has no %s", ErrNoSum,
				s.Number, c.Algorithm)
		}
		whole = appendCRC(c.Algorithm, whole, crc, s.Size)
	}
	c.Value = encodeCRC(whole, bits)
	return c, nil
}
