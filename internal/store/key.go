// SPDX-License-Identifier: Apache-2.0

package store

import (
	"encoding/hex"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// keyBytesMax bounds a key. Names of the platform have at most 63 bytes; eight of
// them fit.
const keyBytesMax = 512

const upperHex = "0123456789ABCDEF"

// encodeKey turns a path into a subject: its segments become tokens, and every byte that
// is no ASCII letter, digit, dash or underscore becomes "=XX".
func encodeKey(key string) (string, error) {
	if key == "" {
		return "", dayfly.Errorf(dayfly.KindInvalid, "record key is empty")
	}
	if len(key) > keyBytesMax {
		return "", dayfly.Errorf(dayfly.KindInvalid,
			"record key is %d bytes long, at most %d are allowed", len(key), keyBytesMax)
	}
	var b strings.Builder
	b.Grow(len(key))
	for i := range len(key) {
		switch c := key[i]; {
		case c == '/' && (i == 0 || i == len(key)-1 || key[i-1] == '/'):
			return "", dayfly.Errorf(dayfly.KindInvalid, "record key %q has an empty segment", key)
		case c == '/':
			b.WriteByte('.')
		case plain(c):
			b.WriteByte(c)
		default:
			b.Write([]byte{'=', upperHex[c>>4], upperHex[c&15]})
		}
	}
	return b.String(), nil
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '_'
}

// decodeKey is the inverse of encodeKey. What encodeKey never gives comes back as it is.
func decodeKey(subject string) string {
	key := strings.ReplaceAll(subject, ".", "/")
	if !strings.Contains(key, "=") {
		return key
	}
	var b strings.Builder
	for i := 0; i < len(key); i++ {
		if key[i] == '=' && i+2 < len(key) {
			if c, err := hex.DecodeString(key[i+1 : i+3]); err == nil {
				b.Write(c)
				i += 2
				continue
			}
		}
		b.WriteByte(key[i])
	}
	return b.String()
}

// encodePrefix gives the subject pattern of all keys below prefix; "" is all keys.
func encodePrefix(prefix string) (string, error) {
	prefix = strings.TrimSuffix(prefix, "/")
	if prefix == "" {
		return ">", nil
	}
	subject, err := encodeKey(prefix)
	if err != nil {
		return "", err
	}
	return subject + ".>", nil
}
