// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/front"
)

// pairsMax bounds the parameters of a query or form: each is looked up.
const pairsMax = 2_000

// Styles in which a parameter is written, as OpenAPI names them; styleJSON is for one that
// has a media type.
const (
	styleForm   = "form"
	styleSimple = "simple"
	styleSpace  = "spaceDelimited"
	stylePipe   = "pipeDelimited"
	styleDeep   = "deepObject"
	styleLabel  = "label"
	styleMatrix = "matrix"
	styleJSON   = "json"
)

// stylesOf lists the styles of parameters by where they are; the first is the default.
var stylesOf = map[string][]string{
	InPath:   {styleSimple, styleLabel, styleMatrix, styleJSON},
	InQuery:  {styleForm, styleSpace, stylePipe, styleDeep, styleJSON},
	InHeader: {styleSimple, styleJSON},
	InCookie: {styleForm, styleJSON},
}

// style says how a parameter is written.
type style struct {
	name    string
	explode bool
}

// styleOf reads the style of a parameter, "form,explode", or gives the default.
func styleOf(in, name string, styles map[string]string) (style, error) {
	text, said := styles[in+"."+name]
	if !said {
		return style{stylesOf[in][0], in == InQuery}, nil
	}
	word, rest, _ := strings.Cut(text, ",")
	if !slices.Contains(stylesOf[in], word) || rest != "" && rest != "explode" {
		return style{}, &front.Problem{Path: []string{"styles", in + "." + name},
			Message: fmt.Sprintf("%.80q is no style of a parameter in %s: %s, with or without ,explode, are",
				text, in, strings.Join(stylesOf[in], ", "))}
	}
	return style{word, rest != "" || word == styleDeep}, nil
}

// checkStyles wants that each style is that of a parameter.
func checkStyles(styles map[string]string, groups []*group) error {
	for _, key := range slices.Sorted(maps.Keys(styles)) {
		in, name, _ := strings.Cut(key, ".")
		if !slices.ContainsFunc(groups, func(g *group) bool { return g.in == in && g.has(name) }) {
			return &front.Problem{Path: []string{"styles", key}, Message: "there is no such parameter"}
		}
	}
	return nil
}

// pair is one name and value of a query, form or list; both as they were sent.
type pair struct {
	name, value string
}

// readPairs takes a query apart. Values stay escaped: a comma that was escaped is no
// delimiter.
func readPairs(query string) ([]pair, bool) {
	list := make([]pair, 0, 8)
	for query != "" {
		var part string
		part, query, _ = strings.Cut(query, "&")
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, ok := unescape(name)
		if !ok || len(list) == pairsMax {
			return nil, false
		}
		list = append(list, pair{name, value})
	}
	return list, true
}

func unescape(text string) (string, bool) {
	if !strings.ContainsAny(text, "%+") {
		return text, true
	}
	text, err := url.QueryUnescape(text)
	return text, err == nil
}

// split takes the text of a list apart, before it is unescaped.
func (s style) split(text string) []string {
	if text == "" {
		return nil
	}
	switch s.name {
	case styleSpace:
		return strings.FieldsFunc(strings.NewReplacer("%20", " ", "+", " ").Replace(text), func(c rune) bool { return c == ' ' })
	case stylePipe:
		return strings.Split(strings.NewReplacer("%7C", "|", "%7c", "|").Replace(text), "|")
	case styleLabel:
		if text = strings.TrimPrefix(text, "."); s.explode {
			return strings.Split(text, ".")
		}
	case styleMatrix:
		if s.explode {
			return strings.Split(strings.TrimPrefix(text, ";"), ";")
		}
	}
	return strings.Split(text, ",")
}

// trim takes away what a style writes before a value.
func (s style) trim(name, text string) string {
	switch s.name {
	case styleLabel:
		return strings.TrimPrefix(text, ".")
	case styleMatrix:
		if !s.explode || strings.Count(text, ";") <= 1 {
			return strings.TrimPrefix(strings.TrimPrefix(text, ";"), name+"=")
		}
	}
	return text
}
