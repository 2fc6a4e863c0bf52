// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/dayfly-faas/dayfly"
)

const (
	// TextBytesMax bounds an expression's text.
	TextBytesMax = 64 << 10
	// nodesMax bounds an expression after its macros were written out, and nestingMax how
	// deep it is.
	nodesMax   = 5000
	nestingMax = 64
	// costMax bounds one evaluation, in CEL's own unit: about a tenth of a second of the
	// costliest operations.
	costMax = 1_000_000
	// evaluateMax bounds one evaluation's time on a busy machine.
	evaluateMax = 200 * time.Millisecond
	// interruptEvery is after how many rounds of a comprehension the time is looked at.
	interruptEvery = 100
)

// Kind is what an expression gives.
type Kind int

// Kinds of results.
const (
	Any    Kind = iota // a value of JSON
	Bool               // true or false
	Text               // a text; numbers, truth values and times are written as one
	Number             // a number
)

// String names the kind.
func (k Kind) String() string {
	return [...]string{"a value", "true or false", "a text", "a number"}[k]
}

// Phase says when an expression is evaluated, and so which variables there are.
type Phase int

// Phases of a request.
const (
	RequestPhase  Phase = iota
	ResponsePhase       // response, too
	ErrorPhase          // error, too
	phases
)

// Expression is a compiled expression.
type Expression struct {
	text    string
	kind    Kind
	program cel.Program
	loops   bool            // it has a comprehension, which takes long over a long list
	uses    map[string]bool // the variables that it names
	answer  bool            // it looks at the answer's body
	params  []string        // what it names of path
}

// Compile reads an expression.
func Compile(text string, as Kind, phase Phase) (*Expression, error) {
	switch {
	case len(text) > TextBytesMax:
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the expression has %d bytes, at most %d are possible",
			len(text), TextBytesMax)
	case !utf8.ValidString(text):
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the expression is not UTF-8")
	case strings.TrimSpace(text) == "":
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the expression is empty")
	}
	env, err := environment(phase)
	if err != nil {
		return nil, fmt.Errorf("make the environment of expressions: %w", err)
	}
	checked, issues := env.Compile(text)
	if list := issues.Errors(); len(list) > 0 {
		first := list[0]
		message, _, _ := strings.Cut(first.Message, "\n")
		return nil, wrong(first.Location.Line(), first.Location.Column()+1, "%s", message)
	}
	if kind := checked.OutputType(); !as.takes(kind) {
		return nil, wrong(1, 1, "the expression gives a %s, not %s", kind, as)
	}
	x := &Expression{text: text, kind: as, uses: map[string]bool{}}
	if err := x.inspect(checked.NativeRep()); err != nil {
		return nil, err
	}
	x.program, err = env.Program(checked, programOptions()...)
	if err != nil {
		message, _, _ := strings.Cut(err.Error(), "\n")
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the expression cannot be evaluated: %s", message)
	}
	return x, nil
}

// takes tells whether an expression of a type may give k.
func (k Kind) takes(t *cel.Type) bool {
	if t.IsExactType(cel.DynType) {
		return true
	}
	switch k {
	case Bool:
		return t.IsExactType(cel.BoolType)
	case Number:
		return t.IsExactType(cel.IntType) || t.IsExactType(cel.UintType) || t.IsExactType(cel.DoubleType)
	case Text:
		switch t.Kind() {
		case types.ListKind, types.MapKind, types.TypeKind:
			return false
		}
	}
	return t.Kind() != types.TypeKind
}

// inspect finds out what the expression looks at.
func (x *Expression) inspect(tree *ast.AST) (err error) {
	responses, fields := 0, 0
	tested := map[string]bool{}
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.ComprehensionKind:
			x.loops = true
		case ast.IdentKind:
			x.uses[e.AsIdent()] = true
			if e.AsIdent() == "response" {
				responses++
			}
		case ast.SelectKind:
			of := e.AsSelect().Operand()
			if of.Kind() != ast.IdentKind {
				return
			}
			field, name := e.AsSelect().FieldName(), of.AsIdent()
			if name == "path" && e.AsSelect().IsTestOnly() {
				tested[field] = true
			} else if name == "path" {
				x.params = append(x.params, field)
			}
			if name == "response" {
				fields++
				x.answer = x.answer || field == "body"
			}
			if problem := unknownField(name, field); problem != "" && err == nil {
				at := tree.SourceInfo().GetStartLocation(e.ID())
				err = wrong(at.Line(), at.Column()+1, "%s", problem)
			}
		}
	}))
	x.params = slices.DeleteFunc(x.params, func(name string) bool { return tested[name] })
	x.answer = x.answer || responses > fields // response["body"] names it in another way
	return err
}

