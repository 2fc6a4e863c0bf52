// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/s3api/middlewares"
	"github.com/versity/versitygw/s3err"

	"github.com/dayfly-faas/dayfly/internal/blob"
)

// sums are the checksums of a request or an answer, each in its place.
type sums struct {
	crc32, crc32c, crc64, sha1, sha256 *string
	kind                               types.ChecksumType
}

// shown puts a checksum in its place.
func shown(c blob.Checksum) sums {
	s := sums{kind: types.ChecksumType(c.Type)}
	if c.Value == "" {
		return sums{}
	}
	switch c.Algorithm {
	case blob.CRC32:
		s.crc32 = &c.Value
	case blob.CRC32C:
		s.crc32c = &c.Value
	case blob.CRC64NVME:
		s.crc64 = &c.Value
	case blob.SHA1:
		s.sha1 = &c.Value
	case blob.SHA256:
		s.sha256 = &c.Value
	}
	return s
}

// asked gives the checksum that a writer wants: computed, and compared when a header
// says what it must be. One that follows the body (a trailer) is compared by its reader.
func asked(algorithm types.ChecksumAlgorithm, given sums, data io.Reader) (blob.Checksum, error) {
	if r, ok := data.(middlewares.ChecksumReader); ok && r.Algorithm() != "" {
		algorithm = types.ChecksumAlgorithm(strings.ToUpper(r.Algorithm()))
	}
	for name, value := range map[blob.ChecksumAlgorithm]*string{blob.CRC32: given.crc32, blob.CRC32C: given.crc32c,
		blob.CRC64NVME: given.crc64, blob.SHA1: given.sha1, blob.SHA256: given.sha256} {
		if value != nil && *value != "" {
			return blob.Checksum{Algorithm: name, Value: *value}, nil
		}
	}
	known, err := knownAlgorithm(algorithm)
	return blob.Checksum{Algorithm: known}, err
}

// knownAlgorithm refuses those of S3's newer checksums that blob does not compute.
func knownAlgorithm(a types.ChecksumAlgorithm) (blob.ChecksumAlgorithm, error) {
	switch known := blob.ChecksumAlgorithm(a); known {
	case "", blob.CRC32, blob.CRC32C, blob.CRC64NVME, blob.SHA1, blob.SHA256:
		return known, nil
	}
	return "", s3err.GetNotImplementedErr("x-amz-checksum-"+strings.ToLower(string(a)), "")
}

// digestFault names the algorithm of a checksum that did not match.
func digestFault(algorithm blob.ChecksumAlgorithm) error {
	return s3err.GetChecksumBadDigestErr(types.ChecksumAlgorithm(algorithm))
}
