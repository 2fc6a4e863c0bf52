// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// reserved begins the names of the parameters that OpenWhisk adds.
const reserved = "__ow_"

// Params gives the parameters of an OpenWhisk web action: query and body merged, and
// what is known of the request beside them.
func Params(head *frame.RequestHead, body []byte) []byte {
	params := map[string]json.RawMessage{}
	put := func(name string, value any) {
		if !strings.HasPrefix(name, reserved) {
			params[name] = marshal(value)
		}
	}
	for _, kv := range query(head.Query, unescape) {
		put(kv[0], kv[1])
	}
	fields := map[string]string{}
	for _, kv := range headers(head) {
		if old, ok := fields[kv[0]]; ok && kv[0] == "cookie" {
			kv[1] = old + "; " + kv[1]
			fields["cookie"] = kv[1]
			continue
		}
		join(fields, kv)
	}
	whole := mergeBody(fields["content-type"], body, put)
	params["__ow_method"] = marshal(strings.ToLower(head.Method))
	params["__ow_headers"] = marshal(fields)
	path := head.Path
	if path == "/" {
		path = ""
	}
	params["__ow_path"] = marshal(path)
	if whole && len(body) > 0 {
		kind := fields["content-type"]
		is, _ := text(body, (kind == "" || isText(kind) || isForm(kind)) && plain(fields["content-encoding"]))
		params["__ow_body"] = marshal(is)
	}
	return marshal(params)
}

// mergeBody gives each member of a body that has members to put; it reports whether the
// body has none, and stays whole.
func mergeBody(kind string, body []byte, put func(string, any)) bool {
	switch {
	case isForm(kind):
		for _, kv := range query(string(body), unescape) {
			put(kv[0], kv[1])
		}
		return false
	case mediaType(kind) == typeJSON:
		members := object(bytes.TrimSpace(body))
		for name, value := range members {
			put(name, value)
		}
		return members == nil
	}
	return true
}

// ParamsAnswer gives the answer that an action's result, which is JSON, means. The
// error is Malformed.
func ParamsAnswer(result []byte) (Answer, error) {
	result = bytes.TrimSpace(result)
	if !json.Valid(result) || result[0] != '{' && result[0] != '[' {
		return Answer{}, malformed("the action did not return a dictionary: %s", show(result))
	}
	members := object(result)
	fault, failed := members["error"]
	if !failed || string(fault) == "null" {
		return webAnswer(result, members, 200)
	}
	raw := marshal(map[string]json.RawMessage{"error": fault})
	answer, err := webAnswer(raw, object(fault), 400)
	answer.Failure = ParamsFailure(result)
	return answer, err
}

// ParamsFailure gives the failure that a result with an error member tells of; nil when
// it tells of none.
func ParamsFailure(result []byte) *frame.ErrorHead {
	fault, failed := object(bytes.TrimSpace(result))["error"]
	if !failed || string(fault) == "null" {
		return nil
	}
	message := show(fault)
	if fault[0] == '"' {
		message = str(fault)
	}
	return &frame.ErrorHead{Kind: dayfly.FailureException, Type: "ApplicationError", Message: message,
		Payload: compact(result)}
}

// webAnswer reads statusCode, headers and body where there is one of them; else the
// whole result is the answer.
func webAnswer(whole []byte, members map[string]json.RawMessage, usual int) (Answer, error) {
	body := members["body"]
	if string(body) == "null" {
		body = nil
	}
	if members["statusCode"] == nil && members["headers"] == nil && body == nil {
		return Answer{Status: usual, Headers: [][2]string{{"content-type", typeJSON}}, Body: compact(whole)}, nil
	}
	answer := Answer{Status: usual}
	if body == nil && usual == 200 {
		answer.Status = 204
	}
	var err error
	if raw := members["statusCode"]; raw != nil {
		if answer.Status, err = status(raw); err != nil {
			return answer, err
		}
	}
	if err := answer.addLists(members); err != nil {
		return answer, err
	}
	return answer.withBody(body), nil
}

// addLists adds headers whose values may be lists.
func (a *Answer) addLists(members map[string]json.RawMessage) error {
	given, err := pairs(members, "headers")
	if err != nil {
		return err
	}
	for _, m := range given {
		values := []json.RawMessage{m.value}
		if m.value[0] == '[' {
			values = nil
			_ = json.Unmarshal(m.value, &values) // it is JSON: it was decoded as such
		}
		for _, value := range values {
			if err := a.add(m.name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a Answer) withBody(body json.RawMessage) Answer {
	kind := "text/html; charset=utf-8"
	switch {
	case body == nil:
		return a
	case body[0] == '"':
		a.Body = []byte(str(body))
	default:
		a.Body, kind = compact(body), typeJSON
	}
	if !a.has("content-type") {
		a.Headers = append(a.Headers, [2]string{"content-type", kind})
	}
	if given := a.header("content-type"); body[0] == '"' && !isText(given) && !isForm(given) {
		if decoded, err := decode64(a.Body); err == nil {
			a.Body = decoded
		}
	}
	return a
}
