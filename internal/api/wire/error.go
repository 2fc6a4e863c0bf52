// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// BodyError says in words of the caller why its body could not be read.
func BodyError(err error) error {
	var large *http.MaxBytesError
	var syntax *json.SyntaxError
	var field *json.UnmarshalTypeError
	var known *dayfly.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &large):
		return dayfly.Errorf(dayfly.KindInvalid, "the body is larger than %s",
			dayfly.FormatBytes(large.Limit))
	case errors.As(err, &syntax):
		return dayfly.Errorf(dayfly.KindInvalid, "the body is not JSON at byte %d: %s",
			syntax.Offset, syntax.Error())
	case errors.As(err, &field):
		return dayfly.Errorf(dayfly.KindInvalid, "field %s holds a %s, not a %s",
			field.Field, field.Value, field.Type)
	default:
		text := strings.TrimPrefix(err.Error(), "json: ")
		return dayfly.Errorf(dayfly.KindInvalid, "read the body: %s", text)
	}
}
