// SPDX-License-Identifier: Apache-2.0

package cgi

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// variablesExpected is about how many variables a request has beside its headers.
const variablesExpected = 20

// Variables gives the environment of one call, as KEY=value: what CGI says of an HTTP
// request, its identity and deadline. An event is a POST of its JSON to /.
func Variables(head *frame.RequestHead) []string {
	env := make([]string, 0, variablesExpected+len(head.Headers))
	add := func(name, value string) { env = append(env, name+"="+clean(value)) }
	add("DAYFLY_INVOCATION", head.ID)
	add("DAYFLY_DEADLINE_MS", strconv.FormatInt(head.Deadline, 10))
	if head.Trace != "" {
		add("TRACEPARENT", head.Trace)
	}
	if head.Kind != string(dayfly.RequestHTTP) {
		head = asRequest(head)
	}
	host, port, err := net.SplitHostPort(head.Host)
	if err != nil {
		host, port = head.Host, "" // it names no port
	}
	add("GATEWAY_INTERFACE", "CGI/1.1")
	add("SERVER_SOFTWARE", "dayfly")
	add("SERVER_PROTOCOL", "HTTP/1.1")
	add("SERVER_NAME", host)
	add("SERVER_PORT", port)
	add("REQUEST_METHOD", head.Method)
	add("REQUEST_URI", head.Prefix+head.Path+query(head.Query))
	add("REQUEST_SCHEME", head.Scheme)
	add("SCRIPT_NAME", head.Prefix)
	add("PATH_INFO", Unescape(head.Path))
	add("QUERY_STRING", head.Query)
	add("REMOTE_ADDR", head.Remote)
	if head.Length >= 0 {
		add("CONTENT_LENGTH", strconv.FormatInt(head.Length, 10))
	}
	return appendHeaders(env, head.Headers)
}

// asRequest makes of an event what every program that knows HTTP alone gets.
func asRequest(head *frame.RequestHead) *frame.RequestHead {
	return &frame.RequestHead{Method: http.MethodPost, Path: "/", Scheme: "http", Host: "localhost",
		Remote: "127.0.0.1", Length: head.Length, Headers: [][2]string{{"content-type", "application/json"}}}
}

// clean takes out what would end a variable before its time.
func clean(value string) string { return strings.ReplaceAll(value, "\x00", "") }

// appendHeaders adds the request's headers; one that was sent twice is joined.
func appendHeaders(env []string, headers [][2]string) []string {
	at := make(map[string]int, len(headers))
	for _, kv := range headers {
		name := "HTTP_" + strings.ToUpper(strings.ReplaceAll(kv[0], "-", "_"))
		switch kv[0] {
		case "content-type":
			name = "CONTENT_TYPE"
		case "content-length", "proxy":
			continue // length is known; HTTP_PROXY would be taken for a setting
		}
		if i, ok := at[name]; ok {
			env[i] += ", " + clean(kv[1])
			continue
		}
		at[name] = len(env)
		env = append(env, name+"="+clean(kv[1]))
	}
	return env
}

func query(raw string) string {
	if raw == "" {
		return ""
	}
	return "?" + raw
}

// Unescape decodes a path; one that cannot be decoded stays as it is.
func Unescape(path string) string {
	if plain, err := url.PathUnescape(path); err == nil {
		return plain
	}
	return path
}
