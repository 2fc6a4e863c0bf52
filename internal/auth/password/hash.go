// SPDX-License-Identifier: Apache-2.0

package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/dayfly-faas/dayfly"
)

// Bounds of hashes: one takes at most about a second and 64 MiB.
const (
	bcryptCostMax        = 14
	argonMemoryMax       = 64 << 10 // KiB
	argonMemoryMin       = 8        // KiB a lane, by RFC 9106
	argonTimeMax         = 10
	argonWorkMax         = 192 << 10 // KiB of memory, filled again and again: RFC 9106's second choice
	argonLanesMax        = 16
	saltMin, saltMax     = 8, 64
	digestMin, digestMax = 16, 64
	hashBytesMax         = 256
	bcryptBytesMax       = 72   // of a password: bcrypt does not look at more
	PasswordBytesMax     = 1024 // of one that is looked at
	passwordBytesMin     = 8    // of one that is made into a hash here
	bcryptCostDefault    = 10
)

// Algorithm is a way of hashing.
type Algorithm string

// The algorithms.
const (
	Argon2id Algorithm = "argon2id"
	Bcrypt   Algorithm = "bcrypt"
)

// Hash is a password hash.
type Hash struct {
	text   string
	lanes  uint8
	memory uint32 // KiB
	time   uint32
	salt   []byte
	digest []byte // nil for bcrypt
}

// Parse reads a hash of bcrypt or argon2id.
func Parse(text string) (*Hash, error) {
	switch {
	case len(text) > hashBytesMax:
		return nil, fmt.Errorf("the hash has %d bytes, at most %d are possible", len(text), hashBytesMax)
	case strings.HasPrefix(text, "$argon2id$"):
		return parseArgon(text)
	case strings.HasPrefix(text, "$2"):
		return parseBcrypt(text)
	}
	return nil, errors.New("it is no hash of bcrypt or argon2id: dayfly key hash makes one")
}

func parseBcrypt(text string) (*Hash, error) {
	cost, err := bcrypt.Cost([]byte(text))
	if err != nil || len(text) != 60 {
		return nil, errors.New("the hash is not one of bcrypt")
	}
	if cost > bcryptCostMax {
		return nil, fmt.Errorf("the hash has cost %d, at most %d is possible: each sign-in would take longer than a second",
			cost, bcryptCostMax)
	}
	return &Hash{text: text}, nil
}

// parseArgon reads $argon2id$v=19$m=65536,t=3,p=4$SALT$DIGEST.
func parseArgon(text string) (*Hash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[2] != "v=19" {
		return nil, errors.New("the hash is not one of argon2id, version 19")
	}
	h := &Hash{text: text}
	settings := strings.Split(parts[3], ",")
	if len(settings) != 3 {
		return nil, errors.New("the hash does not say m, t and p")
	}
	var numbers [3]uint64
	for i, name := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(settings[i], name)
		n, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil {
			return nil, errors.New("the hash does not say m, t and p")
		}
		numbers[i] = n
	}
	if err := checkArgon(numbers[0], numbers[1], numbers[2]); err != nil {
		return nil, err
	}
	h.memory, h.time, h.lanes = uint32(numbers[0]), uint32(numbers[1]), uint8(numbers[2])
	var saltErr, digestErr error
	h.salt, saltErr = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	h.digest, digestErr = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if saltErr != nil || digestErr != nil || len(h.salt) < saltMin || len(h.salt) > saltMax ||
		len(h.digest) < digestMin || len(h.digest) > digestMax {
		return nil, errors.New("the salt or the digest of the hash cannot be read, or has an odd length")
	}
	return h, nil
}

func checkArgon(memory, time, lanes uint64) error {
	if lanes < 1 || lanes > argonLanesMax || memory < argonMemoryMin*lanes || time < 1 {
		return errors.New("the hash has settings that argon2id does not have")
	}
	if memory > argonMemoryMax || time > argonTimeMax || memory*time > argonWorkMax {
		return fmt.Errorf("the hash takes %d KiB, %d times: at most %d KiB and %d KiB in all are possible",
			memory, time, argonMemoryMax, argonWorkMax)
	}
	return nil
}

// matches hashes the password, which takes long.
func (h *Hash) matches(password string) bool {
	if h.digest == nil {
		return len(password) <= bcryptBytesMax && bcrypt.CompareHashAndPassword([]byte(h.text), []byte(password)) == nil
	}
	sum := argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.lanes, uint32(len(h.digest)))
	return subtle.ConstantTimeCompare(sum, h.digest) == 1
}

// Make makes the hash of a password: 19 MiB and two passes of argon2id, as OWASP has it, or
// bcrypt for those who share it with other programs.
func Make(password string, a Algorithm) (string, error) {
	if len(password) < passwordBytesMin || len(password) > PasswordBytesMax {
		return "", dayfly.Errorf(dayfly.KindInvalid, "the password has %d bytes, want %d to %d",
			len(password), passwordBytesMin, PasswordBytesMax)
	}
	switch a {
	case Argon2id:
		const memory, time, lanes = 19 << 10, 2, 1
		salt := make([]byte, 16)
		_, _ = rand.Read(salt) // never fails: crypto/rand aborts the program instead
		sum := argon2.IDKey([]byte(password), salt, time, memory, lanes, 32)
		encode := base64.RawStdEncoding.EncodeToString
		return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", memory, time, lanes, encode(salt), encode(sum)), nil
	case Bcrypt:
		if len(password) > bcryptBytesMax {
			return "", dayfly.Errorf(dayfly.KindInvalid, "the password has %d bytes, and bcrypt looks at %d",
				len(password), bcryptBytesMax).WithHint("argon2id takes longer ones")
		}
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcryptCostDefault)
		return string(hash), err
	}
	return "", dayfly.Errorf(dayfly.KindInvalid, "the algorithm %.40q is neither argon2id nor bcrypt", a)
}
