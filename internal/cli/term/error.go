// SPDX-License-Identifier: Apache-2.0

package term

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
)

// errorJSON is an error for programs.
type errorJSON struct {
	Kind       dayfly.Kind         `json:"kind,omitempty"`
	Message    string              `json:"message"`
	Hint       string              `json:"hint,omitempty"`
	Invocation dayfly.InvocationID `json:"invocation,omitempty"`
	Failure    *dayfly.Failure     `json:"failure,omitempty"`
}

// PrintError tells what went wrong: the error, then what to do about it.
func (s *Session) PrintError(err error) {
	var status ExitStatus
	if err == nil || errors.As(err, &status) {
		return
	}
	told := errorJSON{Message: err.Error()}
	var known *dayfly.Error
	if errors.As(err, &known) {
		told.Hint = known.Hint
	}
	var called *client.InvokeError
	if errors.As(err, &called) {
		told.Invocation = called.Invocation
	}
	if errors.As(err, &told.Failure) {
		told.Hint = "see all of it: dayfly explain " + string(told.Invocation)
	} else {
		told.Kind = dayfly.KindOf(err)
	}
	if s.JSON {
		e := json.NewEncoder(s.Err)
		e.SetEscapeHTML(false)
		_ = e.Encode(map[string]errorJSON{"error": told}) // stderr is gone: nobody to tell
		return
	}
	if told.Failure != nil {
		s.Notef("%s", failureText(s.Alert, told.Failure))
	} else {
		s.Notef("%s %s\n", s.Alert.Red("error:"), PlainLines(told.Message))
	}
	if told.Invocation == "" && told.Failure != nil {
		return
	}
	if told.Hint != "" {
		s.Notef("%s %s\n", s.Alert.Dim("hint:"), PlainLines(told.Hint))
	}
}

// failureText is a function's own failure: kind, type, message, stack.
func failureText(s Style, f *dayfly.Failure) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", s.Red("the function failed ("+FailureWords(f)+"):"), Plain(f.Type))
	if f.Message != "" {
		b.WriteString(": " + PlainLines(f.Message))
	}
	b.WriteByte('\n')
	for _, line := range f.Stack {
		b.WriteString("  " + s.Dim(strings.TrimRight(line, "\n")) + "\n")
	}
	return b.String()
}

// FailureWords says the kind of a failure in words.
func FailureWords(f *dayfly.Failure) string {
	words := map[dayfly.FailureKind]string{
		dayfly.FailureException: "it raised an error",
		dayfly.FailureInit:      "it could not start",
		dayfly.FailureExit:      "its process ended",
		dayfly.FailureTimeout:   "it ran out of time",
		dayfly.FailureMemory:    "it ran out of memory",
		dayfly.FailureResponse:  "its answer is malformed",
		dayfly.FailureTooLarge:  "its answer is too large",
	}
	if text, ok := words[f.Kind]; ok {
		return text
	}
	return Plain(string(f.Kind))
}
