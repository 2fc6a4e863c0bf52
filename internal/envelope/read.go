// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly"
)

// The content types of events.
const (
	TypeStructured = "application/cloudevents+json"
	TypeBatch      = "application/cloudevents-batch+json"

	typeAny       = "application/cloudevents" // how every one of them begins
	typeJSON      = "application/json"
	typeForm      = "application/x-www-form-urlencoded"
	typeText      = "text/plain; charset=utf-8"
	typeBytes     = "application/octet-stream"
	headerPrefix  = "Ce-"
	headerVersion = "Ce-Specversion"
	headerContent = "Content-Type"
)

// Defaults complete an event that says little of itself: a plain body.
type Defaults struct {
	Source string // "/projects/shop/queues/clicks"
	Type   string // EventMessage when empty
	Now    time.Time
}

// EventMessage is the type of a message whose publisher named none.
const EventMessage = "dev.dayfly.message"

// Read gives the events of an HTTP request: a structured one, a batch, a binary one
// (all its required attributes are headers, with ce-specversion), or else the body as
// the data of one event. Then ce- headers that are there count, and the rest comes from
// the defaults: its id is new. Data shares memory with body.
func Read(header http.Header, body []byte, d Defaults) ([]dayfly.Event, error) {
	kind, err := contentType(header)
	if err != nil {
		return nil, err
	}
	switch {
	case kind == TypeBatch:
		return readBatch(body)
	case kind == TypeStructured:
		e, err := ReadStructured(body)
		if err != nil {
			return nil, err
		}
		return []dayfly.Event{e}, nil
	case strings.HasPrefix(kind, typeAny):
		return nil, bad("content type %.80q is not known: events come as %s, as %s, or with ce- headers",
			kind, TypeStructured, TypeBatch)
	}
	e, err := readBinary(header, body)
	if err != nil {
		return nil, err
	}
	if header.Get(headerVersion) == "" {
		d.fill(&e)
	}
	if err := complete(&e); err != nil {
		return nil, err
	}
	return []dayfly.Event{e}, nil
}

// contentType gives the media type, which for events is one of the two constants.
func contentType(header http.Header) (string, error) {
	given := header.Get(headerContent)
	if len(given) < len(typeAny) || !strings.EqualFold(given[:len(typeAny)], typeAny) {
		return given, nil
	}
	kind, parameters, err := mime.ParseMediaType(given)
	if err != nil {
		return "", bad("content type %.80q cannot be read", given)
	}
	if charset := parameters["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return "", bad("the charset of events must be UTF-8, not %.40q", charset)
	}
	return kind, nil
}

func (d *Defaults) fill(e *dayfly.Event) {
	if e.ID == "" {
		e.ID = string(dayfly.NewEventID(d.Now))
	}
	if e.Source == "" {
		e.Source = d.Source
	}
	if e.Type == "" {
		e.Type = d.Type
	}
	if e.Type == "" {
		e.Type = EventMessage
	}
	if e.Time.IsZero() {
		e.Time = d.Now
	}
	e.ContentType = guess(e.ContentType, e.Data)
}

