// SPDX-License-Identifier: Apache-2.0

package frame

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly"
)

// HelloHead is the payload of a hello frame.
type HelloHead struct {
	Protocol int    `json:"protocol"`
	Language string `json:"language"`
	Version  string `json:"version"`
}

// SpecialiseHead is the payload of a specialise frame: the revision to become.
type SpecialiseHead struct {
	Function      dayfly.FunctionName `json:"function"`
	Project       dayfly.ProjectName  `json:"project"`
	Revision      dayfly.RevisionID   `json:"revision"`
	Number        int                 `json:"number"`
	Dialect       dayfly.Dialect      `json:"dialect"`
	Entry         string              `json:"entry"`
	Task          string              `json:"task"`
	Port          int                 `json:"port"`
	Env           map[string]string   `json:"env"`
	Concurrency   int                 `json:"concurrency"`
	MemoryBytes   int64               `json:"memory_bytes"`
	TimeoutMillis int64               `json:"timeout_ms"`
	Command       []string            `json:"command,omitempty"`
	ResponseBytes int64               `json:"response_bytes"`
	Payload       dayfly.Payload      `json:"payload,omitempty"`
}

// ReadyHead is the payload of a ready frame.
type ReadyHead struct {
	Serve   string         `json:"serve"` // "frames" or "http"
	Port    int            `json:"port,omitempty"`
	Dialect dayfly.Dialect `json:"dialect,omitempty"`
	// ShutdownMillis is for how long the guest wants to shut down, before it is ended,
	// when it is told to by a cancel frame on stream 0.
	ShutdownMillis int64 `json:"shutdown_ms,omitempty"`
}

// RequestHead is the payload of a request frame, as a guest reads it. The host writes
// it with AppendRequest.
type RequestHead struct {
	ID       string      `json:"id"`
	Kind     string      `json:"kind"`
	Deadline int64       `json:"deadline_ms"`
	Received int64       `json:"received_ms"`
	Method   string      `json:"method"`
	Path     string      `json:"path"`
	Prefix   string      `json:"prefix"`
	Query    string      `json:"query"`
	Proto    string      `json:"proto"`
	Scheme   string      `json:"scheme"`
	Host     string      `json:"host"`
	Remote   string      `json:"remote"`
	Headers  [][2]string `json:"headers"`
	Length   int64       `json:"length"`
	Trace    string      `json:"trace"`
}

// ResponseHead is the payload of a response frame.
type ResponseHead struct {
	Status  int         `json:"status"`
	Headers [][2]string `json:"headers"`
	// Failure is set when the handler crashed and this answer is what its framework
	// made of it: the client gets the answer, the record the failure.
	Failure *ErrorHead `json:"failure,omitempty"`
}

// ErrorHead is the payload of an error frame.
type ErrorHead struct {
	Kind    dayfly.FailureKind `json:"kind"`
	Type    string             `json:"type"`
	Message string             `json:"message"`
	Stack   []string           `json:"stack,omitempty"`
	Payload []byte             `json:"payload,omitempty"`
	// Last is set when the guest's process ends by this error, and can serve no other
	// call: a virtual machine without memory.
	Last bool `json:"last,omitempty"`
}

// IsLast tells whether an error frame announces the end of its guest.
func IsLast(payload []byte) bool {
	var h struct {
		Last bool `json:"last"`
	}
	return json.Unmarshal(payload, &h) == nil && h.Last
}

// ParseError reads an error frame; anything unreadable becomes a failure that says so.
func ParseError(payload []byte, phase dayfly.Phase) *dayfly.Failure {
	var h ErrorHead
	if err := json.Unmarshal(payload, &h); err != nil {
		return &dayfly.Failure{Kind: dayfly.FailureResponse, Phase: phase, Type: "Guest.BadError",
			Message: "the function's process sent an error that cannot be read"}
	}
	return h.failure(phase)
}

func (h *ErrorHead) failure(phase dayfly.Phase) *dayfly.Failure {
	switch h.Kind {
	case dayfly.FailureException, dayfly.FailureInit, dayfly.FailureResponse, dayfly.FailureTooLarge:
	default:
		h.Kind = dayfly.FailureException
	}
	return &dayfly.Failure{Kind: h.Kind, Phase: phase, Type: h.Type, Message: h.Message,
		Stack: h.Stack, Payload: h.Payload}
}

