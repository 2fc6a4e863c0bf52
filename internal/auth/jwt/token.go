// SPDX-License-Identifier: Apache-2.0

package jwt

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/ijson"
)

const (
	// tokenBytesMax bounds a token. Those of large directories, with groups, have 8 KiB.
	tokenBytesMax = 16 << 10
	// headerBytesMax bounds a token's header: an algorithm, a key's name, and little else.
	headerBytesMax = 2 << 10
	// depthMax bounds how deep claims nest.
	depthMax = 32
)

// token is a token that has been read, and not been verified.
type token struct {
	algorithm string
	kid       string
	signed    []byte // what the signature is of
	signature []byte
	payload   []byte
}

// refuse makes the error for a bad token.
func refuse(format string, args ...any) error {
	return dayfly.Errorf(dayfly.KindUnauthenticated, format, args...)
}

// parse reads the compact form of a token (RFC 7515, section 7.1).
func parse(text string) (*token, error) {
	if len(text) > tokenBytesMax {
		return nil, refuse("the token has %d bytes, at most %d are read", len(text), tokenBytesMax)
	}
	parts := strings.SplitN(text, ".", 6)
	if len(parts) == 5 {
		return nil, refuse("the token is encrypted, which is not understood here")
	}
	if len(parts) != 3 || len(parts[0]) > headerBytesMax {
		return nil, refuse("the token is not a JSON Web Token")
	}
	decoded := make([][]byte, 3)
	for i, part := range parts {
		var err error
		if decoded[i], err = decodePart(part); err != nil {
			return nil, refuse("the token is not a JSON Web Token")
		}
	}
	t := &token{
		signed:  []byte(text[:len(parts[0])+1+len(parts[1])]),
		payload: decoded[1], signature: decoded[2],
	}
	if err := t.readHeader(decoded[0]); err != nil {
		return nil, refuse("the token's header is refused: %w", err)
	}
	return t, nil
}

// decodePart decodes base64url, in its one form: without padding, line breaks and stray bits.
func decodePart(part string) ([]byte, error) {
	if strings.ContainsAny(part, "\r\n") {
		return nil, errors.New("line breaks")
	}
	return base64.RawURLEncoding.Strict().DecodeString(part)
}

// readHeader reads what a header says. Keys that it brings along are not looked at.
func (t *token) readHeader(data []byte) error {
	header, err := Decode(data)
	if err != nil {
		return err
	}
	t.algorithm, _ = header["alg"].(string)
	kid, named := header["kid"]
	t.kid, _ = kid.(string)
	kind, typed := header["typ"].(string)
	if _, has := header["typ"]; has && !typed {
		return errors.New("typ is not text")
	}
	_, critical := header["crit"]
	_, encoding := header["b64"]
	switch {
	case t.algorithm == "":
		return errors.New("it names no algorithm")
	case named && t.kid == "":
		return errors.New("kid is not text")
	case critical || encoding:
		return errors.New("it asks for an extension that is not understood")
	}
	switch strings.TrimPrefix(strings.ToLower(kind), "application/") {
	case "", "jwt", "at+jwt":
		return nil
	}
	return fmt.Errorf("a token of type %.40q is for something else", kind)
}

// Decode reads claims: an object, in which whole numbers that fit are int64 and others
// float64. Names that come twice are refused, because two readers may not agree on them.
func Decode(data []byte) (map[string]any, error) {
	value, _, err := ijson.Decode(data)
	if err != nil {
		return nil, err
	}
	object, is := value.(map[string]any)
	if !is {
		return nil, errors.New("it is no JSON object")
	}
	if _, err := plain(object, 0); err != nil {
		return nil, err
	}
	return object, nil
}

// plain makes numbers that are no int64 float64, and bounds how deep a value nests.
func plain(value any, depth int) (any, error) {
	var err error
	switch v := value.(type) {
	case map[string]any:
		if depth++; depth > depthMax {
			return nil, errDepth
		}
		for name, one := range v {
			switch one.(type) { // the others are what they are to be
			case json.Number, map[string]any, []any:
				if v[name], err = plain(one, depth); err != nil {
					return nil, err
				}
			}
		}
	case []any:
		if depth++; depth > depthMax {
			return nil, errDepth
		}
		for i := range v {
			if v[i], err = plain(v[i], depth); err != nil {
				return nil, err
			}
		}
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return nil, fmt.Errorf("the number %.40s is too large", v)
		}
		return f, nil
	}
	return value, nil
}

var errDepth = fmt.Errorf("it is nested deeper than %d", depthMax)
