// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

const (
	// keysMax bounds the keys of a set; issuers have two or three, the largest a dozen.
	keysMax = 64
	// rsaBitsMin and rsaBitsMax: shorter ones are broken, longer ones cost whoever verifies.
	rsaBitsMin, rsaBitsMax = 2048, 8192
	// guessesMax is how many keys are tried for a token that names none.
	guessesMax = 4
)

// Keys are the keys of an issuer at one time. They do not change; an issuer whose keys changed
// has other Keys.
type Keys struct {
	all    []*Key
	digest [sha256.Size]byte // of all that counts
}

// Find gives the keys that may have signed a token whose header has that kid, which may be
// empty, and that algorithm.
func (k *Keys) Find(kid, algorithm string) []*Key {
	var found []*Key
	for _, key := range k.all {
		if (kid == "" || key.id == kid) && key.Serves(algorithm) && len(found) < guessesMax {
			found = append(found, key)
		}
	}
	return found
}

// jwk is a key as JSON (RFC 7517).
type jwk struct {
	Type       string   `json:"kty"`
	ID         string   `json:"kid"`
	Use        string   `json:"use"`
	Operations []string `json:"key_ops"`
	Algorithm  string   `json:"alg"`
	Curve      string   `json:"crv"`
	N          string   `json:"n"`
	E          string   `json:"e"`
	X          string   `json:"x"`
	Y          string   `json:"y"`
}

// parseKeys reads a set. Keys that are no use here, for encryption, symmetric, weak or of an
// unknown kind, are left out.
func parseKeys(data []byte) (*Keys, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("read a set of keys: %w", err)
	}
	if len(set.Keys) > keysMax {
		return nil, fmt.Errorf("there are %d keys, at most %d are read", len(set.Keys), keysMax)
	}
	keys := &Keys{}
	digest := sha256.New()
	var last error
	for _, raw := range set.Keys {
		var j jwk
		if err := json.Unmarshal(raw, &j); err != nil {
			last = err
			continue
		}
		key, err := j.key()
		if err != nil {
			last = err
			continue
		}
		keys.all = append(keys.all, key)
		fmt.Fprintf(digest, "%q\n", []string{j.ID, j.Algorithm, j.Type, j.Curve, j.N, j.E, j.X, j.Y})
	}
	if len(keys.all) == 0 {
		return nil, fmt.Errorf("of %d keys none verifies tokens (%v)", len(set.Keys), last)
	}
	digest.Sum(keys.digest[:0])
	return keys, nil
}

// key gives the key that j describes.
func (j *jwk) key() (*Key, error) {
	if j.Use != "" && j.Use != "sig" || len(j.Operations) > 0 && !slices.Contains(j.Operations, "verify") {
		return nil, errors.New("a key is not for signatures")
	}
	key := &Key{id: j.ID}
	var err error
	switch {
	case j.Type == "RSA":
		key.public, err = j.rsa()
		key.serves = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	case j.Type == "EC" && j.Curve == "P-256":
		key.public, err = j.ecdsa(elliptic.P256())
		key.serves = []string{"ES256"}
	case j.Type == "EC" && j.Curve == "P-384":
		key.public, err = j.ecdsa(elliptic.P384())
		key.serves = []string{"ES384"}
	case j.Type == "EC" && j.Curve == "P-521":
		key.public, err = j.ecdsa(elliptic.P521())
		key.serves = []string{"ES512"}
	case j.Type == "OKP" && j.Curve == "Ed25519":
		key.public, err = j.ed25519()
		key.serves = []string{"EdDSA"}
	default:
		return nil, fmt.Errorf("a key of kind %.20q %.20q is not understood", j.Type, j.Curve)
	}
	if err != nil {
		return nil, err
	}
	// RFC 9864 calls EdDSA with this curve Ed25519.
	if j.Algorithm != "" && !(j.Algorithm == "Ed25519" && j.Curve == "Ed25519") {
		if !slices.Contains(key.serves, j.Algorithm) {
			return nil, fmt.Errorf("a key of kind %s is not for %.20q", j.Type, j.Algorithm)
		}
		key.serves = []string{j.Algorithm}
	}
	return key, nil
}

func (j *jwk) rsa() (*rsa.PublicKey, error) {
	n, errN := base64.RawURLEncoding.DecodeString(j.N)
	e, errE := base64.RawURLEncoding.DecodeString(j.E)
	if err := errors.Join(errN, errE); err != nil {
		return nil, fmt.Errorf("read an RSA key: %w", err)
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	bits := modulus.BitLen()
	if bits < rsaBitsMin || bits > rsaBitsMax {
		return nil, fmt.Errorf("an RSA key has %d bits, must have %d to %d", bits, rsaBitsMin, rsaBitsMax)
	}
	if exponent.BitLen() > 31 || exponent.Int64() < 3 || exponent.Bit(0) == 0 {
		return nil, errors.New("an RSA key has an exponent that nobody uses")
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, nil
}

func (j *jwk) ecdsa(curve elliptic.Curve) (*ecdsa.PublicKey, error) {
	size := (curve.Params().BitSize + 7) / 8
	point := make([]byte, 1+2*size)
	point[0] = 4 // uncompressed
	for i, text := range []string{j.X, j.Y} {
		c, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil || len(c) > size {
			return nil, errors.New("an elliptic key has no coordinates")
		}
		copy(point[1+(i+1)*size-len(c):], c)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, fmt.Errorf("read an elliptic key: %w", err)
	}
	return key, nil
}

func (j *jwk) ed25519() (ed25519.PublicKey, error) {
	x, err := base64.RawURLEncoding.DecodeString(j.X)
	if err != nil || len(x) != ed25519.PublicKeySize {
		return nil, errors.New("an Ed25519 key has the wrong size")
	}
	return ed25519.PublicKey(x), nil
}
