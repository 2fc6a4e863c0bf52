// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// problem is an error on the wire: RFC 9457 with the kind, the hint and the request
// that the node's log names.
type problem struct {
	Title   string      `json:"title"`
	Status  int         `json:"status"`
	Detail  string      `json:"detail"`
	Kind    dayfly.Kind `json:"kind"`
	Hint    string      `json:"hint,omitempty"`
	Request string      `json:"request,omitempty"`
	// Faults are the fields of a front that are wrong.
	Faults []fault `json:"faults,omitempty"`
	// RetryMillis is Retry-After, finer.
	RetryMillis int64 `json:"retry_after_ms,omitempty"`
}

// fault is what is wrong with one field; Path leads to it by keys and indexes.
type fault struct {
	Path    []string `json:"path"`
	Message string   `json:"message"`
}

// newProblem tells a caller what of err is theirs to know.
func newProblem(err error, request string) problem {
	kind := dayfly.KindOf(err)
	p := problem{
		Title: strings.ReplaceAll(string(kind), "_", " "), Status: kind.HTTPStatus(),
		Detail: err.Error(), Kind: kind, Request: request,
	}
	switch { // where HTTP says more precisely what the kind says
	case errors.Is(err, dayfly.ErrCondition):
		p.Status = http.StatusPreconditionFailed
	case errors.Is(err, dayfly.ErrRequestTooLarge) && kind == dayfly.KindInvalid:
		p.Status = http.StatusRequestEntityTooLarge
	}
	var known *dayfly.Error
	if errors.As(err, &known) {
		p.Hint, p.RetryMillis = known.Hint, known.RetryAfter.Milliseconds()
	}
	for _, one := range front.Problems(err) {
		p.Faults = append(p.Faults, fault{one.Path, one.Message})
	}
	if kind == dayfly.KindInternal {
		p.Faults = nil
		p.Detail = "the node met an internal error"
		p.Hint = "its log tells more under request " + request
	}
	return p
}

// writeProblem answers with err.
func writeProblem(w http.ResponseWriter, err error, request string) {
	p := newProblem(err, request)
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Del("Content-Length")
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="dayfly"`)
	}
	if p.RetryMillis > 0 {
		seconds := math.Ceil((time.Duration(p.RetryMillis) * time.Millisecond).Seconds())
		h.Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the caller is gone, and there is no one to tell
}
