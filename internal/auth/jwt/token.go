// SPDX-License-Identifier: Apache-2.0

package jwt

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
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
	header, err := decodeObject(data)
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
func Decode(data []byte) (map[string]any, error) { return decodeObject(data) }

func decodeObject(data []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	first, err := d.Token()
	if err != nil || first != json.Delim('{') {
		return nil, errors.New("it is no JSON object")
	}
	object, err := decodeMembers(d, 1)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more follows the JSON object")
	}
	return object, nil
}

// decodeMembers reads an object whose brace has been read.
func decodeMembers(d *json.Decoder, depth int) (map[string]any, error) {
	object := map[string]any{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, errors.New("it is no JSON")
		}
		name, _ := key.(string) // the decoder lets nothing else through
		if _, twice := object[name]; twice {
			return nil, fmt.Errorf("%.40q is there twice", name)
		}
		if object[name], err = decodeValue(d, depth); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	if err != nil {
		return nil, errors.New("it is no JSON")
	}
	return object, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, errors.New("it is no JSON")
	}
	if number, is := t.(json.Number); is {
		return decodeNumber(number)
	}
	if _, opens := t.(json.Delim); !opens {
		return t, nil
	}
	if depth++; depth > depthMax {
		return nil, fmt.Errorf("it is nested deeper than %d", depthMax)
	}
	if t == json.Delim('{') {
		return decodeMembers(d, depth)
	}
	list := []any{}
	for d.More() {
		value, err := decodeValue(d, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("it is no JSON")
	}
	return list, nil
}

func decodeNumber(number json.Number) (any, error) {
	if whole, err := strconv.ParseInt(number.String(), 10, 64); err == nil {
		return whole, nil
	}
	f, err := number.Float64()
	if err != nil {
		return nil, fmt.Errorf("the number %.40s is too large", number)
	}
	return f, nil
}
