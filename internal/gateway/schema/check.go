// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// check reports whether a value passes n, and notes why not. What n looked at goes to t.
func (r *run) check(n *node, value any, t *tracker) bool {
	if !r.spend() {
		return false
	}
	if n.never {
		return r.wrong("false", "is not allowed")
	}
	if r.nesting++; r.nesting > nestingMax {
		r.nesting--
		return r.wrong("bound", "is nested too deep to check")
	}
	defer func() { r.nesting-- }()
	kind := kindOf(value)
	if n.kinds != kindAny && n.kinds&kind == 0 {
		return r.wrong("type", "must be "+n.kinds.String())
	}
	if !r.checkFixed(n, value) {
		return false
	}
	own := t
	if n.object != nil && n.object.unevaluated != nil && kind == kindObject ||
		n.array != nil && n.array.unevaluated != nil && kind == kindArray {
		own = &tracker{}
	}
	ok := r.checkKind(n, value, own)
	if ok || !r.enough() {
		ok = r.checkApplied(n, value, own) && ok
	}
	if own != t && (ok || !r.enough()) {
		ok = r.checkRest(n, value, own) && ok
		t.merge(own)
	}
	return ok
}

// checkFixed checks what holds for values of any type.
func (r *run) checkFixed(n *node, value any) bool {
	if n.constant != nil && !equal(value, *n.constant) {
		return r.wrong("const", "must be "+told([]any{*n.constant}))
	}
	if n.enum != nil && !n.listed(value) {
		return r.wrong("enum", "must be one of "+told(n.enum))
	}
	if n.format == nil {
		return true
	}
	if text, ok := value.(string); ok && len(text) > matchMax {
		return r.wrong("format", "is too long for "+n.format.Name)
	}
	if err := n.format.Validate(value); err != nil {
		return r.wrong("format", "must be of the format "+n.format.Name)
	}
	return true
}

func (n *node) listed(value any) bool {
	if n.texts != nil {
		text, ok := value.(string)
		return ok && n.texts[text]
	}
	return slices.ContainsFunc(n.enum, func(one any) bool { return equal(value, one) })
}

// told writes the first few values of a list.
func told(values []any) string {
	const most, lengthMax = 10, 40
	var parts []string
	for _, value := range values[:min(len(values), most)] {
		text, err := json.Marshal(value)
		if err != nil || len(text) > lengthMax {
			text = []byte("…")
		}
		parts = append(parts, string(text))
	}
	if len(values) > most {
		parts = append(parts, "…")
	}
	return strings.Join(parts, ", ")
}

func (r *run) checkKind(n *node, value any, t *tracker) bool {
	switch v := value.(type) {
	case map[string]any:
		return n.object == nil || r.checkObject(n.object, v, t)
	case []any:
		return n.array == nil || r.checkArray(n.array, v, t)
	case string:
		return n.text == nil || r.checkText(n.text, v)
	case int64, json.Number:
		return n.number == nil || r.checkNumber(n.number, v)
	}
	return true
}

func (r *run) checkText(rules *textRules, text string) bool {
	if rules.min >= 0 || rules.max >= 0 {
		switch n := utf8.RuneCountInString(text); {
		case n < rules.min:
			return r.wrong("minLength", fmt.Sprintf("must have at least %s", count(rules.min, "character")))
		case rules.max >= 0 && n > rules.max:
			return r.wrong("maxLength", fmt.Sprintf("must have at most %s", count(rules.max, "character")))
		}
	}
	if rules.pattern != nil && !rules.pattern.MatchString(text) {
		return r.wrong("pattern", fmt.Sprintf("must match the pattern %.200s", rules.pattern))
	}
	return true
}

