// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

const (
	typeJSON = "application/json"
	// shownMax bounds what a message quotes of a result.
	shownMax = 60
)

// Answer is an HTTP answer. Header names are in lower case.
type Answer struct {
	Status  int
	Headers [][2]string
	Body    []byte
	// Failure is set when the handler said that it failed, and this is how it told.
	Failure *frame.ErrorHead
}

// Malformed is a result that HTTP callers cannot be answered with.
type Malformed struct{ Message string }

// Error gives the message.
func (m *Malformed) Error() string { return m.Message }

// Head gives the failure as a guest tells it.
func (m *Malformed) Head() frame.ErrorHead {
	const kind = "Runtime.MalformedResponse"
	return frame.ErrorHead{Kind: dayfly.FailureResponse, Type: kind, Message: m.Message,
		Payload: ErrorPayload(kind, m.Message)}
}

// ErrorPayload gives an error as Lambda spells it for callers.
func ErrorPayload(class, message string) []byte {
	return marshal(struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{class, message})
}

func malformed(format string, args ...any) error {
	return &Malformed{Message: fmt.Sprintf(format, args...)}
}

// Decode gives the answer that a handler's result, which is JSON, means under that
// payload. The error is Malformed.
func Decode(payload dayfly.Payload, result []byte) (Answer, error) {
	result = bytes.TrimSpace(result)
	if !json.Valid(result) {
		return Answer{}, malformed("the result is not JSON: %s", show(result))
	}
	members := object(result)
	switch payload {
	case dayfly.PayloadV1:
		return decodeStrict(result, members, "statusCode headers multiValueHeaders body isBase64Encoded")
	case dayfly.PayloadALB, dayfly.PayloadALBMulti:
		if members != nil && members["statusCode"] == nil {
			return Answer{}, malformed("the result has no statusCode")
		}
		return decodeStrict(result, members,
			"statusCode statusDescription headers multiValueHeaders body isBase64Encoded")
	}
	if _, ok := members["statusCode"]; ok {
		return fromMembers(members)
	}
	answer := Answer{Status: 200, Headers: [][2]string{{"content-type", typeJSON}}}
	if result[0] == '"' {
		answer.Body = []byte(str(result))
		return answer, nil
	}
	answer.Body = compact(result)
	return answer, nil
}

// decodeStrict is for gateways that refuse results with anything that they do not know.
func decodeStrict(result []byte, members map[string]json.RawMessage, known string) (Answer, error) {
	if len(members) == 0 {
		return Answer{}, malformed("the result must be an object with a statusCode, got %s", show(result))
	}
	names := strings.Fields(known)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(names, name) {
			return Answer{}, malformed("the result has a member %q; known are %s",
				show([]byte(name)), strings.Join(names, ", "))
		}
	}
	if body := members["body"]; body != nil && body[0] != '"' && string(body) != "null" {
		return Answer{}, malformed("body must be a string, got %s", show(body))
	}
	if members["statusCode"] == nil {
		members["statusCode"] = json.RawMessage("200")
	}
	return fromMembers(members)
}

func fromMembers(members map[string]json.RawMessage) (Answer, error) {
	answer, err := headOf(members)
	if err != nil {
		return answer, err
	}
	body := members["body"]
	switch {
	case body == nil || string(body) == "null":
		return answer, nil
	case body[0] == '"':
		answer.Body = []byte(str(body))
	default:
		answer.Body = compact(body)
	}
	if string(members["isBase64Encoded"]) != "true" {
		return answer, nil
	}
	if answer.Body, err = decode64(answer.Body); err != nil {
		return answer, malformed("body is not base64: %v", err)
	}
	return answer, nil
}

func decode64(text []byte) ([]byte, error) {
	text = bytes.Join(bytes.Fields(text), nil)
	out := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(out, text)
	return out[:n], err
}

// headOf reads status, headers and cookies.
func headOf(members map[string]json.RawMessage) (Answer, error) {
	var answer Answer
	var err error
	if answer.Status, err = status(members["statusCode"]); err != nil {
		return answer, err
	}
	if err := answer.addHeaders(members); err != nil {
		return answer, err
	}
	if err := answer.addCookies(members["cookies"]); err != nil {
		return answer, err
	}
	if !answer.has("content-type") {
		answer.Headers = append(answer.Headers, [2]string{"content-type", typeJSON})
	}
	return answer, nil
}

func status(raw json.RawMessage) (int, error) {
	text := string(raw)
	spelled := len(raw) > 0 && raw[0] == '"'
	if spelled {
		text = str(raw)
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || spelled && strings.Trim(text, "0123456789") != "" || n != float64(int(n)) || n < 200 || n > 599 {
		return 0, malformed("statusCode must be a whole number between 200 and 599, got %s", show(raw))
	}
	return int(n), nil
}

// addHeaders puts multi values first; a single value follows unless it is among them.
func (a *Answer) addHeaders(members map[string]json.RawMessage) error {
	multi, err := pairs(members, "multiValueHeaders")
	if err != nil {
		return err
	}
	for _, m := range multi {
		if string(m.value) == "null" {
			continue
		}
		var values []json.RawMessage
		if m.value[0] != '[' || json.Unmarshal(m.value, &values) != nil {
			return malformed("multiValueHeaders.%s must be a list, got %s", show([]byte(m.name)), show(m.value))
		}
		for _, value := range values {
			if err := a.add(m.name, value); err != nil {
				return err
			}
		}
	}
	many := a.Headers
	single, err := pairs(members, "headers")
	if err != nil {
		return err
	}
	for _, m := range single {
		if err := a.add(m.name, m.value); err != nil {
			return err
		}
		if n := len(a.Headers); n > len(many) && slices.Contains(many, a.Headers[n-1]) {
			a.Headers = a.Headers[:n-1]
		}
	}
	return nil
}

func (a *Answer) addCookies(raw json.RawMessage) error {
	if raw == nil || string(raw) == "null" {
		return nil
	}
	var values []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &values) != nil {
		return malformed("cookies must be a list, got %s", show(raw))
	}
	for _, value := range values {
		if err := a.add("set-cookie", value); err != nil {
			return err
		}
	}
	return nil
}

// add adds a header whose value is a JSON text, number or bool; null is none.
func (a *Answer) add(name string, raw json.RawMessage) error {
	if !isToken(name) {
		return malformed("header name %s is not valid", show([]byte(name)))
	}
	value := string(raw)
	switch raw[0] {
	case '"':
		value = str(raw)
	case '{', '[':
		return malformed("header %s must be a string, got %s", name, show(raw))
	case 'n':
		return nil
	}
	if strings.ContainsAny(value, "\r\n\x00") {
		return malformed("header %s holds a line break", name)
	}
	name = strings.ToLower(name)
	if name != "content-length" { // it is known better from the body
		a.Headers = append(a.Headers, [2]string{name, value})
	}
	return nil
}

func (a *Answer) has(name string) bool {
	return slices.ContainsFunc(a.Headers, func(kv [2]string) bool { return kv[0] == name })
}

func (a *Answer) header(name string) string {
	for _, kv := range a.Headers {
		if kv[0] == name {
			return kv[1]
		}
	}
	return ""
}

func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}
