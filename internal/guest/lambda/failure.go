// SPDX-License-Identifier: Apache-2.0

package lambda

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/event"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

const (
	// typeCause is an error with a cause for X-Ray, which callers do not get.
	typeCause = "application/vnd.aws.lambda.error.cause+json"
	// errorMax bounds an error: the frame that carries it holds it in base64, and its
	// parts once more.
	errorMax = 512 << 10
	// messageMax and stackMax bound those parts.
	messageMax = 16 << 10
	stackMax   = 64
)

var errorType = regexp.MustCompile(`^(Runtime|Function)\.[A-Z][a-zA-Z]+$`)

// classOf gives the type of an error that the program told of, if it is one there is.
func classOf(given string) string {
	switch {
	case errorType.MatchString(given):
		return given
	case strings.HasPrefix(given, "Function."):
		return "Function.Unknown"
	}
	return "Runtime.Unknown"
}

// invocationError takes the news that an event could not be handled.
func (g *Guest) invocationError(w http.ResponseWriter, r *http.Request) {
	inv, no := g.take(r.PathValue("id"), stateError)
	if no != nil {
		drain(r.Body)
		no.write(w)
		return
	}
	payload, err := errorBody(r)
	if err != nil {
		g.fail(inv, failureOf(dayfly.FailureResponse, "Runtime.TruncatedResponse", "", "the error was cut off"))
		truncated.write(w)
		return
	}
	g.fail(inv, told(dayfly.FailureException, classOf(r.Header.Get(headerErrorType)), payload))
	accept(w)
}

// initError takes the news that the program cannot be made ready.
func (g *Guest) initError(w http.ResponseWriter, r *http.Request) {
	payload, err := errorBody(r)
	if err != nil {
		truncated.write(w)
		return
	}
	g.mu.Lock()
	from := g.state
	if from == stateStarted {
		g.state = stateFailed
	}
	g.mu.Unlock()
	if from != stateStarted {
		illegal(from, stateFailed).write(w)
		return
	}
	accept(w)
	_ = http.NewResponseController(w).Flush() // before the host ends the box
	g.failed <- told(dayfly.FailureInit, classOf(r.Header.Get(headerErrorType)), payload)
}

// errorBody reads an error, as its caller is to get it.
func errorBody(r *http.Request) ([]byte, error) {
	payload, err := io.ReadAll(io.LimitReader(r.Body, errorMax))
	if err != nil {
		return nil, err
	}
	drain(r.Body)
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if kind != typeCause {
		return payload, nil
	}
	var kept struct {
		Message string            `json:"errorMessage"`
		Type    string            `json:"errorType"`
		Stack   []json.RawMessage `json:"stackTrace"`
	}
	if json.Unmarshal(payload, &kept) != nil {
		return []byte(`"Invalid error body"`), nil
	}
	return json.Marshal(kept)
}

// told reads an error in the words of its runtime: class is what the head said.
func told(kind dayfly.FailureKind, class string, payload []byte) *frame.ErrorHead {
	if len(payload) == 0 {
		payload = event.ErrorPayload(class, "")
	}
	f := &frame.ErrorHead{Kind: kind, Type: class, Payload: payload}
	var body struct {
		Message string            `json:"errorMessage"`
		Type    string            `json:"errorType"`
		Stack   []json.RawMessage `json:"stackTrace"`
		Trace   []json.RawMessage `json:"trace"` // Node's name for it
	}
	if json.Unmarshal(payload, &body) != nil {
		return f
	}
	if body.Type != "" {
		f.Type = body.Type[:min(len(body.Type), messageMax)]
	}
	f.Message = body.Message[:min(len(body.Message), messageMax)]
	for _, line := range append(body.Stack, body.Trace...) {
		if len(f.Stack) == stackMax {
			break
		}
		f.Stack = append(f.Stack, lineOf(line))
	}
	return f
}

// lineOf prints a line of a stack: a text, or Go's object of path, line and label.
func lineOf(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text[:min(len(text), 1<<10)]
	}
	var at struct {
		Path  string      `json:"path"`
		Line  json.Number `json:"line"`
		Label string      `json:"label"`
	}
	if json.Unmarshal(raw, &at) == nil && at.Path != "" {
		return at.Path + ":" + at.Line.String() + " in " + at.Label
	}
	return string(raw[:min(len(raw), 1<<10)])
}
