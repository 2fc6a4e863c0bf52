// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha256" // SHA-256
	_ "crypto/sha512" // SHA-384, SHA-512
	"errors"
	"math/big"
	"slices"
)

// Key is a public key of an issuer.
type Key struct {
	id     string
	serves []string // algorithms
	public crypto.PublicKey
}

// ErrSignature is the error of a signature that the key did not make.
var ErrSignature = errors.New("the signature is wrong")

// Serves reports whether the key signs with that algorithm. The key decides, not a token: one
// key of RSA never verifies what says that it was signed by a shared secret.
func (k *Key) Serves(algorithm string) bool { return slices.Contains(k.serves, algorithm) }

// Verify checks a signature that k made with that algorithm, which it must serve.
func (k *Key) Verify(algorithm string, signed, signature []byte) error {
	if !k.Serves(algorithm) {
		return ErrSignature
	}
	var good bool
	hash := hashOf(algorithm)
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		if algorithm[0] == 'P' {
			options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			good = rsa.VerifyPSS(public, hash, digest(hash, signed), signature, options) == nil
		} else {
			good = rsa.VerifyPKCS1v15(public, hash, digest(hash, signed), signature) == nil
		}
	case *ecdsa.PublicKey:
		size := (public.Curve.Params().BitSize + 7) / 8
		if len(signature) != 2*size {
			return ErrSignature
		}
		r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
		good = ecdsa.Verify(public, digest(hash, signed), r, s)
	case ed25519.PublicKey:
		good = ed25519.Verify(public, signed, signature)
	}
	if !good {
		return ErrSignature
	}
	return nil
}

func hashOf(algorithm string) crypto.Hash {
	switch algorithm[len(algorithm)-3:] {
	case "384":
		return crypto.SHA384
	case "512":
		return crypto.SHA512
	}
	return crypto.SHA256
}

func digest(hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}