func (r *run) checkNumber(rules *numberRules, value any) bool {
	switch {
	case rules.min != nil && rules.min.compare(value) < 0:
		return r.wrong("minimum", "must be at least "+rules.min.String())
	case rules.max != nil && rules.max.compare(value) > 0:
		return r.wrong("maximum", "must be at most "+rules.max.String())
	case rules.above != nil && rules.above.compare(value) <= 0:
		return r.wrong("exclusiveMinimum", "must be more than "+rules.above.String())
	case rules.below != nil && rules.below.compare(value) >= 0:
		return r.wrong("exclusiveMaximum", "must be less than "+rules.below.String())
	case rules.multiple != nil && !rules.multiple.divides(value):
		return r.wrong("multipleOf", "must be a multiple of "+rules.multiple.String())
	}
	return true
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (r *run) checkArray(rules *arrayRules, list []any, t *tracker) bool {
	ok := true
	switch {
	case len(list) < rules.min:
		ok = r.wrong("minItems", "must have at least "+count(rules.min, "item"))
	case rules.max >= 0 && len(list) > rules.max:
		return r.wrong("maxItems", "must have at most "+count(rules.max, "item"))
	}
	if rules.unique && !r.unique(list) {
		ok = r.wrong("uniqueItems", "must not have the same item twice")
	}
	for i, item := range list {
		if !ok && r.enough() {
			return false
		}
		n := rules.items
		if i < len(rules.prefix) {
			n = rules.prefix[i]
		}
		if n == nil {
			break
		}
		ok = r.part(n, item, step{"", i}) && ok
		t.item(i)
	}
	if rules.contains != nil {
		ok = r.checkContains(rules, list, t) && ok
	}
	return ok
}

func (r *run) checkContains(rules *arrayRules, list []any, t *tracker) bool {
	found := 0
	for i, item := range list {
		if r.passes(rules.contains, item, nil) {
			found++
			t.item(i)
		}
	}
	least := 1
	if rules.minContains >= 0 {
		least = rules.minContains
	}
	switch {
	case found < least:
		return r.wrong("contains", fmt.Sprintf("must have at least %s of a kind that it has %d of",
			count(least, "item"), found))
	case rules.maxContains >= 0 && found > rules.maxContains:
		return r.wrong("maxContains", fmt.Sprintf("must have at most %s of a kind that it has %d of",
			count(rules.maxContains, "item"), found))
	}
	return true
}

func (r *run) unique(list []any) bool {
	seen := make(map[string]bool, len(list))
	var text []byte
	for _, item := range list {
		if !r.spend() {
			return false
		}
		text = appendCanonical(text[:0], item)
		if seen[string(text)] {
			return false
		}
		seen[string(text)] = true
	}
	return true
}

func (r *run) checkObject(rules *objectRules, object map[string]any, t *tracker) bool {
	ok := true
	switch {
	case len(object) < rules.min:
		ok = r.wrong("minProperties", "must have at least "+count(rules.min, "property"))
	case rules.max >= 0 && len(object) > rules.max:
		return r.wrong("maxProperties", "must have at most "+count(rules.max, "property"))
	}
	for _, name := range rules.required {
		if _, has := object[name]; !has && !r.spares(rules.properties[name]) {
			r.wrongAt(name, "required", "is required")
			ok = false
		}
	}
	if r.quiet > 0 && !(ok && r.tells(rules, object)) {
		return false
	}
	for name, needed := range rules.dependentRequired {
		if _, has := object[name]; has {
			ok = r.checkDependent(name, needed, object) && ok
		}
	}
	for _, name := range r.order(object) {
		if !ok && r.enough() {
			return false
		}
		ok = r.checkProperty(rules, name, object[name], t) && ok
	}
	for name, n := range rules.dependentSchemas {
		if _, has := object[name]; has {
			inner := t.inner()
			ok = r.check(n, object, inner) && ok
			t.merge(inner)
		}
	}
	return ok
}

// tells checks the properties with one value: what is of another form is not looked into.
func (r *run) tells(rules *objectRules, object map[string]any) bool {
	for _, name := range rules.telling {
		value, has := object[name]
		if has && !r.part(rules.properties[name], value, step{name, -1}) {
			return false
		}
	}
	return true
}

// order gives the names of an object, so that the same request is told the same.
func (r *run) order(object map[string]any) []string {
	names := make([]string, 0, 16)
	for name := range object {
		names = append(names, name)
	}
	if len(names) < 1000 {
		slices.Sort(names)
	}
	return names
}

// spares tells that a required property need not be there: a request has none that is only
// read, an answer none that is only written.
func (r *run) spares(property *node) bool {
	if property == nil {
		return false
	}
	for depth := 0; property.ref != nil && !property.readOnly && !property.writeOnly && depth < nestingMax; depth++ {
		property = property.ref
	}
	return property.readOnly && !r.response || property.writeOnly && r.response
}

func (r *run) checkDependent(name string, needed []string, object map[string]any) bool {
	ok := true
	for _, other := range needed {
		if _, has := object[other]; !has {
			r.wrongAt(other, "dependentRequired", fmt.Sprintf("is required with %.80s", name))
			ok = false
		}
	}
	return ok
}

func (r *run) checkProperty(rules *objectRules, name string, value any, t *tracker) bool {
	at, ok, known := step{name, -1}, true, false
	if n := rules.properties[name]; n != nil {
		ok, known = r.part(n, value, at), true
	}
	for _, p := range rules.patterns {
		if p.pattern.MatchString(name) {
			ok, known = r.part(p.node, value, at) && ok, true
		}
	}
	if !known && rules.additional != nil {
		ok, known = r.checkAdditional(rules.additional, value, at), true
	}
	if rules.names != nil && !r.passes(rules.names, name, nil) {
		r.wrongAt(name, "propertyNames", "has a name that is not allowed")
		ok = false
	}
	if known {
		t.key(name)
	}
	return ok
}

func (r *run) checkAdditional(n *node, value any, at step) bool {
	if !n.never {
		return r.part(n, value, at)
	}
	r.wrongAt(at.key, "additionalProperties", "is not known")
	return false
}

// checkRest checks what nothing else looked at.
func (r *run) checkRest(n *node, value any, t *tracker) bool {
	ok := true
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if !t.keys[name] {
				ok = r.part(n.object.unevaluated, v[name], step{name, -1}) && ok
				t.key(name)
			}
		}
	case []any:
		for i, item := range v {
			if !t.items[i] {
				ok = r.part(n.array.unevaluated, item, step{"", i}) && ok
				t.item(i)
			}
		}
	}
	return ok
}
