// SPDX-License-Identifier: Apache-2.0

package blob

// ChecksumAlgorithm names one of S3's checksums.
type ChecksumAlgorithm string

// The algorithms.
const (
	CRC32     ChecksumAlgorithm = "CRC32"
	CRC32C    ChecksumAlgorithm = "CRC32C"
	CRC64NVME ChecksumAlgorithm = "CRC64NVME"
	SHA1      ChecksumAlgorithm = "SHA1"
	SHA256    ChecksumAlgorithm = "SHA256"
)

// ChecksumType says what a checksum of a multipart object covers.
type ChecksumType string

// The types.
const (
	FullObject ChecksumType = "FULL_OBJECT" // all bytes
	Composite  ChecksumType = "COMPOSITE"   // the checksums of the parts, "-N" after it
)

// Checksum of an object or part. Without an algorithm there is none.
type Checksum struct {
	Algorithm ChecksumAlgorithm `json:"algorithm,omitempty"`
	Type      ChecksumType      `json:"type,omitempty"`
	Value     string            `json:"value,omitempty"` // base64, as in S3's headers
}
