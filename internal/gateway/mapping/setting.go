// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"golang.org/x/net/http/httpguts"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/expression"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/router"
)

// listMax bounds the values that one expression gives a header or parameter.
const listMax = 100

// setting is a parameter or header that is set, or taken away when it has no value.
type setting struct {
	name  string
	value *expression.Expression
}

// values are what a parameter or header becomes; it is taken away when there are none.
type values struct {
	name  string
	texts []string
}

// compileSettings reads expressions by name, in the order of the names.
func compileSettings(of map[string]*string, phase expression.Phase) ([]setting, error) {
	var list []setting
	for _, name := range slices.Sorted(maps.Keys(of)) {
		s := setting{name: name}
		if text := of[name]; text != nil {
			var err error
			if s.value, err = compile(*text, expression.Any, phase); err != nil {
				return nil, front.Within(err, name)
			}
		}
		list = append(list, s)
	}
	return list, nil
}

// compile reads an expression; what is wrong is a Problem here.
func compile(text string, kind expression.Kind, phase expression.Phase) (*expression.Expression, error) {
	x, err := expression.Compile(text, kind, phase)
	if err != nil {
		return nil, problem(nil, "%s", err)
	}
	return x, nil
}

func problem(path []string, format string, args ...any) error {
	return &front.Problem{Path: path, Message: fmt.Sprintf(format, args...)}
}

// headerNames gives the names of headers as Go has them.
func headerNames(of map[string]*string) map[string]*string {
	named := make(map[string]*string, len(of))
	for name, text := range of {
		named[http.CanonicalHeaderKey(name)] = text
	}
	return named
}

// evaluate gives the values of settings.
func evaluate(ctx context.Context, settings []setting, in *expression.Input) ([]values, error) {
	if len(settings) == 0 {
		return nil, nil
	}
	list := make([]values, len(settings))
	for i, s := range settings {
		list[i].name = s.name
		if s.value == nil {
			continue
		}
		value, err := s.value.Value(ctx, in)
		if err != nil {
			return nil, dayfly.Errorf(dayfly.KindOf(err), "%s: %w", s.name, err)
		}
		if list[i].texts, err = textsOf(value); err != nil {
			return nil, dayfly.Errorf(dayfly.KindInvalid, "%s: %w", s.name, err)
		}
	}
	return list, nil
}

// textsOf gives a value as those of a header: a list as several, null as none.
func textsOf(value any) ([]string, error) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	if len(list) > listMax {
		return nil, fmt.Errorf("there are %d values, at most %d are possible", len(list), listMax)
	}
	var texts []string
	for _, v := range list {
		switch v := v.(type) {
		case nil:
		case string:
			texts = append(texts, v)
		case bool:
			texts = append(texts, strconv.FormatBool(v))
		case int64:
			texts = append(texts, strconv.FormatInt(v, 10))
		case uint64:
			texts = append(texts, strconv.FormatUint(v, 10))
		case float64:
			texts = append(texts, strconv.FormatFloat(v, 'f', -1, 64))
		default:
			return nil, fmt.Errorf("the expression gives an object or a list of lists, not texts")
		}
	}
	return texts, nil
}

// sets tells whether a name is among those that are set.
func sets(list []values, name string) bool {
	return slices.ContainsFunc(list, func(v values) bool { return v.name == name })
}

// checkHeader refuses what would break the head of a message.
func checkHeader(list []values) error {
	for _, v := range list {
		for _, text := range v.texts {
			if !httpguts.ValidHeaderFieldValue(text) {
				return dayfly.Errorf(dayfly.KindInvalid, "the header %s would hold a control character", v.name)
			}
			if v.name == "Host" {
				if _, err := router.CleanHost(text); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// setHeader puts values into a header.
func setHeader(header http.Header, list []values) {
	for _, v := range list {
		if len(v.texts) == 0 {
			delete(header, v.name)
			continue
		}
		header[v.name] = v.texts
	}
}

// marshal writes JSON; text is not escaped for HTML.
func marshal(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the expression gives what JSON cannot say: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
