// SPDX-License-Identifier: Apache-2.0

package topic

import (
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// Kinds of sources.
const (
	KindQueue  = "queue"  // a named queue of a project
	KindObject = "object" // the changes of a bucket of objects
	KindValue  = "kv"     // the changes of a bucket of values
)

// nameBytesMax bounds the name of a source. Names of buckets have at most 63 bytes, and
// each may take three in a subject.
const nameBytesMax = 128

// Source is what events are of.
type Source struct {
	Project dayfly.ProjectName
	Kind    string
	Name    string
}

// QueueSource is the source of a queue's messages.
func QueueSource(project dayfly.ProjectName, queue dayfly.QueueName) Source {
	return Source{Project: project, Kind: KindQueue, Name: string(queue)}
}

// String gives "PROJECT/KIND/NAME".
func (s Source) String() string { return string(s.Project) + "/" + s.Kind + "/" + s.Name }

// check reports what keeps s from having a subject.
func (s Source) check() error {
	if err := dayfly.ValidateName("project", string(s.Project)); err != nil {
		return err
	}
	switch {
	case s.Kind != KindQueue && s.Kind != KindObject && s.Kind != KindValue:
		return dayfly.Errorf(dayfly.KindInvalid, "events have no source of kind %q", s.Kind)
	case s.Name == "":
		return dayfly.Errorf(dayfly.KindInvalid, "%s name is empty", s.Kind)
	case len(s.Name) > nameBytesMax:
		return dayfly.Errorf(dayfly.KindInvalid, "%s name is %d bytes long, at most %d are allowed",
			s.Kind, len(s.Name), nameBytesMax)
	}
	return nil
}

// subject gives the subject of the source's events.
func (s Source) subject() string {
	return subjectPrefix + token(string(s.Project)) + "." + s.Kind + "." + token(s.Name)
}

const upperHex = "0123456789ABCDEF"

// token makes one token of a subject: each byte that is no ASCII letter, digit, dash or
// underscore becomes "=XX".
func token(name string) string {
	if strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0 {
		return name
	}
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; plain(rune(c)) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'=', upperHex[c>>4], upperHex[c&15]})
		}
	}
	return b.String()
}

func plain(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '_'
}
