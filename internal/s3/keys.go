// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

const (
	// keyPrefix begins the identity of every key, so that one recognises them in files
	// and logs. It is none of those that AWS gives a meaning.
	keyPrefix = "DAYFLY"
	// secretBytes is the length of the node's secret: that of SHA-256, more adds nothing.
	secretBytes = 32
	// keyBytesMax bounds the identity of a key: AWS allows 128 characters, and a project's
	// name of 63 takes 107.
	keyBytesMax = 128
	// secretChars is how long AWS' own secrets are; some clients look at it.
	secretChars = 40
)

// projectEncoding writes a project's name with characters that AWS allows in keys.
var projectEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// Keys derives the access key of each project from one secret.
type Keys struct {
	secret [secretBytes]byte
}

// OpenKeys reads the node's secret from a file, which it makes when there is none.
func OpenKeys(file string) (*Keys, error) {
	k := &Keys{}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = makeSecret(file)
	}
	if err != nil {
		return nil, fmt.Errorf("open secret of S3 keys: %w", err)
	}
	if len(data) != secretBytes {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s has %d bytes, not %d", file, len(data), secretBytes).
			WithHint("remove it to get a new secret; every S3 key changes then")
	}
	copy(k.secret[:], data)
	return k, nil
}

// makeSecret writes a new secret, whole or not at all.
func makeSecret(file string) ([]byte, error) {
	data := make([]byte, secretBytes)
	_, _ = rand.Read(data)                                   // never fails: crypto/rand aborts the program instead
	f, err := os.CreateTemp(filepath.Dir(file), ".secret-*") // of mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	return data, os.Rename(f.Name(), file)
}

// Credentials gives the access key of a project: its identity and its secret.
func (k *Keys) Credentials(project dayfly.ProjectName) (id, secret string) {
	id = keyPrefix + projectEncoding.EncodeToString([]byte(project))
	mac := hmac.New(sha256.New, k.secret[:])
	mac.Write([]byte("s3 key of project\x00" + string(project)))
	return id, base64.RawURLEncoding.EncodeToString(mac.Sum(nil))[:secretChars]
}

// Project tells which project an access key is of, when it could be one of ours. That it
// is used rightly only its signature tells.
func (k *Keys) Project(id string) (dayfly.ProjectName, bool) {
	encoded, ours := strings.CutPrefix(id, keyPrefix)
	if !ours || len(id) > keyBytesMax {
		return "", false
	}
	name, err := projectEncoding.DecodeString(encoded)
	if err != nil || dayfly.ValidateName("project", string(name)) != nil {
		return "", false
	}
	project := dayfly.ProjectName(name)
	if canonical, _ := k.Credentials(project); canonical != id {
		return "", false // base32 has spare bits: one name, one key
	}
	return project, true
}
