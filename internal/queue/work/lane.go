// SPDX-License-Identifier: Apache-2.0

package work

import (
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

const (
	// Calls is the lane of plain asynchronous calls.
	Calls = "-"
	// Posts is that of deliveries to destinations and callbacks. No trigger's name
	// is written so.
	Posts = "=out"
)

// Lane names a lane; Name is as it stands in subjects.
type Lane struct {
	Function dayfly.FunctionRef
	Name     string
}

// Lane gives the lane of an entry.
func (e *Entry) Lane() Lane {
	switch {
	case e.Post != nil:
		return Lane{e.Function, Posts}
	case e.Trigger == "":
		return Lane{e.Function, Calls}
	}
	return Lane{e.Function, Token(string(e.Trigger))}
}

// WorkSubject is where the lane's events wait.
func (l Lane) WorkSubject() string { return bus.SubjectWork + "." + l.tail() }

// LaterSubject is where one event of it waits for its time.
func (l Lane) LaterSubject(id dayfly.EventID) string {
	return bus.SubjectLater + "." + l.tail() + "." + string(id)
}

func (l Lane) tail() string {
	return string(l.Function.Project) + "." + string(l.Function.Name) + "." + l.Name
}

// DeadSubject is where a dead letter is kept.
func DeadSubject(ref dayfly.FunctionRef, id dayfly.EventID) string {
	return bus.SubjectDead + "." + string(ref.Project) + "." + string(ref.Name) + "." + string(id)
}

// ParseLane reads the subject of a lane, or of a later event in it.
func ParseLane(subject string) (Lane, bool) {
	parts := strings.Split(subject, ".")
	if len(parts) < 4 {
		return Lane{}, false
	}
	return Lane{dayfly.FunctionRef{Project: dayfly.ProjectName(parts[1]), Name: dayfly.FunctionName(parts[2])},
		parts[3]}, true
}

const upperHex = "0123456789ABCDEF"

// Token makes one token of a subject of any name, as records' keys are written: every
// byte that is no ASCII letter, digit, dash or underscore becomes "=XX".
func Token(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'=', upperHex[c>>4], upperHex[c&15]})
		}
	}
	return b.String()
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// idBytesMax bounds an event's identity; a UUID has 36.
const idBytesMax = 64

// ValidID tells whether an identity may stand in a subject.
func ValidID(id dayfly.EventID) bool {
	return id != "" && len(id) <= idBytesMax && !strings.ContainsFunc(string(id), func(r rune) bool {
		return r > 127 || !plain(byte(r))
	})
}
