// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// bodyBytesMax bounds a request and an answer: both are held whole, as JSON. The
// platform's own bounds are usually lower.
const bodyBytesMax = 128 << 20

// httpRequest is the value of an HTTP trigger.
type httpRequest struct {
	URL        string              `json:"Url"`
	Method     string              `json:"Method"`
	Query      map[string]string   `json:"Query"`
	Headers    map[string][]string `json:"Headers"`
	Params     map[string]string   `json:"Params"`
	Identities []any               `json:"Identities"`
	Body       any                 `json:"Body,omitempty"`
}

// requestOf describes an HTTP request. What is no text is base64.
func requestOf(r *http.Request, params map[string]string, body []byte) httpRequest {
	described := httpRequest{
		URL: "http://" + r.Host + r.URL.RequestURI(), Method: r.Method, Query: map[string]string{},
		Headers: r.Header, Params: params, Identities: []any{},
	}
	for name, values := range r.URL.Query() {
		described.Query[name] = strings.Join(values, ",")
	}
	switch {
	case len(body) == 0:
	case utf8.Valid(body):
		described.Body = string(body)
	default:
		described.Body = base64.StdEncoding.EncodeToString(body)
	}
	return described
}

// eventOf gives the value of another trigger: the JSON text of what was sent, in a
// string, as queues' messages are given.
func eventOf(f *function, body []byte) any {
	var admin struct {
		Input json.RawMessage `json:"input"`
	}
	if json.Unmarshal(body, &admin) == nil && admin.Input != nil {
		body = admin.Input
		if inner := ""; json.Unmarshal(body, &inner) == nil && json.Valid([]byte(inner)) {
			body = []byte(inner) // administrators send JSON in a string
		}
	}
	if strings.EqualFold(f.trigger.Type, "timerTrigger") {
		return map[string]any{"Schedule": map[string]any{"AdjustForDST": true}, "ScheduleStatus": nil,
			"IsPastDue": false}
	}
	if !json.Valid(body) {
		body, _ = json.Marshal(string(body)) // a string can always be encoded
	}
	return string(body)
}

// result is what a handler answers.
type result struct {
	Outputs     map[string]json.RawMessage `json:"Outputs"`
	Logs        []any                      `json:"Logs"`
	ReturnValue json.RawMessage            `json:"ReturnValue"`
}

// invoke calls the handler for one function.
func (s *server) invoke(ctx context.Context, f *function, id string, value any) (*result, error) {
	body, err := json.Marshal(map[string]any{
		"Data": map[string]any{f.trigger.Name: value},
		"Metadata": map[string]any{"sys": map[string]any{
			"MethodName": f.name, "UtcNow": time.Now().UTC().Format(time.RFC3339Nano), "RandGuid": guid(),
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	target := s.handler + "/" + url.PathEscape(f.name)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("User-Agent", "Azure-Functions-Host/4.0")
	request.Header.Set("X-Azure-Functions-HostVersion", "4.0")
	request.Header.Set("X-Azure-Functions-InvocationId", id)
	response, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("call handler: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, bodyBytesMax))
	if err != nil {
		return nil, fmt.Errorf("read the handler's answer: %w", err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return nil, fmt.Errorf("the handler answered %s: %.500s", response.Status, text)
	}
	read := &result{}
	if len(bytes.TrimSpace(text)) == 0 {
		return read, nil
	}
	if err := json.Unmarshal(text, read); err != nil {
		return nil, fmt.Errorf("the handler's answer is not JSON with Outputs, Logs and ReturnValue: %w", err)
	}
	return read, nil
}

// guid gives a random identity in Azure's form.
func guid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// answer is what an http output says.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// answerOf reads a function's http output, or what it returned when that is $return.
func answerOf(f *function, r *result) (answer, error) {
	raw := r.Outputs[f.output]
	if f.output == "$return" || raw == nil && f.output != "" {
		raw = r.ReturnValue
	}
	if raw == nil || string(raw) == "null" {
		return answer{status: http.StatusNoContent, header: http.Header{}}, nil
	}
	var described struct {
		StatusCode json.RawMessage            `json:"statusCode"`
		Status     json.RawMessage            `json:"status"`
		Headers    map[string]json.RawMessage `json:"headers"`
		Body       json.RawMessage            `json:"body"`
	}
	isObject := raw[0] == '{' && json.Unmarshal(raw, &described) == nil
	isAnswer := described.StatusCode != nil || described.Status != nil || described.Headers != nil ||
		described.Body != nil
	made := answer{status: http.StatusOK, header: http.Header{}}
	if !isObject || !isAnswer {
		return made.withBody(raw), nil
	}
	for name, value := range described.Headers {
		made.header.Add(name, plain(value))
	}
	for _, code := range []json.RawMessage{described.StatusCode, described.Status} {
		if code == nil {
			continue
		}
		status, err := strconv.Atoi(plain(code))
		if err != nil || status < 200 || status > 599 {
			return made, fmt.Errorf("the handler's status is %s, want 200 to 599", code)
		}
		made.status = status
		break
	}
	return made.withBody(described.Body), nil
}

func (a answer) withBody(raw json.RawMessage) answer {
	kind := "text/plain; charset=utf-8"
	switch {
	case raw == nil || string(raw) == "null":
		return a
	case raw[0] == '"':
		a.body = []byte(plain(raw))
	default:
		a.body, kind = raw, "application/json; charset=utf-8"
	}
	if a.header.Get("Content-Type") == "" {
		a.header.Set("Content-Type", kind)
	}
	return a
}

// plain gives a string's text, or any other value as it stands.
func plain(raw json.RawMessage) string {
	text := ""
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}