// String gives the text that the expression was compiled of.
func (x *Expression) String() string { return x.text }

// Params are the captures that it names as path.NAME, without asking whether they are there.
func (x *Expression) Params() []string { return x.params }

// CheckParams reports a capture that x names and that is not among these; x may be nil.
func (x *Expression) CheckParams(captures []string) error {
	if x == nil {
		return nil
	}
	for _, name := range x.params {
		if slices.Contains(captures, name) {
			continue
		}
		err := dayfly.Errorf(dayfly.KindInvalid, "the path captures no {%s}", name)
		if len(captures) > 0 {
			err.Message += ": it has {" + strings.Join(captures, "}, {") + "}"
		}
		return err
	}
	return nil
}

// UsesBody tells whether it looks at the body of the request.
func (x *Expression) UsesBody() bool { return x.uses["body"] }

// UsesPrincipal reports whether x looks at who is calling.
func (x *Expression) UsesPrincipal() bool {
	return x.uses["principal"] || x.uses["jwt"] || x.uses["key"]
}

// UsesAnswer tells whether it looks at the body of the answer.
func (x *Expression) UsesAnswer() bool { return x.answer }

// Bool evaluates an expression of that kind.
func (x *Expression) Bool(ctx context.Context, in *Input) (bool, error) {
	value, err := x.evaluate(ctx, in)
	if err != nil {
		return false, err
	}
	yes, ok := value.(types.Bool)
	if !ok {
		return false, x.gave(value)
	}
	return bool(yes), nil
}

// Text evaluates an expression of that kind. What is absent or null is the empty text.
func (x *Expression) Text(ctx context.Context, in *Input) (string, error) {
	value, err := x.evaluate(ctx, in)
	if err != nil {
		return "", err
	}
	text, ok := textOf(value)
	if !ok {
		return "", x.gave(value)
	}
	return text, nil
}

// Number evaluates an expression of that kind.
func (x *Expression) Number(ctx context.Context, in *Input) (float64, error) {
	value, err := x.evaluate(ctx, in)
	if err != nil {
		return 0, err
	}
	switch v := value.(type) {
	case types.Int:
		return float64(v), nil
	case types.Uint:
		return float64(v), nil
	case types.Double:
		return float64(v), nil
	}
	return 0, x.gave(value)
}

// Value evaluates an expression and gives what JSON can say: nil, bool, int64, uint64,
// float64, string, []any and map[string]any. Bytes are base64, times RFC 3339.
func (x *Expression) Value(ctx context.Context, in *Input) (any, error) {
	value, err := x.evaluate(ctx, in)
	if err != nil {
		return nil, err
	}
	e := exporter{left: resultMax}
	return e.value(value, 0)
}

// gave is the error of a result of the wrong kind.
func (x *Expression) gave(value ref.Val) error {
	return dayfly.Errorf(dayfly.KindInvalid, "the expression gives a %s, not %s", value.Type().TypeName(), x.kind)
}

// evaluate runs the program. One without a comprehension ends by its cost alone.
func (x *Expression) evaluate(ctx context.Context, in *Input) (value ref.Val, err error) {
	vars := &variables{in: in}
	if !x.loops {
		value, _, err = x.program.Eval(vars)
	} else {
		ctx, cancel := context.WithTimeout(ctx, evaluateMax)
		defer cancel()
		value, _, err = x.program.ContextEval(ctx, vars)
		if err != nil && ctx.Err() != nil {
			return nil, dayfly.Errorf(dayfly.KindInvalid, "the expression was not done after %s", evaluateMax)
		}
	}
	if vars.err != nil {
		return nil, vars.err
	}
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the expression cannot be evaluated: %w", err)
	}
	return value, nil
}

// wrong is the error of a text, with where it is wrong: line and column from 1.
func wrong(line, column int, format string, args ...any) error {
	e := dayfly.Errorf(dayfly.KindInvalid, format, args...)
	return dayfly.Errorf(dayfly.KindInvalid, "expression, line %d, column %d: %s", line, column, e.Message)
}
