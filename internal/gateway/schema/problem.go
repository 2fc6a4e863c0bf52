// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"fmt"
	"net/http"
)

// ruleMedia is the rule of a field about the media type.
const ruleMedia = "media_type"

// ContentType is that of a Problem.
const ContentType = "application/problem+json"

// Answer tells a caller what is wrong with a request (RFC 9457).
type Answer struct {
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail"`
	Kind   string  `json:"kind"`
	Errors []Field `json:"errors"`
}

// Problem gives the answer for a request with which something is wrong: 415 when it is
// the media type, else 400.
func Problem(fields []Field) Answer {
	a := Answer{Status: http.StatusBadRequest, Kind: "invalid", Errors: fields}
	for _, f := range fields {
		if f.Rule == ruleMedia && f.In == InHeader {
			a.Status = http.StatusUnsupportedMediaType
		}
	}
	a.Title = http.StatusText(a.Status)
	switch n := len(fields); {
	case n == 1:
		a.Detail = "the request is not valid: " + fields[0].String()
	case n >= fieldsMax:
		a.Detail = fmt.Sprintf("the request is not valid: the first %d faults are listed", fieldsMax)
	default:
		a.Detail = fmt.Sprintf("the request is not valid: it has %d faults", n)
	}
	return a
}

// String says what is wrong in a line.
func (f Field) String() string {
	if f.Field == "" {
		return fmt.Sprintf("%s %s", f.In, f.Message)
	}
	return fmt.Sprintf("%s %s %s", f.In, f.Field, f.Message)
}
