// SPDX-License-Identifier: Apache-2.0

package front

import (
	"bytes"
	"encoding/json"
	"errors"
)

// List is a list of texts, which may be written as one text.
type List []string

// UnmarshalJSON implements json.Unmarshaler.
func (l *List) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*l = List{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(data, &many); err != nil {
		return errors.New("must be a text or a list of texts")
	}
	*l = many
	return nil
}

// UnmarshalJSON implements json.Unmarshaler: a text is the name of a function.
func (r *Route) UnmarshalJSON(data []byte) error {
	type plain Route
	var name string
	if json.Unmarshal(data, &name) == nil {
		function, alias := splitAlias(name)
		*r = Route{Function: function, Alias: alias}
		return nil
	}
	return strictly(data, (*plain)(r))
}

// UnmarshalJSON implements json.Unmarshaler: a text is the folder.
func (s *Site) UnmarshalJSON(data []byte) error {
	type plain Site
	var source string
	if json.Unmarshal(data, &source) == nil {
		*s = Site{Source: source}
		return nil
	}
	return strictly(data, (*plain)(s))
}

// UnmarshalJSON implements json.Unmarshaler: a text is where to.
func (r *Redirect) UnmarshalJSON(data []byte) error {
	type plain Redirect
	var to string
	if json.Unmarshal(data, &to) == nil {
		*r = Redirect{To: to}
		return nil
	}
	return strictly(data, (*plain)(r))
}

// UnmarshalJSON implements json.Unmarshaler: a text, or a list, is the origins.
func (c *CORS) UnmarshalJSON(data []byte) error {
	type plain CORS
	var origins List
	if json.Unmarshal(data, &origins) == nil {
		*c = CORS{Origins: origins}
		return nil
	}
	return strictly(data, (*plain)(c))
}

// UnmarshalJSON implements json.Unmarshaler: a text is the limit.
func (r *Rate) UnmarshalJSON(data []byte) error {
	type plain Rate
	var limit string
	if json.Unmarshal(data, &limit) == nil {
		*r = Rate{Limit: limit}
		return nil
	}
	return strictly(data, (*plain)(r))
}

// UnmarshalJSON implements json.Unmarshaler: one rate may stand for a list of it.
func (l *Limits) UnmarshalJSON(data []byte) error {
	type plain Limits
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(data, &keys); err != nil {
		return err
	}
	for _, key := range []string{"rate", "quota"} {
		if text := bytes.TrimSpace(keys[key]); len(text) > 0 && text[0] != '[' {
			keys[key] = append(append([]byte("["), text...), ']')
		}
	}
	data, err := json.Marshal(keys)
	if err != nil {
		return err
	}
	return strictly(data, (*plain)(l))
}

// strictly decodes and refuses keys that are not known.
func strictly(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}
