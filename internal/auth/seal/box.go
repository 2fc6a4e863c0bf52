// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
)

// format is the first byte of what is sealed: the version of its form.
const format = 1

// headBytes is the form and the identity of the secret.
const headBytes = 1 + 4

// ErrSealed is the error of what a box cannot open, for whatever reason.
var ErrSealed = errors.New("it was not sealed here, or not for this")

// Box seals for one purpose. It may be used from any goroutine.
type Box struct {
	secrets *Secrets
	purpose string

	mu   sync.Mutex // guards keys
	keys map[uint32]cipher.AEAD
}

// Box gives the box for that purpose. Two purposes never share a key.
func (s *Secrets) Box(purpose string) *Box {
	return &Box{secrets: s, purpose: purpose, keys: map[uint32]cipher.AEAD{}}
}

// Seal encrypts plain, which is about something: a text that Open must be given, too.
func (b *Box) Seal(plain []byte, about string) []byte {
	from := b.secrets.last()
	head := make([]byte, headBytes, headBytes+len(plain)+64)
	head[0] = format
	binary.BigEndian.PutUint32(head[1:], from.ID)
	return b.key(from).Seal(head, nil, plain, associated(head, about))
}

// Open decrypts what Seal gave. The error is ErrSealed.
func (b *Box) Open(sealed []byte, about string) ([]byte, error) {
	if len(sealed) < headBytes || sealed[0] != format {
		return nil, ErrSealed
	}
	head := sealed[:headBytes]
	from, known := b.secrets.find(binary.BigEndian.Uint32(head[1:]))
	if !known {
		return nil, ErrSealed
	}
	plain, err := b.key(from).Open(nil, nil, sealed[headBytes:], associated(head, about))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

func associated(head []byte, about string) []byte {
	return append(head[:len(head):len(head)], about...)
}

// key gives the key of a secret for the purpose of b. There are three secrets at most at a
// time, and a box lives no longer than what a front says.
func (b *Box) key(from secret) cipher.AEAD {
	b.mu.Lock()
	defer b.mu.Unlock()
	if key := b.keys[from.ID]; key != nil {
		return key
	}
	derived, err := hkdf.Key(sha256.New, from.Bytes, nil, b.purpose, 32)
	if err != nil {
		panic(fmt.Sprintf("bug: derive a key: %v", err))
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		panic(fmt.Sprintf("bug: make a cipher: %v", err))
	}
	key, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(fmt.Sprintf("bug: make a cipher: %v", err))
	}
	b.keys[from.ID] = key
	return key
}
