// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// checkApplied checks the schemas that n applies to the value itself.
func (r *run) checkApplied(n *node, value any, t *tracker) bool {
	ok := true
	if n.ref != nil {
		ok = r.checkPart(n.ref, value, t)
	}
	for _, part := range n.all {
		if !ok && r.enough() {
			return false
		}
		ok = r.checkPart(part, value, t) && ok
	}
	if n.not != nil && r.passes(n.not, value, nil) {
		ok = r.wrong("not", "is of a form that is not allowed")
	}
	if n.cond != nil && (ok || !r.enough()) {
		ok = r.checkIf(n, value, t) && ok
	}
	if len(n.any) > 0 && (ok || !r.enough()) {
		ok = r.checkChoice(n, n.any, value, t) && ok
	}
	if len(n.one) > 0 && (ok || !r.enough()) {
		ok = r.checkChoice(n, n.one, value, t) && ok
	}
	return ok
}

func (r *run) checkPart(n *node, value any, t *tracker) bool {
	inner := t.inner()
	if !r.check(n, value, inner) {
		return false
	}
	t.merge(inner)
	return true
}

func (r *run) checkIf(n *node, value any, t *tracker) bool {
	inner := t.inner()
	branch := n.otherwise
	if r.passes(n.cond, value, inner) {
		t.merge(inner)
		branch = n.then
	}
	return branch == nil || r.checkPart(branch, value, t)
}

// checkChoice checks anyOf and oneOf.
func (r *run) checkChoice(n *node, list []*node, value any, t *tracker) bool {
	if object, ok := value.(map[string]any); ok && n.choice != nil {
		return r.checkChosen(n, object, t)
	}
	one := &list[0] == firstOf(n.one)
	matched := 0
	for _, form := range list {
		inner := t.inner()
		if !r.passes(form, value, inner) {
			continue
		}
		t.merge(inner)
		if matched++; !one && t == nil || one && matched > 1 {
			break
		}
	}
	switch {
	case matched == 0 && r.quiet == 0 && !r.stopped:
		return r.closest(list, value, one)
	case matched == 0:
		return false
	case one && matched > 1:
		return r.wrong("oneOf", "matches more than one of the forms that exclude each other")
	}
	return true
}

func firstOf(list []*node) **node {
	if len(list) == 0 {
		return nil
	}
	return &list[0]
}

// checkChosen checks the form that the discriminator names.
func (r *run) checkChosen(n *node, object map[string]any, t *tracker) bool {
	value, has := object[n.discriminator]
	if !has {
		r.wrongAt(n.discriminator, "required", "is required: it says which form is meant")
		return false
	}
	name, _ := value.(string)
	form := n.choice[name]
	if form == nil {
		var known []any
		for _, name := range slices.Sorted(maps.Keys(n.choice)) {
			known = append(known, name)
		}
		r.wrongAt(n.discriminator, "discriminator", "must be one of "+told(known))
		return false
	}
	return r.checkPart(form, object, t)
}

// closest tells what is wrong with the one form that must be meant: the others are of other
// types or have other constants. When there is none, it says so.
func (r *run) closest(list []*node, value any, one bool) bool {
	before := r.fields
	var meant [][]Field
	for _, form := range list {
		r.fields = nil
		r.check(form, value, nil)
		if !r.stopped && !slices.ContainsFunc(r.fields, func(f Field) bool { return r.isOther(f) }) {
			meant = append(meant, r.fields)
		}
	}
	r.fields = before
	if len(meant) == 1 && len(meant[0]) > 0 {
		r.fields = append(r.fields, meant[0][:min(len(meant[0]), fieldsMax-len(r.fields))]...)
		return false
	}
	var accepted kinds
	for _, form := range list {
		accepted |= form.accepts()
	}
	if accepted&kindOf(value) == 0 {
		return r.wrong("type", "must be "+accepted.String())
	}
	rule := "anyOf"
	if one {
		rule = "oneOf"
	}
	return r.wrong(rule, fmt.Sprintf("matches none of the %d forms that are allowed", len(list)))
}

// isOther tells that a field shows that another form is meant.
func (r *run) isOther(f Field) bool {
	below := strings.TrimPrefix(f.Field, r.field())
	level := strings.Count(below, "/")
	return level == 0 && (f.Rule == "type" || f.Rule == "const" || f.Rule == "enum") || level == 1 && f.Rule == "const"
}
