// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly"
)

// Bounds of what is read.
const (
	// eventsMax is how many events one batch may hold, as guests have it.
	eventsMax = 10_000
	// attributeBytesMax bounds one attribute's value; it has to fit into a header, which
	// servers take up to 8 KiB of.
	attributeBytesMax = 4 << 10
	// attributesMax and attributesBytesMax bound them together: they travel as headers of
	// one message.
	attributesMax      = 64
	attributesBytesMax = 16 << 10
	// nameBytesMax bounds the name of an attribute; the specification advises 20.
	nameBytesMax = 64
)

const specVersion = "1.0"

func bad(format string, args ...any) error {
	return dayfly.Errorf(dayfly.KindInvalid, format, args...)
}

// attributes collects what an event says of itself, and checks it.
type attributes struct {
	event dayfly.Event
	count int
	bytes int
}

// set puts the attribute of that name; specversion has been looked at already.
func (a *attributes) set(name, value string) error {
	if err := checkAttribute(name, value); err != nil {
		return err
	}
	a.count++
	a.bytes += len(name) + len(value)
	if a.count > attributesMax || a.bytes > attributesBytesMax {
		return bad("the CloudEvent has more than %d attributes, or more than %s of them",
			attributesMax, dayfly.FormatBytes(attributesBytesMax))
	}
	e := &a.event
	switch name {
	case "specversion":
		if value != specVersion {
			return bad("specversion is %.20q: only %s is known", value, specVersion)
		}
	case "id":
		e.ID = value
	case "source":
		e.Source = value
	case "type":
		e.Type = value
	case "subject":
		e.Subject = value
	case "datacontenttype":
		e.ContentType = value
	case "dataschema":
		e.DataSchema = value
	case "time":
		return a.setTime(value)
	default:
		if e.Extensions == nil {
			e.Extensions = map[string]string{}
		}
		e.Extensions[name] = value
	}
	return nil
}

func (a *attributes) setTime(value string) error {
	at, err := time.Parse(time.RFC3339Nano, strings.ToUpper(value))
	if err != nil {
		return bad("time is %.60q, which is no RFC 3339 time such as 2026-12-24T18:00:00Z", value)
	}
	a.event.Time = at
	return nil
}

func checkAttribute(name, value string) error {
	if !isAttributeName(name) {
		return bad("%.80q cannot name an attribute: use lower-case letters and digits", name)
	}
	if len(value) > attributeBytesMax {
		return bad("the attribute %s is %d bytes long, at most %s are allowed", name, len(value),
			dayfly.FormatBytes(attributeBytesMax))
	}
	if !utf8.ValidString(value) {
		return bad("the attribute %s is not valid UTF-8", name)
	}
	if strings.ContainsFunc(value, unicode.IsControl) {
		return bad("the attribute %s holds a control character", name)
	}
	if name == "source" || name == "dataschema" {
		if _, err := url.Parse(value); err != nil {
			return bad("the attribute %s is %.60q, which is no URI", name, value)
		}
	}
	return nil
}

func isAttributeName(name string) bool {
	if name == "" || len(name) > nameBytesMax || name == "data" {
		return false
	}
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// Check reports the first attribute of e that no CloudEvent may have: for events that
// did not come through Read.
func Check(e *dayfly.Event) error {
	a := attributes{}
	for name, value := range Attributes(e) {
		if err := a.set(name, value); err != nil {
			return err
		}
	}
	return complete(e)
}

// complete reports the first required attribute that is missing.
func complete(e *dayfly.Event) error {
	for _, required := range [...]struct{ name, value string }{
		{"id", e.ID}, {"source", e.Source}, {"type", e.Type},
	} {
		if required.value == "" {
			return bad("the CloudEvent has no %s", required.name)
		}
	}
	return nil
}

// Attributes yields every attribute of e that is set, as text, the data's content type
// included; those of the specification first, extensions by their names.
func Attributes(e *dayfly.Event) func(yield func(name, value string) bool) {
	return func(yield func(string, string) bool) {
		if !yield("specversion", specVersion) {
			return
		}
		moment := ""
		if !e.Time.IsZero() {
			moment = e.Time.Format(time.RFC3339Nano)
		}
		for _, known := range [...][2]string{
			{"id", e.ID}, {"source", e.Source}, {"type", e.Type}, {"subject", e.Subject},
			{"time", moment}, {"datacontenttype", e.ContentType}, {"dataschema", e.DataSchema},
		} {
			if known[1] != "" && !yield(known[0], known[1]) {
				return
			}
		}
		for _, name := range sortedNames(e.Extensions) {
			if !yield(name, e.Extensions[name]) {
				return
			}
		}
	}
}