// AppendRequest adds the request head of inv as JSON. It is written by hand: it runs
// once a call, and the general encoder costs four times as much.
func AppendRequest(dst []byte, inv *dayfly.Invocation) []byte {
	r := &inv.Request
	dst = append(dst, `{"id":`...)
	dst = appendString(dst, string(inv.ID))
	dst = appendField(dst, "kind", string(r.Kind))
	dst = append(dst, `,"deadline_ms":`...)
	dst = strconv.AppendInt(dst, inv.Deadline.UnixMilli(), 10)
	dst = append(dst, `,"received_ms":`...)
	dst = strconv.AppendInt(dst, inv.Received.UnixMilli(), 10)
	if r.TraceParent != "" {
		dst = appendField(dst, "trace", r.TraceParent)
	}
	dst = append(dst, `,"length":`...)
	dst = strconv.AppendInt(dst, r.ContentLength, 10)
	if r.Kind == dayfly.RequestHTTP {
		dst = appendHTTP(dst, r)
	}
	return append(dst, '}')
}

func appendHTTP(dst []byte, r *dayfly.Request) []byte {
	dst = appendField(dst, "method", r.Method)
	dst = appendField(dst, "path", r.Path)
	dst = appendField(dst, "prefix", r.Prefix)
	dst = appendField(dst, "query", r.RawQuery)
	dst = appendField(dst, "proto", r.Proto)
	dst = appendField(dst, "scheme", r.Scheme)
	dst = appendField(dst, "host", r.Host)
	dst = appendField(dst, "remote", r.RemoteAddr)
	dst = append(dst, `,"headers":[`...)
	first := true
	for name, values := range r.Header {
		name = lower(name)
		for _, value := range values {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(dst, '[')
			dst = appendString(dst, name)
			dst = append(dst, ',')
			dst = appendString(dst, value)
			dst = append(dst, ']')
		}
	}
	return append(dst, ']')
}

// lower avoids strings.ToLower's scan-and-allocate for the usual header names.
func lower(name string) string {
	switch name {
	case "Accept":
		return "accept"
	case "User-Agent":
		return "user-agent"
	case "Content-Type":
		return "content-type"
	case "Content-Length":
		return "content-length"
	case "Accept-Encoding":
		return "accept-encoding"
	}
	return strings.ToLower(name)
}

func appendField(dst []byte, name, value string) []byte {
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	dst = append(dst, `":`...)
	return appendString(dst, value)
}

const hexDigits = "0123456789abcdef"

// appendString adds s as a JSON string. Bytes that are no UTF-8 become U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[start:i]...), `\ufffd`...)
				start = i + 1
			}
			i += size
			continue
		}
		if c < 0x20 || c == '"' || c == '\\' {
			dst = append(dst, s[start:i]...)
			if c < 0x20 {
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			} else {
				dst = append(dst, '\\', c)
			}
			start = i + 1
		}
		i++
	}
	return append(append(dst, s[start:]...), '"')
}

// Answer is a response head that may be sent on.
type Answer struct {
	Status int
	Header http.Header
	// Failure is why the function gave this answer, if it crashed.
	Failure *dayfly.Failure
}

// ParseResponse reads a response head and checks that it may be sent on.
func ParseResponse(payload []byte) (Answer, error) {
	var h ResponseHead
	if err := json.Unmarshal(payload, &h); err != nil {
		return Answer{}, dayfly.Errorf(dayfly.KindInvalid, "the response head is not JSON")
	}
	if h.Status != http.StatusSwitchingProtocols && (h.Status < 200 || h.Status > 599) {
		return Answer{}, dayfly.Errorf(dayfly.KindInvalid, "status %d is not between 200 and 599", h.Status)
	}
	header := make(http.Header, len(h.Headers)+2)
	for _, kv := range h.Headers {
		name := http.CanonicalHeaderKey(kv[0])
		if !validToken(name) || strings.ContainsAny(kv[1], "\r\n\x00") {
			return Answer{}, dayfly.Errorf(dayfly.KindInvalid, "header %q is not valid", kv[0])
		}
		if HopByHop(name) {
			continue
		}
		header[name] = append(header[name], kv[1])
	}
	answer := Answer{Status: h.Status, Header: header}
	if h.Failure != nil {
		answer.Failure = h.Failure.failure(dayfly.PhaseInvoke)
	}
	return answer, nil
}

// HopByHop tells whether a header concerns one connection only and is never passed on.
func HopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

func validToken(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return true
}
