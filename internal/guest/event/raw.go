// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bytes"
	"encoding/json"
)

// member is one of an object's members.
type member struct {
	name  string
	value json.RawMessage
}

// object gives the members of a JSON object; nil when it is none.
func object(raw []byte) map[string]json.RawMessage {
	var members map[string]json.RawMessage
	if len(raw) == 0 || raw[0] != '{' || json.Unmarshal(raw, &members) != nil {
		return nil
	}
	return members
}

// pairs gives the members of an object that is a member itself, in their order: a
// header sent twice in two cases of letters keeps it.
func pairs(members map[string]json.RawMessage, name string) ([]member, error) {
	raw := members[name]
	if raw == nil || string(raw) == "null" {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, malformed("%s must be an object, got %s", name, show(raw))
	}
	var list []member
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, malformed("%s cannot be read", name)
		}
		m := member{name: key.(string)}
		if err := d.Decode(&m.value); err != nil {
			return nil, malformed("%s cannot be read", name)
		}
		list = append(list, m)
	}
	return list, nil
}

// str decodes a JSON string.
func str(raw []byte) string {
	var s string
	_ = json.Unmarshal(raw, &s) // raw was part of valid JSON
	return s
}

// compact takes the spaces out of JSON, as AWS's front ends do.
func compact(raw []byte) []byte {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return raw
	}
	return b.Bytes()
}

// show quotes a piece of a result in a message.
func show(raw []byte) string {
	if len(raw) > shownMax {
		return string(bytes.ToValidUTF8(raw[:shownMax], nil)) + "…"
	}
	return string(bytes.ToValidUTF8(raw, []byte("\ufffd")))
}
