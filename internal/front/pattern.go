// SPDX-License-Identifier: Apache-2.0

package front

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Bounds of patterns and templates.
const (
	patternBytesMax = 2048 // of what browsers send, and no more can match
	segmentsMax     = 64   // of a path
)

// Pattern says which requests a route matches: "GET,POST shop.example.com/orders/{id}".
// Without methods it matches all of them, and GET also matches HEAD. Without a host it
// matches at every host of its front.
//
// A segment in braces matches one segment and names it, "{rest...}" at the end all that
// follow, none included: /files/{rest...} matches /files/ and /files/a/b, not /files.
type Pattern struct {
	Methods  []string // in upper case, sorted
	Host     string   // in lower case
	Path     string
	Segments []Segment
}

// Segment is a part of a path between slashes.
type Segment struct {
	Literal string // the text, not escaped; empty for a capture, and for a slash at the end
	Name    string // of a capture
	Rest    bool   // it captures all that follows
}

// ParsePattern reads a pattern.
func ParsePattern(text string) (Pattern, error) {
	if len(text) > patternBytesMax {
		return Pattern{}, fmt.Errorf("the pattern is longer than %d bytes", patternBytesMax)
	}
	p := Pattern{}
	rest := text
	if before, after, found := strings.Cut(text, " "); found {
		for method := range strings.SplitSeq(before, ",") {
			if !isToken(method) || strings.ToUpper(method) != method {
				return Pattern{}, fmt.Errorf("%.40q is no method: write it like GET or GET,POST", method)
			}
			p.Methods = append(p.Methods, method)
		}
		slices.Sort(p.Methods)
		p.Methods = slices.Compact(p.Methods)
		rest = strings.TrimLeft(after, " ")
	}
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		return Pattern{}, fmt.Errorf("%.80q has no path: write it like GET /orders/{id}", text)
	}
	p.Host, p.Path = strings.ToLower(rest[:slash]), rest[slash:]
	if p.Host != "" {
		if err := checkHost(p.Host); err != nil {
			return Pattern{}, err
		}
	}
	var err error
	p.Segments, err = segments(p.Path)
	return p, err
}

// segments takes a path of a pattern apart.
func segments(path string) ([]Segment, error) {
	parts := strings.Split(path[1:], "/")
	if len(parts) > segmentsMax {
		return nil, fmt.Errorf("the path has more than %d segments", segmentsMax)
	}
	list := make([]Segment, 0, len(parts))
	for i, part := range parts {
		s, err := segment(part)
		last := i == len(parts)-1
		switch {
		case err != nil:
			return nil, err
		case s.Rest && !last:
			return nil, fmt.Errorf("%s must be the last segment", part)
		case part == "" && !last:
			return nil, fmt.Errorf("%q has an empty segment", path)
		case s.Name != "" && slices.ContainsFunc(list, func(o Segment) bool { return o.Name == s.Name }):
			return nil, fmt.Errorf("%s is there twice", part)
		}
		list = append(list, s)
	}
	return list, nil
}

func segment(part string) (Segment, error) {
	if !strings.ContainsAny(part, "{}*?#%") {
		if part == "." || part == ".." {
			return Segment{}, fmt.Errorf("a path has no segment %q", part)
		}
		return Segment{Literal: part}, nil
	}
	if unescaped, err := url.PathUnescape(part); err == nil && !strings.ContainsAny(part, "{}*?#") {
		return Segment{Literal: unescaped}, nil
	}
	inner, open := strings.CutPrefix(part, "{")
	inner, closed := strings.CutSuffix(inner, "}")
	name, rest := strings.CutSuffix(inner, "...")
	if !open || !closed || !isName(name) {
		return Segment{}, fmt.Errorf("the segment %.40q is not understood: a capture is a whole segment, "+
			"like {id} or, at the end, {rest...}", part)
	}
	return Segment{Name: name, Rest: rest}, nil
}

// Captures are the names that the path captures.
func (p Pattern) Captures() []string {
	var names []string
	for _, s := range p.Segments {
		if s.Name != "" {
			names = append(names, s.Name)
		}
	}
	return names
}

// String writes the pattern in its one form.
func (p Pattern) String() string {
	text := p.Host + p.Path
	if len(p.Methods) > 0 {
		text = strings.Join(p.Methods, ",") + " " + text
	}
	return text
}

// checkHost reports whether a route or front may have that host.
func checkHost(host string) error {
	if host == "*" {
		return nil
	}
	name := strings.TrimPrefix(host, "*.")
	if len(name) > 253 || name != strings.ToLower(name) {
		return fmt.Errorf("%.80q is no host name: write it in lower case, like shop.example.com", host)
	}
	for label := range strings.SplitSeq(name, ".") {
		ok := label != "" && len(label) <= 63 && label[0] != '-' && label[len(label)-1] != '-'
		for _, c := range []byte(label) {
			ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_')
		}
		if !ok {
			return fmt.Errorf("%.80q is no host name: write it without a port, like shop.example.com", host)
		}
	}
	return nil
}

// isToken reports whether text is a token of HTTP, as methods and header names are.
func isToken(text string) bool {
	for _, c := range []byte(text) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return text != ""
}

// isName reports whether a capture may be called so: expressions use the name.
func isName(text string) bool {
	for i, c := range []byte(text) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return text != "" && len(text) <= 64
}

// Template is a text with captures in braces: "/v2/orders/{id}".
type Template struct {
	parts []Segment // Literal, or Name
}

// ParseTemplate reads a template.
func ParseTemplate(text string) (Template, error) {
	t := Template{}
	for text != "" {
		open := strings.IndexByte(text, '{')
		if open < 0 {
			open = len(text)
		}
		if open > 0 {
			t.parts = append(t.parts, Segment{Literal: text[:open]})
		}
		if text = text[open:]; text == "" {
			break
		}
		end := strings.IndexByte(text, '}')
		if end < 0 {
			return Template{}, fmt.Errorf("%.40q is not closed", text)
		}
		name, rest := strings.CutSuffix(text[1:end], "...")
		if !isName(name) {
			return Template{}, fmt.Errorf("%.40q names no capture", text[:end+1])
		}
		t.parts = append(t.parts, Segment{Name: name, Rest: rest})
		text = text[end+1:]
	}
	return t, nil
}

// Names are the captures that t uses.
func (t Template) Names() []string {
	var names []string
	for _, p := range t.parts {
		if p.Name != "" {
			names = append(names, p.Name)
		}
	}
	return names
}

// Expand puts in what value gives for each capture; rest tells whether it may hold slashes.
func (t Template) Expand(value func(name string, rest bool) string) string {
	var b strings.Builder
	for _, p := range t.parts {
		if p.Name == "" {
			b.WriteString(p.Literal)
			continue
		}
		b.WriteString(value(p.Name, p.Rest))
	}
	return b.String()
}
