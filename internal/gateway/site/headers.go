// SPDX-License-Identifier: Apache-2.0

package site

import (
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// headersFile holds headers by path:
//
//	/assets/*
//	  Cache-Control: public, max-age=3600
//	  ! X-Frame-Options
const headersFile = "_headers"

// headerRule sets headers on the answers of some paths.
type headerRule struct {
	matcher
	set    []headerValue
	remove []string
}

type headerValue struct{ name, value string }

// headerRules all apply, in their order.
type headerRules []headerRule

// parseHeaders reads a _headers file.
func parseHeaders(text string) (headerRules, error) {
	var rules headerRules
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, " \t\r\n")
		content := strings.TrimLeft(line, " \t")
		if content == "" || content[0] == '#' {
			continue
		}
		var err error
		switch isIndented := len(content) < len(line); {
		case len(line) > lineMax:
			err = fmt.Errorf("it is longer than %d bytes", lineMax)
		case len(rules) == rulesMax:
			err = fmt.Errorf("there are more than %d rules", rulesMax)
		case !isIndented && isPath(content):
			var m matcher
			m, err = parseMatcher(content)
			rules = append(rules, headerRule{matcher: m})
		case len(rules) == 0:
			err = fmt.Errorf("a header comes before the first path")
		default:
			err = rules[len(rules)-1].add(content)
		}
		if err != nil {
			return nil, atLine(headersFile, number, err)
		}
	}
	return rules, nil
}

func isPath(text string) bool {
	return text[0] == '/' || strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://")
}

// add reads "Name: value" or "! Name".
func (h *headerRule) add(text string) error {
	if name, ok := strings.CutPrefix(text, "!"); ok {
		name = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))
		h.remove = append(h.remove, name)
		return checkHeader(name, "")
	}
	name, value, found := strings.Cut(text, ":")
	if !found {
		return fmt.Errorf("%.80q is no header: write it like Name: value", text)
	}
	name, value = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)), strings.TrimSpace(value)
	h.set = append(h.set, headerValue{name, value})
	return checkHeader(name, value)
}

// checkHeader refuses what is no header and what the door has to say itself.
func checkHeader(name, value string) error {
	if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
		return fmt.Errorf("%.80q is no header", name)
	}
	switch name {
	case "Accept-Ranges", "Age", "Connection", "Content-Encoding", "Content-Length", "Content-Range", "Date", "Etag",
		"Keep-Alive", "Last-Modified", "Location", "Trailer", "Transfer-Encoding", "Upgrade":
		return fmt.Errorf("%s is the server's to set", name)
	}
	if strings.HasPrefix(name, "X-Dayfly-") {
		return fmt.Errorf("%s is the server's to set", name)
	}
	return nil
}

// apply sets the headers of every rule that is for the request. A rule's header takes the
// place of the server's own; that of a second rule is joined to the first's.
func (rules headerRules) apply(header http.Header, q *query) {
	if len(rules) == 0 {
		return
	}
	host, path := hostOf(q.Host), strings.TrimSuffix(q.path, "/")
	var own map[string]bool
	for i := range rules {
		bound, ok := rules[i].match(host, path)
		if !ok {
			continue
		}
		for _, name := range rules[i].remove {
			delete(header, name)
		}
		for _, v := range rules[i].set {
			value := expand(v.value, bound, url.PathEscape)
			if own[v.name] && v.name != "Set-Cookie" {
				header[v.name] = []string{header[v.name][0] + ", " + value}
				continue
			}
			if !own[v.name] && v.name != "Vary" {
				delete(header, v.name)
			}
			header.Add(v.name, value)
			if own == nil {
				own = map[string]bool{}
			}
			own[v.name] = true
		}
	}
}
