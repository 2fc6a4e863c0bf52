// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// places knows where the keys of a manifest stand, for faults that are found later.
type places struct {
	reader *reader
	root   []entry
}

// Locate gives what is wrong with the front its file, line and column. An error without
// problems of a front stays as it is.
func (m *Manifest) Locate(err error) error {
	found := front.Problems(err)
	if len(found) == 0 {
		return err
	}
	lines := make([]string, len(found))
	for i, p := range found {
		lines[i] = m.Place(p)
	}
	located := dayfly.Errorf(dayfly.KindInvalid, "%s", strings.Join(slices.Compact(lines), "\n"))
	var known *dayfly.Error
	if errors.As(err, &known) {
		located.Kind, located.Hint = known.Kind, known.Hint
	}
	return located
}

// Place tells a problem of the front with the file, line and column of its field.
func (m *Manifest) Place(p *front.Problem) string {
	r := m.places.reader
	return r.errorf(r.find(m.places.root, p.Path), "%v", p).Message
}

// find gives the place of a path of keys and indexes, as near as there is one.
func (r *reader) find(entries []entry, path []string) ast.Node {
	var at ast.Node
	if len(path) > 1 && path[0] == "routes" {
		pattern := path[1]
		for _, o := range r.facade.routes {
			if o.pattern == pattern {
				at, entries, path = o.at, o.options, path[2:]
				break
			}
		}
		if r.facade.site.at != nil && pattern == wholePath {
			at, entries, path = r.facade.site.at, []entry{r.facade.site}, path[2:]
		}
	}
	for _, key := range path {
		// Headers are told as Go writes them.
		i := slices.IndexFunc(entries, func(e entry) bool { return strings.EqualFold(e.key, key) })
		if i < 0 {
			return at
		}
		at = entries[i].at
		entries = r.inside(entries[i].value)
	}
	return at
}

// inside gives what a mapping or a list holds.
func (r *reader) inside(node ast.Node) []entry {
	if list, is := node.(*ast.SequenceNode); is {
		var entries []entry
		for i, node := range list.Values {
			value, _ := r.resolve(node)
			entries = append(entries, entry{key: strconv.Itoa(i), at: node, value: value})
		}
		return entries
	}
	if node == nil {
		return nil
	}
	entries, err := r.mapping(node, "it")
	if err != nil {
		return nil // the place that is known is near enough
	}
	return entries
}
