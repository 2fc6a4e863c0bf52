// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/dayfly-faas/dayfly"
)

const (
	// resultMax bounds a result: bytes of texts, and valueBytes for each value.
	resultMax = 4 << 20
	// valueBytes is what a value counts beside its bytes.
	valueBytes = 16
)

// textOf writes a scalar as text; what is absent or null is empty.
func textOf(value ref.Val) (string, bool) {
	switch v := value.(type) {
	case types.String:
		return string(v), true
	case types.Int:
		return strconv.FormatInt(int64(v), 10), true
	case types.Uint:
		return strconv.FormatUint(uint64(v), 10), true
	case types.Double:
		return strconv.FormatFloat(float64(v), 'f', -1, 64), !math.IsInf(float64(v), 0) && !math.IsNaN(float64(v))
	case types.Bool:
		return strconv.FormatBool(bool(v)), true
	case types.Bytes:
		return string(v), true
	case types.Timestamp:
		return v.UTC().Format(time.RFC3339Nano), true
	case types.Duration:
		return v.Duration.String(), true
	case types.Null:
		return "", true
	case *types.Optional:
		if !v.HasValue() {
			return "", true
		}
		return textOf(v.GetValue())
	}
	return "", false
}

// exporter makes values of JSON.
type exporter struct{ left int }

func (e *exporter) value(value ref.Val, depth int) (any, error) {
	if e.left -= valueBytes; e.left < 0 || depth > depthMax {
		return nil, tooLarge()
	}
	switch v := value.(type) {
	case types.Null:
		return nil, nil
	case types.Bool:
		return bool(v), nil
	case types.Int:
		return int64(v), nil
	case types.Uint:
		return uint64(v), nil
	case types.Double:
		if math.IsInf(float64(v), 0) || math.IsNaN(float64(v)) {
			return nil, dayfly.Errorf(dayfly.KindInvalid, "the expression gives %v, which JSON cannot say", float64(v))
		}
		return float64(v), nil
	case types.String:
		return e.text(string(v))
	case types.Bytes:
		return e.text(base64.StdEncoding.EncodeToString(v))
	case *types.Optional:
		if !v.HasValue() {
			return nil, nil
		}
		return e.value(v.GetValue(), depth+1)
	case traits.Mapper:
		return e.object(v, depth)
	case traits.Lister:
		return e.list(v, depth)
	}
	if text, ok := textOf(value); ok {
		return e.text(text)
	}
	return nil, dayfly.Errorf(dayfly.KindInvalid, "the expression gives a %s, which JSON cannot say", value.Type().TypeName())
}

func (e *exporter) text(text string) (any, error) {
	if e.left -= len(text); e.left < 0 {
		return nil, tooLarge()
	}
	return text, nil
}

func (e *exporter) object(m traits.Mapper, depth int) (any, error) {
	object := map[string]any{}
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := textOf(key)
		if !ok {
			return nil, dayfly.Errorf(dayfly.KindInvalid, "the expression gives a map by %s, which JSON cannot say",
				key.Type().TypeName())
		}
		if e.left -= len(name); e.left < 0 {
			return nil, tooLarge()
		}
		value, err := e.value(m.Get(key), depth+1)
		if err != nil {
			return nil, err
		}
		object[name] = value
	}
	return object, nil
}

func (e *exporter) list(l traits.Lister, depth int) (any, error) {
	list := []any{}
	for it := l.Iterator(); it.HasNext() == types.True; {
		value, err := e.value(it.Next(), depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	return list, nil
}

func tooLarge() error {
	return dayfly.Errorf(dayfly.KindInvalid, "the expression gives more than %d bytes, or more than %d levels", resultMax, depthMax)
}
