// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"net/http"
	"time"
)

// Input is what expressions are evaluated over. It is not changed, and must not change while
// an expression is evaluated.
type Input struct {
	Request *http.Request
	// Path is what request.path gives: the path as the function sees it; that of Request
	// when empty.
	Path    string
	Params  map[string]string // what the route captured
	Address string            // of the client, without a port
	Scheme  string            // "http" or "https"
	ID      string            // of the invocation or event
	// Principal is who is calling, as auth gives it to expressions; nil for nobody.
	Principal map[string]any
	// Body is the whole body, when an expression uses it.
	Body     []byte
	Response *Response // in the phase of an answer
	Error    *Error    // in the phase of an error
	Now      time.Time

	parsed  parsed // of the request's body
	queries map[string][]string
	cookies map[string]string
}

// Response is an answer.
type Response struct {
	Status int
	Header http.Header
	Body   []byte

	parsed parsed
}

// Error is an error that the caller is told of.
type Error struct {
	Kind, Message, Hint, Invocation string
	Status                          int
}
