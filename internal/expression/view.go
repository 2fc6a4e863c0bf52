// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"net/textproto"
	"reflect"
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// view is a map of CEL whose values are made when they are asked for: an expression that
// looks at one header should not cost as much as all of them.
type view struct {
	find  func(name string) (any, bool)
	names func() []string
}

var _ traits.Mapper = view{}

// Find implements traits.Mapper.
func (v view) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(key), false
	}
	value, found := v.find(string(name))
	if !found {
		return nil, false
	}
	return types.DefaultTypeAdapter.NativeToValue(value), true
}

// Get implements traits.Indexer.
func (v view) Get(key ref.Val) ref.Val {
	value, found := v.Find(key)
	if !found {
		return types.ValOrErr(value, "no such key: %v", key)
	}
	return value
}

// Contains implements traits.Container.
func (v view) Contains(key ref.Val) ref.Val {
	_, found := v.Find(key)
	return types.Bool(found)
}

// whole makes all values.
func (v view) whole() traits.Mapper {
	names := v.names()
	all := make(map[string]any, len(names))
	for _, name := range names {
		all[name], _ = v.find(name)
	}
	return types.NewStringInterfaceMap(types.DefaultTypeAdapter, all)
}

// Size implements traits.Sizer.
func (v view) Size() ref.Val { return types.Int(len(v.names())) }

// Iterator implements traits.Iterable.
func (v view) Iterator() traits.Iterator { return v.whole().Iterator() }

// Equal implements ref.Val.
func (v view) Equal(other ref.Val) ref.Val {
	if o, ok := other.(view); ok {
		other = o.whole()
	}
	return v.whole().Equal(other)
}

// Type implements ref.Val.
func (v view) Type() ref.Type { return types.MapType }

// Value implements ref.Val.
func (v view) Value() any { return v.whole().Value() }

// ConvertToType implements ref.Val.
func (v view) ConvertToType(t ref.Type) ref.Val { return v.whole().ConvertToType(t) }

// ConvertToNative implements ref.Val.
func (v view) ConvertToNative(t reflect.Type) (any, error) { return v.whole().ConvertToNative(t) }

// texts is a map of texts, which may be nil.
func texts(values map[string]string) any {
	if values == nil {
		return map[string]string{}
	}
	return values
}

// naming says how names in a map of lists are told.
type naming struct{ in, out func(string) string }

func same(name string) string { return name }

// Namings: parameters are told as they are, headers in lower case.
var (
	asIs    = naming{same, same}
	asLower = naming{textproto.CanonicalMIMEHeaderKey, strings.ToLower}
)

// lookup gives what stands under a name.
func (n naming) lookup(values map[string][]string, name string) []string {
	if n.out(name) != name {
		return nil // Accept is not a name of a header here, accept is
	}
	return values[n.in(name)]
}

func (n naming) names(values map[string][]string) []string {
	names := make([]string, 0, len(values))
	for name, list := range values {
		if len(list) > 0 {
			names = append(names, n.out(name))
		}
	}
	slices.Sort(names)
	return names
}

// firsts gives the first value of each name.
func firsts(values map[string][]string, n naming) any {
	return view{
		find: func(name string) (any, bool) {
			list := n.lookup(values, name)
			if len(list) == 0 {
				return nil, false
			}
			return list[0], true
		},
		names: func() []string { return n.names(values) },
	}
}

// lists gives all values of each name.
func lists(values map[string][]string, n naming) any {
	return view{
		find: func(name string) (any, bool) {
			list := n.lookup(values, name)
			return list, len(list) > 0
		},
		names: func() []string { return n.names(values) },
	}
}

// record gives a variable with fixed fields.
func record(variable string, find func(name string) (any, bool)) any {
	return view{find: find, names: func() []string { return known[variable] }}
}
