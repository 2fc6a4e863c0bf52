// SPDX-License-Identifier: Apache-2.0

package event

import (
	"strings"

	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// headers gives the headers of a request, with those that gateways add where the client
// or a proxy before us did not.
func headers(head *frame.RequestHead) [][2]string {
	all := make([][2]string, 0, len(head.Headers)+8)
	seen := map[string]bool{}
	for _, kv := range head.Headers {
		if kv[0] == "traceparent" && head.Trace != "" {
			continue
		}
		seen[kv[0]] = true
		all = append(all, kv)
	}
	add := func(name, value string) {
		if value != "" && !seen[name] {
			all = append(all, [2]string{name, value})
		}
	}
	add("host", head.Host)
	add("x-forwarded-for", head.Remote)
	add("x-forwarded-proto", head.Scheme)
	add("x-forwarded-port", port(head))
	add("x-forwarded-prefix", head.Prefix)
	if head.Trace != "" {
		all = append(all, [2]string{"traceparent", head.Trace})
		add("x-amzn-trace-id", XRay(head.Trace))
	}
	return all
}

// XRay gives a W3C trace context as X-Ray spells it; empty when it is none.
func XRay(traceparent string) string {
	part := strings.Split(traceparent, "-")
	if len(part) < 4 || len(part[1]) != 32 || part[3] == "" {
		return ""
	}
	sampled := "0"
	if strings.IndexByte("13579bdf", part[3][len(part[3])-1]) >= 0 {
		sampled = "1"
	}
	return "Root=1-" + part[1][:8] + "-" + part[1][8:] + ";Parent=" + part[2] + ";Sampled=" + sampled
}

func cookies(value string) []string {
	var out []string
	for _, c := range strings.Split(value, "; ") {
		if c != "" {
			out = append(out, c)
		}
	}
	return out
}

func hostname(host string) string {
	if host == "" {
		return "localhost"
	}
	if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') && colon > 0 {
		return host[:colon]
	}
	return host
}

func port(head *frame.RequestHead) string {
	colon := strings.LastIndexByte(head.Host, ':')
	switch {
	case colon > strings.LastIndexByte(head.Host, ']') && colon > 0:
		return head.Host[colon+1:]
	case head.Scheme == "https":
		return "443"
	}
	return "80"
}

// query gives the pairs of a query string, in order.
func query(raw string, decode func(string) string) [][2]string {
	var pairs [][2]string
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		pairs = append(pairs, [2]string{decode(name), decode(value)})
	}
	return pairs
}

// unescape decodes a part of a query string; what is no escape stays as it is.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			out = append(out, ' ')
		case s[i] == '%' && i+2 < len(s) && hex(s[i+1]) >= 0 && hex(s[i+2]) >= 0:
			out = append(out, byte(hex(s[i+1])<<4|hex(s[i+2])))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return string(out)
}

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// isText tells whether bodies of that content type are text in AWS's eyes.
func isText(contentType string) bool {
	kind := mediaType(contentType)
	switch kind {
	case "application/json", "application/javascript", "application/xml":
		return true
	}
	return strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "+json") || strings.HasSuffix(kind, "+xml")
}

func isForm(contentType string) bool {
	return mediaType(contentType) == "application/x-www-form-urlencoded"
}

func mediaType(contentType string) string {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// plain tells whether a body is not compressed.
func plain(contentEncoding string) bool {
	return contentEncoding == "" || contentEncoding == "identity"
}
