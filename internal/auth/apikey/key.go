// SPDX-License-Identifier: Apache-2.0

package apikey

import (
	"crypto/rand"
	"encoding/base32"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// Bounds of keys.
const (
	keysMax       = 10_000 // of a project: more are users, and those have an identity provider
	scopesMax     = 64
	scopeBytesMax = 128
	labelsMax     = 16
	labelNameMax  = 63  // bytes
	labelBytesMax = 256 // a label travels with each request that its key makes
	secretsMax    = 4   // valid at once: rotations that overlap
	graceMax      = 90 * 24 * time.Hour
	lifeMax       = 10 * 365 * 24 * time.Hour
	lifeMin       = time.Second
)

// Prefix begins the text of every key, so that people and scanners of leaks know one.
const Prefix = "dfk_"

const (
	idBytes     = 16 // a digit and 75 random bits
	secretBytes = 52 // 260 random bits
	textBytes   = len(Prefix) + idBytes + 1 + secretBytes
)

// ID identifies a key through its rotations. It begins with a digit, as no name does.
type ID string

// Key is what is known of an API key. It is not changed: a change makes another.
type Key struct {
	ID      ID                 `json:"id"`
	Project dayfly.ProjectName `json:"project"`
	Name    string             `json:"name"`
	Scopes  []string           `json:"scopes"`
	Labels  map[string]string  `json:"labels"`
	Created time.Time          `json:"created"`
	Expires time.Time          `json:"expires,omitzero"` // never when zero
	// Secrets are those that are valid, the newest last.
	Secrets []Secret `json:"secrets"`
}

// Secret is what is told of a secret of a key.
type Secret struct {
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"` // with its key when zero
	Used    time.Time `json:"used,omitzero"`    // to the second; never when zero
}

// Spec says what a key is to be.
type Spec struct {
	Name    string
	Scopes  []string
	Labels  map[string]string
	Expires time.Time // never when zero
}

var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// newText makes the text of a key with that identity.
func newText(id ID) string {
	var raw [(secretBytes*5 + 7) / 8]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand aborts the program instead
	return Prefix + string(id) + "_" + letters.EncodeToString(raw[:])[:secretBytes]
}

func newID() ID {
	var raw [idBytes * 5 / 8]byte
	_, _ = rand.Read(raw[:])
	text := []byte(letters.EncodeToString(raw[:]))
	text[0] = '2' + text[0]%6
	return ID(text)
}

// idOf gives the identity in the text of a key. What it says of texts that are none can be
// told: it looks at their form alone.
func idOf(text string) (ID, bool) {
	if len(text) != textBytes || !strings.HasPrefix(text, Prefix) || text[len(Prefix)+idBytes] != '_' {
		return "", false
	}
	return ID(text[len(Prefix) : len(Prefix)+idBytes]), true
}

// check reports what is wrong with a new key.
func (s Spec) check(now time.Time) error {
	if err := dayfly.ValidateName("key", s.Name); err != nil {
		return err
	}
	if len(s.Scopes) > scopesMax || len(s.Labels) > labelsMax {
		return dayfly.Errorf(dayfly.KindInvalid, "a key has at most %d scopes and %d labels", scopesMax, labelsMax)
	}
	for i, scope := range s.Scopes {
		if !isScope(scope) || slices.Contains(s.Scopes[:i], scope) {
			return dayfly.Errorf(dayfly.KindInvalid, "scope %.80q is not valid, or there twice: "+
				"use up to %d printable characters without spaces, quotes and backslashes", scope, scopeBytesMax)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Labels)) {
		if err := checkLabel(name, s.Labels[name]); err != nil {
			return err
		}
	}
	if life := s.Expires.Sub(now); !s.Expires.IsZero() && (life < lifeMin || life > lifeMax) {
		return dayfly.Errorf(dayfly.KindInvalid, "the key would expire at %s: use a time within ten years from now",
			s.Expires.UTC().Format(time.RFC3339))
	}
	return nil
}

// isScope holds the rule of RFC 6749, section 3.3.
func isScope(text string) bool {
	return text != "" && len(text) <= scopeBytesMax && strings.IndexFunc(text, func(r rune) bool {
		return r <= ' ' || r > '~' || r == '"' || r == '\\'
	}) < 0
}

func checkLabel(name, text string) error {
	odd := func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }
	if name == "" || len(name) > labelNameMax || strings.IndexFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
		return dayfly.Errorf(dayfly.KindInvalid, "label name %.80q is not valid: use up to %d printable characters without spaces",
			name, labelNameMax)
	}
	if len(text) > labelBytesMax || strings.IndexFunc(text, odd) >= 0 {
		return dayfly.Errorf(dayfly.KindInvalid, "label %s is not valid: use up to %d bytes of one line", name, labelBytesMax)
	}
	return nil
}