// guess names the type of data that came without one, or with the one that curl gives
// to everything.
func guess(given string, data []byte) string {
	trimmed := bytes.TrimLeft(data, " \t\r\n")
	isDocument := len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[')
	switch {
	case given == typeForm && isDocument && json.Valid(data):
		return typeJSON
	case given != "" || len(data) == 0:
		return given
	case json.Valid(data):
		return typeJSON
	case utf8.Valid(data):
		return typeText
	}
	return typeBytes
}

func readBinary(header http.Header, body []byte) (dayfly.Event, error) {
	a := attributes{}
	for _, name := range ceNames(header) {
		attribute := strings.ToLower(name[len(headerPrefix):])
		values := header[name]
		if attribute == "datacontenttype" || len(values) == 0 {
			continue // the Content-Type says it
		}
		if len(values) > 1 {
			return a.event, bad("the header ce-%.64s stands there %d times", attribute, len(values))
		}
		value, valid := unescapeHeader(values[0])
		if !valid {
			return a.event, bad("the header ce-%.64s is not valid UTF-8", attribute)
		}
		if err := a.set(attribute, value); err != nil {
			return a.event, err
		}
	}
	if kind := header.Get(headerContent); kind != "" {
		if err := a.set("datacontenttype", kind); err != nil {
			return a.event, err
		}
	}
	a.event.Data = body
	return a.event, nil
}

// ceNames gives the names of ce- headers in order, so that errors are always the same.
func ceNames(header http.Header) []string {
	var names []string
	for name := range header {
		if len(name) > len(headerPrefix) && strings.HasPrefix(name, headerPrefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func readBatch(body []byte) ([]dayfly.Event, error) {
	if !utf8.Valid(body) {
		return nil, bad("the batch of CloudEvents is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if token, err := d.Token(); err != nil || token != json.Delim('[') {
		return nil, bad("a batch of CloudEvents must be a JSON list")
	}
	var events []dayfly.Event
	for d.More() {
		if len(events) == eventsMax {
			return nil, bad("a batch holds at most %d CloudEvents", eventsMax)
		}
		var one json.RawMessage
		if err := d.Decode(&one); err != nil {
			return nil, bad("the batch of CloudEvents is no JSON: %v", err)
		}
		e, err := ReadStructured(one)
		if err != nil {
			return nil, bad("CloudEvent %d of the batch: %w", len(events)+1, err)
		}
		events = append(events, e)
	}
	if _, err := d.Token(); err != nil {
		return nil, bad("the batch of CloudEvents is no JSON: it ends early")
	}
	if d.More() {
		return nil, bad("something follows the batch of CloudEvents")
	}
	return events, nil
}

// ReadStructured gives the event that is one JSON object.
func ReadStructured(body []byte) (dayfly.Event, error) {
	var members map[string]json.RawMessage
	if !utf8.Valid(body) {
		return dayfly.Event{}, bad("the CloudEvent is not valid UTF-8")
	}
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return dayfly.Event{}, bad("a CloudEvent must be a JSON object")
	}
	if len(members) > attributesMax+2 {
		return dayfly.Event{}, bad("the CloudEvent has more than %d attributes", attributesMax)
	}
	a := attributes{}
	for _, name := range sortedNames(members) {
		if name == "data" || name == "data_base64" {
			continue
		}
		value, set, err := attributeText(name, members[name])
		if err == nil && set {
			err = a.set(name, value)
		}
		if err != nil {
			return a.event, err
		}
	}
	if members["specversion"] == nil {
		return a.event, bad("the CloudEvent has no specversion")
	}
	if err := complete(&a.event); err != nil {
		return a.event, err
	}
	var err error
	a.event.Data, err = structuredData(a.event.ContentType, members["data"], members["data_base64"])
	return a.event, err
}

// attributeText gives the canonical text of an attribute's JSON; null is not set.
func attributeText(name string, raw json.RawMessage) (text string, set bool, err error) {
	switch raw[0] {
	case '"':
		if err := json.Unmarshal(raw, &text); err != nil {
			return "", false, bad("the attribute %.64s cannot be read", name)
		}
		return text, text != "", nil
	case 'n':
		return "", false, nil
	case '{', '[':
		return "", false, bad("the attribute %.64q must be a text, a number or true or false", name)
	}
	return string(raw), true, nil // a number, true or false: as it stands
}

// structuredData gives the data as bytes of the content type. JSON stays as it is
// written; a text of another type is what the string holds.
func structuredData(kind string, data, encoded json.RawMessage) ([]byte, error) {
	if encoded != nil && string(encoded) != "null" {
		if data != nil {
			return nil, bad("the CloudEvent has both data and data_base64")
		}
		var text string
		if err := json.Unmarshal(encoded, &text); err != nil {
			return nil, bad("data_base64 must be a text")
		}
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, bad("data_base64 is not base64")
		}
		return decoded, nil
	}
	if len(data) == 0 || string(data) == "null" {
		return nil, nil
	}
	if data[0] == '"' && kind != "" && !isJSON(kind) {
		var text string
		if err := json.Unmarshal(data, &text); err != nil {
			return nil, bad("data cannot be read")
		}
		return []byte(text), nil
	}
	return bytes.Clone(data), nil
}

// isJSON tells a content type whose data is JSON; no type at all means JSON, too.
func isJSON(kind string) bool {
	kind, _, _ = strings.Cut(kind, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "" || kind == typeJSON || kind == "text/json" || strings.HasSuffix(kind, "+json")
}

func sortedNames[V any](m map[string]V) []string {
	if len(m) == 0 {
		return nil
	}
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
