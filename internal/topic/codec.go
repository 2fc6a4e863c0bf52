// SPDX-License-Identifier: Apache-2.0

package topic

import (
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"

	"github.com/dayfly-faas/dayfly"
)

const (
	// DataBytesMax bounds the data of an event: as much as an accepted event may carry
	// to a function, in a message of 1 MiB with its headers.
	DataBytesMax = 768 << 10
	// attributeBytesMax bounds all attributes of an event together, as they are escaped:
	// the server takes 64 KiB of headers.
	attributeBytesMax = 60 << 10
	// extensionsMax bounds an event's further attributes.
	extensionsMax = 64
	// extensionNameMax bounds their names; CloudEvents advises twenty.
	extensionNameMax = 64
	// headerPrefix starts each header that holds an attribute.
	headerPrefix = "ce-"
)

// Extensions that topic itself reads or writes.
const (
	// ExtensionDedupe makes two events of one source with the same value one, within
	// DedupeWindow.
	ExtensionDedupe = "dedupeid"
	// ExtensionReplay marks an event that was copied again, with when that was.
	ExtensionReplay = "dayflyreplay"
)

// check reports what keeps the event from being stored.
func check(e *dayfly.Event) error {
	if len(e.Data) > DataBytesMax {
		return dayfly.Errorf(dayfly.KindInvalid, "an event's data has %d bytes, at most %d are possible: %w",
			len(e.Data), DataBytesMax, dayfly.ErrRequestTooLarge).
			WithHint("put large data into a bucket, and send its key")
	}
	if len(e.Extensions) > extensionsMax {
		return dayfly.Errorf(dayfly.KindInvalid, "an event has %d extensions, at most %d are possible",
			len(e.Extensions), extensionsMax)
	}
	size := 0
	for name, value := range attributes(e) {
		size += len(headerPrefix) + len(name) + len(": \r\n") + len(escape(value))
		if !utf8.ValidString(value) {
			return dayfly.Errorf(dayfly.KindInvalid, "the event's attribute %s is not UTF-8", name)
		}
	}
	for name := range e.Extensions {
		if err := checkExtension(name); err != nil {
			return err
		}
	}
	if size > attributeBytesMax {
		return dayfly.Errorf(dayfly.KindInvalid,
			"an event's attributes take %d bytes, at most %d are possible", size, attributeBytesMax)
	}
	return nil
}

func checkExtension(name string) error {
	bad := strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	if name == "" || bad >= 0 || len(name) > extensionNameMax {
		return dayfly.Errorf(dayfly.KindInvalid,
			"%q names no extension: use lower-case letters and digits, at most %d", name, extensionNameMax)
	}
	switch name {
	case "id", "source", "type", "subject", "time", "datacontenttype", "dataschema",
		"specversion", "data":
		return dayfly.Errorf(dayfly.KindInvalid, "%s is an attribute of its own, not an extension", name)
	}
	return nil
}

// attributes gives what of the event goes into headers.
func attributes(e *dayfly.Event) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for _, a := range [...][2]string{
			{"id", e.ID}, {"source", e.Source}, {"type", e.Type}, {"subject", e.Subject},
			{"datacontenttype", e.ContentType}, {"dataschema", e.DataSchema},
		} {
			if a[1] != "" && !yield(a[0], a[1]) {
				return
			}
		}
		if !e.Time.IsZero() && !yield("time", e.Time.UTC().Format(time.RFC3339Nano)) {
			return
		}
		for name, value := range e.Extensions {
			if !yield(name, value) {
				return
			}
		}
	}
}

// encode makes the message of an event (docs/formats/events.md).
func encode(subject string, e *dayfly.Event) *nats.Msg {
	h := make(nats.Header, 8+len(e.Extensions))
	for name, value := range attributes(e) {
		h[headerPrefix+name] = []string{escape(value)}
	}
	return &nats.Msg{Subject: subject, Header: h, Data: e.Data}
}

// decode reads the event of a message.
func decode(h nats.Header, data []byte) (dayfly.Event, error) {
	e := dayfly.Event{Data: data}
	for header, values := range h {
		name, ok := strings.CutPrefix(header, headerPrefix)
		if !ok || len(values) == 0 {
			continue
		}
		value, err := url.PathUnescape(values[0])
		if err != nil {
			return e, fmt.Errorf("read attribute %s: %w", name, err)
		}
		switch name {
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
			if e.Time, err = time.Parse(time.RFC3339Nano, value); err != nil {
				return e, fmt.Errorf("read attribute time: %w", err)
			}
		default:
			if e.Extensions == nil {
				e.Extensions = make(map[string]string)
			}
			e.Extensions[name] = value
		}
	}
	return e, nil
}

// escape makes a value fit for a header: percent signs, spaces at its ends and what is
// not printable ASCII become "%XX".
func escape(value string) string {
	clean := value == "" || value[0] != ' ' && value[len(value)-1] != ' '
	for i := 0; clean && i < len(value); i++ {
		clean = value[i] >= ' ' && value[i] <= '~' && value[i] != '%'
	}
	if clean {
		return value
	}
	var b strings.Builder
	for i := range len(value) {
		c := value[i]
		if c > ' ' && c <= '~' && c != '%' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
		}
	}
	return b.String()
}
