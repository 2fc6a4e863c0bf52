// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types/ref"

	"github.com/dayfly-faas/dayfly"
)

const (
	// nodesMax bounds an expression after its macros were written out, and nestingMax
	// how deep it is.
	nodesMax   = 2000
	nestingMax = 64
	// costMax bounds one evaluation, in CEL's own unit: about a tenth of a second of
	// the costliest operations.
	costMax = 1_000_000
	// evaluateMax bounds one evaluation's time on a busy machine.
	evaluateMax = 200 * time.Millisecond
	// interruptEvery is after how many rounds of a comprehension the time is looked at.
	interruptEvery = 100
	// variable is what an expression calls the event.
	variable = "event"
)

// fields of the event that an expression may name.
var fields = []string{"id", "source", "type", "subject", "time", "data", "attributes"}

// environment is made when the first expression is compiled, and kept: it takes some
// tenths of a millisecond and a megabyte.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable(variable, cel.MapType(cel.StringType, cel.DynType)),
		cel.ParserExpressionSizeLimit(TextBytesMax),
		cel.ExpressionNodeLimit(nodesMax),
		cel.ExpressionNestingDepthLimit(nestingMax),
	)
})

// expression is a filter in CEL.
type expression struct {
	program cel.Program
	data    bool // it looks at the event's data
	loops   bool // it has a comprehension, which takes long over a long list
}

func compileExpression(text string) (matcher, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	checked, issues := env.Compile(text)
	if list := issues.Errors(); len(list) > 0 {
		first := list[0]
		message, _, _ := strings.Cut(first.Message, "\n")
		return nil, wrong(first.Location.Line(), first.Location.Column()+1, "%s", message)
	}
	if kind := checked.OutputType(); !kind.IsExactType(cel.BoolType) && !kind.IsExactType(cel.DynType) {
		return nil, wrong(1, 1, "the expression gives a %s, not true or false", kind)
	}
	x := &expression{}
	if err := x.inspect(checked.NativeRep()); err != nil {
		return nil, err
	}
	x.program, err = env.Program(checked, cel.CostLimit(costMax),
		cel.InterruptCheckFrequency(interruptEvery))
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the filter cannot be evaluated: %w", err)
	}
	return x, nil
}

// inspect finds out what the expression looks at, and refuses fields that no event has.
func (x *expression) inspect(tree *ast.AST) (err error) {
	named := 0 // times that event is followed by a field
	seen := 0  // times that event is named
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.ComprehensionKind:
			x.loops = true
		case ast.IdentKind:
			if e.AsIdent() == variable {
				seen++
			}
		case ast.SelectKind:
			of := e.AsSelect().Operand()
			if of.Kind() != ast.IdentKind || of.AsIdent() != variable {
				return
			}
			named++
			field := e.AsSelect().FieldName()
			x.data = x.data || field == "data"
			if !slices.Contains(fields, field) && err == nil {
				at := tree.SourceInfo().GetStartLocation(e.ID())
				err = wrong(at.Line(), at.Column()+1, "an event has no field %s, only %s", field,
					strings.Join(fields, ", "))
			}
		}
	}))
	x.data = x.data || seen > named // event["data"] names it in another way
	return err
}

func (x *expression) match(e *dayfly.Event) (bool, error) {
	view := map[string]any{"id": e.ID, "source": e.Source, "type": e.Type, "subject": e.Subject,
		"time": e.Time, "attributes": attributes(e)}
	if x.data {
		view["data"] = content(e, decodeFloats)
	}
	value, err := x.evaluate(map[string]any{variable: view})
	if err != nil {
		return false, err
	}
	yes, ok := value.Value().(bool)
	if !ok {
		return false, dayfly.Errorf(dayfly.KindInvalid, "the filter gives a %s, not true or false",
			value.Type().TypeName())
	}
	return yes, nil
}

// evaluate runs the program. One without a comprehension ends by its cost alone.
func (x *expression) evaluate(values map[string]any) (value ref.Val, err error) {
	if !x.loops {
		value, _, err = x.program.Eval(values)
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), evaluateMax)
		defer cancel()
		value, _, err = x.program.ContextEval(ctx, values)
		if err != nil && ctx.Err() != nil {
			return nil, dayfly.Errorf(dayfly.KindInvalid, "the filter was not done after %s", evaluateMax)
		}
	}
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the filter cannot be evaluated: %w", err)
	}
	return value, nil
}

// attributes gives the further attributes of an event, by name.
func attributes(e *dayfly.Event) map[string]string {
	if e.ContentType == "" && e.DataSchema == "" && e.Extensions != nil {
		return e.Extensions
	}
	all := make(map[string]string, len(e.Extensions)+2)
	for name, value := range e.Extensions {
		all[name] = value
	}
	for name, value := range map[string]string{
		"datacontenttype": e.ContentType, "dataschema": e.DataSchema,
	} {
		if value != "" {
			all[name] = value
		}
	}
	return all
}
