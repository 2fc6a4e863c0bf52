// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

const (
	// laneCalls is the lane of plain asynchronous calls.
	laneCalls = "-"
	// lanePosts is that of deliveries to destinations and callbacks. No trigger's name
	// is written so.
	lanePosts = "=out"
)

// laneID names a lane; name is as it stands in subjects.
type laneID struct {
	function dayfly.FunctionRef
	name     string
}

// lane gives the lane of an entry.
func (e *entry) lane() laneID {
	switch {
	case e.Post != nil:
		return laneID{e.Function, lanePosts}
	case e.Trigger == "":
		return laneID{e.Function, laneCalls}
	}
	return laneID{e.Function, token(string(e.Trigger))}
}

// workSubject is where the lane's events wait.
func (l laneID) workSubject() string { return bus.SubjectWork + "." + l.tail() }

// laterSubject is where one event of it waits for its time.
func (l laneID) laterSubject(id dayfly.EventID) string {
	return bus.SubjectLater + "." + l.tail() + "." + string(id)
}

func (l laneID) tail() string {
	return string(l.function.Project) + "." + string(l.function.Name) + "." + l.name
}

// deadSubject is where a dead letter is kept.
func deadSubject(ref dayfly.FunctionRef, id dayfly.EventID) string {
	return bus.SubjectDead + "." + string(ref.Project) + "." + string(ref.Name) + "." + string(id)
}

// parseLane reads the subject of a lane, or of a later event in it.
func parseLane(subject string) (laneID, bool) {
	parts := strings.Split(subject, ".")
	if len(parts) < 4 {
		return laneID{}, false
	}
	return laneID{dayfly.FunctionRef{Project: dayfly.ProjectName(parts[1]), Name: dayfly.FunctionName(parts[2])},
		parts[3]}, true
}

const upperHex = "0123456789ABCDEF"

// token makes one token of a subject of any name, as records' keys are written: every
// byte that is no ASCII letter, digit, dash or underscore becomes "=XX".
func token(name string) string {
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
