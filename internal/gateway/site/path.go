// SPDX-License-Identifier: Apache-2.0

package site

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Bounds of the files of rules.
const (
	rulesBytesMax = 256 << 10
	rulesMax      = 2000 // each that has a placeholder is tried for each request
	lineMax       = 2000 // bytes of one
)

// matcher is the path that a rule is for: /blog/:year/*, perhaps with a host before it.
type matcher struct {
	host     string
	segments []string // literals, :names, and * at the end
	literal  string   // the whole path when it has neither
	isExact  bool
}

// bindings are what a rule captured, by name without the colon; "splat" is what * stood for.
type bindings map[string]string

// parseMatcher reads the path of a rule.
func parseMatcher(text string) (matcher, error) {
	m := matcher{}
	if scheme, rest, found := strings.Cut(text, "://"); found && (scheme == "https" || scheme == "http") {
		host, path, _ := strings.Cut(rest, "/")
		m.host, text = strings.ToLower(host), "/"+path
		if host == "" || strings.ContainsAny(host, "*:@") {
			return matcher{}, fmt.Errorf("the host %.80q is not understood: write it without port and placeholders", host)
		}
	}
	path, ok := strings.CutPrefix(text, "/")
	if !ok {
		return matcher{}, fmt.Errorf("%.80q is no path: it must begin with a slash", text)
	}
	if strings.ContainsAny(path, "?#") {
		return matcher{}, fmt.Errorf("%.80q may have neither query nor fragment", text)
	}
	path = strings.TrimSuffix(path, "/")
	m.isExact = true
	for part := range strings.SplitSeq(path, "/") {
		segment, err := parseSegment(part)
		if err != nil {
			return matcher{}, err
		}
		if len(m.segments) > 0 && m.segments[len(m.segments)-1] == "*" {
			return matcher{}, fmt.Errorf("%.80q has something after *, which stands for all the rest", text)
		}
		m.isExact = m.isExact && segment != "*" && !strings.HasPrefix(segment, ":")
		m.segments = append(m.segments, segment)
	}
	m.literal = strings.Join(m.segments, "/")
	return m, nil
}

func parseSegment(part string) (string, error) {
	literal, err := url.PathUnescape(part)
	switch {
	case err != nil:
		return "", fmt.Errorf("the segment %.80q is not escaped as a path is", part)
	case part == "*":
		return part, nil
	case strings.HasPrefix(part, ":"):
		if !isPlaceholder(part[1:]) {
			return "", fmt.Errorf("%.80q is no placeholder: write it like :name, of letters, digits and _", part)
		}
		return part, nil
	case strings.Contains(part, "*"):
		return "", fmt.Errorf("%.80q is not understood: * is the whole last segment", part)
	}
	return literal, nil
}

func isPlaceholder(name string) bool {
	for i, c := range []byte(name) {
		if !isNameByte(c) || i == 0 && c >= '0' && c <= '9' {
			return false
		}
	}
	return name != ""
}

func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

// match reports whether the rule is for a path, which has neither its first nor its last
// slash, and binds what it captures.
func (m *matcher) match(host, path string) (bindings, bool) {
	if m.host != "" && m.host != host {
		return nil, false
	}
	if m.isExact {
		return nil, path == m.literal
	}
	var bound bindings
	left, more := path, true
	for _, segment := range m.segments {
		if segment == "*" {
			return bind(bound, "splat", left), true
		}
		if !more {
			return nil, false
		}
		var part string
		part, left, more = strings.Cut(left, "/")
		if name, ok := strings.CutPrefix(segment, ":"); ok && part != "" {
			bound = bind(bound, name, part)
		} else if part != segment {
			return nil, false
		}
	}
	return bound, !more
}

func bind(bound bindings, name, value string) bindings {
	if bound == nil {
		bound = bindings{}
	}
	bound[name] = value
	return bound
}

// hostOf gives the host of a request, without its port.
func hostOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(host)
}

// expand puts what was bound into a text; escape makes a value fit.
func expand(text string, bound bindings, escape func(string) string) string {
	if len(bound) == 0 || !strings.Contains(text, ":") {
		return text
	}
	var b strings.Builder
	for text != "" {
		before, after, found := strings.Cut(text, ":")
		b.WriteString(before)
		if !found {
			break
		}
		end := 0
		for end < len(after) && isNameByte(after[end]) {
			end++
		}
		if value, known := bound[after[:end]]; known && end > 0 {
			b.WriteString(escape(value))
		} else {
			b.WriteString(":" + after[:end])
		}
		text = after[end:]
	}
	return b.String()
}

// placeholders are the names that a text would have bound.
func placeholders(text string) []string {
	var names []string
	parts := strings.Split(text, ":")
	for _, part := range parts[1:] {
		end := 0
		for end < len(part) && isNameByte(part[end]) {
			end++
		}
		if isPlaceholder(part[:end]) {
			names = append(names, part[:end])
		}
	}
	return names
}

// names are what the rule binds.
func (m *matcher) names() []string {
	var names []string
	for _, segment := range m.segments {
		if name, ok := strings.CutPrefix(segment, ":"); ok {
			names = append(names, name)
		}
		if segment == "*" {
			names = append(names, "splat")
		}
	}
	return names
}
