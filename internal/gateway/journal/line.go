// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly/internal/rpc"
)

const (
	// fieldMax bounds a text from the client in a line: longer ones are cut. The head of a
	// request may have 64 KiB, of which nobody wants to read more.
	fieldMax = 2 << 10
	// masked stands for what is not told.
	masked = "***"
	// combinedTime is the time of the combined format.
	combinedTime = "02/Jan/2006:15:04:05 -0700"
)

// usual are parameters that carry credentials by custom, in lower case without - and _.
var usual = map[string]bool{
	"accesstoken": true, "refreshtoken": true, "idtoken": true, "idtokenhint": true, "token": true, "code": true,
	"state": true, "nonce": true, "codeverifier": true, "clientsecret": true, "clientassertion": true,
	"assertion": true, "samlrequest": true, "samlresponse": true, "signature": true, "sig": true, "hmac": true,
	"key": true, "apikey": true, "secret": true, "password": true, "passwd": true, "pwd": true, "pass": true,
	"auth": true, "authorization": true, "credential": true, "credentials": true, "jwt": true, "session": true,
	"sessionid": true, "sid": true, "ticket": true, "otp": true, "awsaccesskeyid": true, "xamzsignature": true,
	"xamzcredential": true, "xamzsecuritytoken": true, "xgoogsignature": true, "xgoogcredential": true,
}

// entry is a request that was answered.
type entry struct {
	note    Note
	began   time.Time
	request *http.Request
	header  http.Header // of the answer
	status  int
	bytes   int64
	aborted bool
	// What handlers may change in the request stands here as it came.
	method, host, path, query, uri, agent, referer string
}

// row is an entry as JSON.
type row struct {
	Time     string  `json:"time"`
	ID       string  `json:"id,omitempty"`
	Remote   string  `json:"remote"`
	Scheme   string  `json:"scheme"`
	Host     string  `json:"host"`
	Method   string  `json:"method"`
	Path     string  `json:"path"`
	Query    string  `json:"query,omitempty"`
	Protocol string  `json:"protocol"`
	Status   int     `json:"status"`
	RPC      string  `json:"grpc_status,omitempty"`
	Bytes    int64   `json:"bytes"`
	Millis   float64 `json:"duration_ms"`
	Project  string  `json:"project,omitempty"`
	Route    string  `json:"route,omitempty"`
	Subject  string  `json:"subject,omitempty"`
	Cache    string  `json:"cache,omitempty"`
	Agent    string  `json:"user_agent,omitempty"`
	Referer  string  `json:"referer,omitempty"`
	Aborted  bool    `json:"aborted,omitempty"` // the answer broke off
}

// line writes an entry, with a line feed.
func (e *entry) line(f Format, now time.Time) []byte {
	remote, _, err := net.SplitHostPort(e.request.RemoteAddr)
	if err != nil {
		remote = e.request.RemoteAddr
	}
	scheme := "http"
	if e.request.TLS != nil {
		scheme = "https"
	}
	r := row{Time: e.began.UTC().Format("2006-01-02T15:04:05.000Z"), ID: e.header.Get("X-Dayfly-Invocation"),
		Remote: remote, Scheme: scheme, Host: cut(e.host), Method: cut(e.method), Path: cut(e.path),
		Query: cut(mask(e.query, &e.note)), Protocol: e.request.Proto, Status: e.status, Bytes: e.bytes,
		RPC:     cut(e.statusRPC()),
		Millis:  float64(now.Sub(e.began).Microseconds()) / 1000,
		Project: e.note.project, Route: e.note.route, Subject: cut(e.note.subject),
		Cache: cut(e.header.Get("Cache-Status")), Agent: cut(e.agent), Referer: cut(plain(e.referer)), Aborted: e.aborted}
	if f == Combined {
		return r.combined(e.began)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(r) // texts and numbers
	return b.Bytes()
}

// statusRPC gives the status of an answer of gRPC, which stands in its trailer, or in its head
// when it is nothing else.
func (e *entry) statusRPC() string {
	if values := e.header[http.TrailerPrefix+rpc.HeaderStatus]; len(values) > 0 {
		return values[0]
	}
	return e.header.Get(rpc.HeaderStatus)
}

// combined writes a row as Apache and nginx do.
func (r *row) combined(began time.Time) []byte {
	uri := r.Path
	if r.Query != "" {
		uri += "?" + r.Query
	}
	return fmt.Appendf(nil, "%s - %s [%s] \"%s %s %s\" %d %d \"%s\" \"%s\"\n", r.Remote,
		strings.ReplaceAll(escape(r.Subject), " ", `\x20`), began.Format(combinedTime), escape(r.Method), escape(uri), r.Protocol,
		r.Status, r.Bytes, escape(r.Referer), escape(r.Agent))
}

// escape keeps a text within its quotes and its line; "-" stands for none.
func escape(text string) string {
	if text == "" {
		return "-"
	}
	var b strings.Builder
	for _, c := range []byte(text) {
		if c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\x%02x`, c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// cut bounds a text.
func cut(text string) string {
	if len(text) <= fieldMax {
		return text
	}
	return text[:fieldMax] + "…"
}

// plain is a URL without what may carry credentials.
func plain(text string) string {
	text, _, _ = strings.Cut(text, "#")
	text, _, _ = strings.Cut(text, "?")
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		host, path, _ := strings.Cut(rest, "/")
		if i := strings.LastIndexByte(host, '@'); i >= 0 {
			return scheme + "://" + host[i+1:] + "/" + path
		}
	}
	return text
}

// mask hides the values of parameters that carry credentials. A parameter ends at ; too, which
// some servers believe, and one whose name cannot be read is hidden.
func mask(query string, n *Note) string {
	if query == "" {
		return ""
	}
	var b strings.Builder
	for len(query) > 0 && b.Len() <= fieldMax {
		end := strings.IndexAny(query, "&;")
		part, separator := query, ""
		if end >= 0 {
			part, separator = query[:end], query[end:end+1]
		}
		query = query[len(part)+len(separator):]
		name, _, has := strings.Cut(part, "=")
		switch {
		case has && (n.hidden || isSecret(name, n.secret)):
			part = name + "=" + masked
		case !has && n.hidden: // it may be a credential by itself
			part = masked
		}
		b.WriteString(part)
		b.WriteString(separator)
	}
	return b.String()
}

func isSecret(escaped string, more []string) bool {
	name, err := url.QueryUnescape(escaped)
	if err != nil {
		return true
	}
	for _, m := range more {
		if strings.EqualFold(m, name) {
			return true
		}
	}
	return usual[strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(name))]
}
