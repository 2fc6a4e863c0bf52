// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// Functions beside those of the language. The extensions that CEL has of the same names count
// the cost of a call once it is over, which is too late for "x".replace("", body): these look
// at what they are given first.

// function is one overload: its name, what it takes and gives, and what it does.
type function struct {
	name   string
	id     string
	takes  []*cel.Type
	gives  *cel.Type
	call   func(args ...ref.Val) ref.Val
	member bool // it is called as x.name(…)
}

var (
	text     = cel.StringType
	textList = cel.ListType(cel.StringType)
)

// functions are all of them.
func functions() []function {
	return []function{
		{"lowerAscii", "lower_ascii", []*cel.Type{text}, text, lowerASCII, true},
		{"upperAscii", "upper_ascii", []*cel.Type{text}, text, upperASCII, true},
		{"trim", "trim", []*cel.Type{text}, text, trim, true},
		{"split", "split", []*cel.Type{text, text}, textList, split, true},
		{"split", "split_n", []*cel.Type{text, text, cel.IntType}, textList, split, true},
		{"replace", "replace", []*cel.Type{text, text, text}, text, replace, true},
		{"replace", "replace_n", []*cel.Type{text, text, text, cel.IntType}, text, replace, true},
		{"join", "join", []*cel.Type{textList}, text, join, true},
		{"join", "join_by", []*cel.Type{textList, text}, text, join, true},
		{"substring", "substring", []*cel.Type{text, cel.IntType}, text, substring, true},
		{"substring", "substring_to", []*cel.Type{text, cel.IntType, cel.IntType}, text, substring, true},
		{"indexOf", "index_of", []*cel.Type{text, text}, cel.IntType, indexOf, true},
		{"lastIndexOf", "last_index_of", []*cel.Type{text, text}, cel.IntType, lastIndexOf, true},
		{"matches", "matches_global", []*cel.Type{text, text}, cel.BoolType, matches, false},
		{"matches", "matches_member", []*cel.Type{text, text}, cel.BoolType, matches, true},
		{"regex.extract", "regex_extract", []*cel.Type{text, text}, cel.OptionalType(text), extract, false},
		{"regex.replace", "regex_replace", []*cel.Type{text, text, text}, text, replaceRegex, false},
		{"base64.encode", "base64_encode", []*cel.Type{cel.BytesType}, text, encodeBase64, false},
		{"base64.encode", "base64_encode_text", []*cel.Type{text}, text, encodeBase64, false},
		{"base64.encodeUrl", "base64_encode_url", []*cel.Type{cel.BytesType}, text, encodeBase64URL, false},
		{"base64.encodeUrl", "base64_encode_url_text", []*cel.Type{text}, text, encodeBase64URL, false},
		{"base64.decode", "base64_decode", []*cel.Type{text}, cel.BytesType, decodeBase64, false},
		{"json.encode", "json_encode", []*cel.Type{cel.DynType}, text, encodeJSON, false},
		{"json.decode", "json_decode", []*cel.Type{text}, cel.DynType, decodeJSON, false},
		{"url.encode", "url_encode", []*cel.Type{text}, text, encodeURL, false},
		{"url.decode", "url_decode", []*cel.Type{text}, text, decodeURL, false},
	}
}

// prefix begins the identities of our overloads.
const prefix = "dayfly_"

// library declares the functions of the language, without those that ours replace, and ours.
func library() []cel.EnvOption {
	without := env.NewLibrarySubset().AddExcludedFunctions(env.NewFunction("matches"))
	options := []cel.EnvOption{cel.StdLib(cel.StdLibSubset(without))}
	for _, f := range functions() {
		overload := cel.Overload
		if f.member {
			overload = cel.MemberOverload
		}
		options = append(options, cel.Function(f.name, overload(prefix+f.id, f.takes, f.gives, binding(f))))
	}
	return options
}

// binding gives what a function does the form that CEL wants for so many arguments.
func binding(f function) cel.OverloadOpt {
	switch len(f.takes) {
	case 1:
		return cel.UnaryBinding(func(a ref.Val) ref.Val { return f.call(a) })
	case 2:
		return cel.BinaryBinding(func(a, b ref.Val) ref.Val { return f.call(a, b) })
	}
	return cel.FunctionBinding(f.call)
}

// programOptions are without CEL's own optimizations: with them, constant regular expressions
// would get past our bounds.
func programOptions() []cel.ProgramOption {
	return []cel.ProgramOption{cel.CostLimit(costMax),
		cel.InterruptCheckFrequency(interruptEvery), cel.CostTracking(costs{}), cel.OptimizeRegex(constants()...)}
}

// constants compiles regular expressions that are written out in an expression once, when it
// is compiled.
func constants() []*interpreter.RegexOptimization {
	of := func(function string, apply func(*pattern, []ref.Val) ref.Val) *interpreter.RegexOptimization {
		return &interpreter.RegexOptimization{Function: function, RegexIndex: 1,
			Factory: func(call interpreter.InterpretableCall, text string) (interpreter.InterpretableCall, error) {
				p, err := compilePattern(text)
				if err != nil {
					return nil, err
				}
				return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(),
					func(args ...ref.Val) ref.Val { return apply(p, args) }), nil
			}}
	}
	return []*interpreter.RegexOptimization{
		of("matches", (*pattern).matches), of("regex.extract", (*pattern).extract), of("regex.replace", (*pattern).replace),
	}
}

// costs counts what our functions cost: a tenth for each byte, as of CEL's own.
type costs struct{}

// CallCost implements cost.ActualCostEstimator.
func (costs) CallCost(name, id string, args []ref.Val, result ref.Val) *uint64 {
	if len(id) < len(prefix) || id[:len(prefix)] != prefix {
		return nil
	}
	total := cost.ActualSize(result)
	for _, arg := range args {
		total += cost.ActualSize(arg)
	}
	if name == "matches" || name == "regex.extract" || name == "regex.replace" {
		total *= regexCost
	}
	total = 1 + total/10
	return &total
}

// fail makes an error of a function.
func fail(format string, args ...any) ref.Val { return types.NewErr(format, args...) }
