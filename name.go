// SPDX-License-Identifier: Apache-2.0

package dayfly

import (
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// DefaultProject is the project of functions that name none.
const DefaultProject ProjectName = "default"

// LiveAlias is the alias that a call without one resolves.
const LiveAlias AliasName = "live"

// nameBytesMax bounds project, function and alias names: they are DNS labels,
// because a function also answers at NAME.PROJECT.localhost.
const nameBytesMax = 63

type (
	// ProjectName names a project: the unit of isolation, quota and budget.
	ProjectName string
	// FunctionName names a function within its project.
	FunctionName string
	// AliasName names a pointer to a revision, such as "live".
	AliasName string
	// RevisionID identifies one immutable deploy: "NAME.PROJECT@NUMBER".
	RevisionID string
	// InstanceID identifies one sandbox for its life.
	InstanceID string
	// InvocationID identifies one call; a UUID, ordered by time of creation.
	InvocationID string
	// NodeID identifies one running dayfly.
	NodeID string
	// Digest is the SHA-256 of some content, as 64 lower-case hexadecimal digits.
	Digest string
	// RuntimeName names a language toolchain, such as "python3.11" or "node20".
	RuntimeName string
)

var namePattern = regexp.MustCompile(`^[a-z]([a-z0-9-]*[a-z0-9])?$`)

// FunctionRef names one function of one project.
type FunctionRef struct {
	Project ProjectName  `json:"project"`
	Name    FunctionName `json:"name"`
}

// String gives "NAME" in the default project and "NAME.PROJECT" elsewhere.
func (f FunctionRef) String() string {
	if f.Project == DefaultProject || f.Project == "" {
		return string(f.Name)
	}
	return string(f.Name) + "." + string(f.Project)
}

// Revision gives the identity of the function's revision with that number.
func (f FunctionRef) Revision(number int) RevisionID {
	return RevisionID(string(f.Name) + "." + string(f.Project) + "@" + strconv.Itoa(number))
}

// Validate reports the first rule of names that f breaks.
func (f FunctionRef) Validate() error {
	if err := ValidateName("function", string(f.Name)); err != nil {
		return err
	}
	return ValidateName("project", string(f.Project))
}

// ParseFunctionRef reads "NAME" or "NAME.PROJECT".
func ParseFunctionRef(s string) (FunctionRef, error) {
	name, project, ok := strings.Cut(s, ".")
	if !ok {
		project = string(DefaultProject)
	}
	ref := FunctionRef{Project: ProjectName(project), Name: FunctionName(name)}
	return ref, ref.Validate()
}

// ValidateName reports whether name may name a field ("function", "project"): a
// lower-case DNS label of at most 63 bytes that starts with a letter.
func ValidateName(field, name string) error {
	switch {
	case name == "":
		return Errorf(KindInvalid, "%s name is empty", field)
	case len(name) > nameBytesMax:
		return Errorf(KindInvalid, "%s name is %d bytes long, at most %d are allowed", field, len(name), nameBytesMax)
	case !namePattern.MatchString(name):
		return Errorf(KindInvalid,
			"%s name %q is not valid: use lower-case letters, digits and inner dashes, starting with a letter", field, name)
	}
	return nil
}

// SuggestName turns any text into a valid name, or gives fallback when nothing of
// the text is left.
func SuggestName(text, fallback string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9' && b.Len() > 0:
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	name := b.String()
	if len(name) > nameBytesMax {
		name = name[:nameBytesMax]
	}
	if name = strings.Trim(name, "-"); name == "" {
		return fallback
	}
	return name
}

// NewInvocationID makes an identity from the time and 74 random bits (UUID version 7).
func NewInvocationID(now time.Time) InvocationID {
	var b [16]byte
	_, _ = rand.Read(b[6:]) // never fails: crypto/rand aborts the program instead
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[0:8], b[0:4])
	s[8] = '-'
	hex.Encode(s[9:13], b[4:6])
	s[13] = '-'
	hex.Encode(s[14:18], b[6:8])
	s[18] = '-'
	hex.Encode(s[19:23], b[8:10])
	s[23] = '-'
	hex.Encode(s[24:36], b[10:16])
	return InvocationID(s[:])
}
