// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
)

// printJSON writes v as one line.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.Out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// printf writes to stdout.
func (a *app) printf(format string, args ...any) {
	fmt.Fprintf(a.Out, format, args...)
}

// notef writes to stderr.
func (a *app) notef(format string, args ...any) {
	fmt.Fprintf(a.Err, format, args...)
}

// errorJSON is an error for programs.
type errorJSON struct {
	Kind       dayfly.Kind         `json:"kind,omitempty"`
	Message    string              `json:"message"`
	Hint       string              `json:"hint,omitempty"`
	Invocation dayfly.InvocationID `json:"invocation,omitempty"`
	Failure    *dayfly.Failure     `json:"failure,omitempty"`
}

// printError tells what went wrong: the error, then what to do about it.
func (a *app) printError(err error) {
	var status exitStatus
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
	if a.json {
		e := json.NewEncoder(a.Err)
		e.SetEscapeHTML(false)
		_ = e.Encode(map[string]errorJSON{"error": told}) // stderr is gone: nobody to tell
		return
	}
	if told.Failure != nil {
		a.notef("%s", failureText(a.alert, told.Failure))
	} else {
		a.notef("%s %s\n", a.alert.red("error:"), plainLines(told.Message))
	}
	if told.Invocation == "" && told.Failure != nil {
		return
	}
	if told.Hint != "" {
		a.notef("%s %s\n", a.alert.dim("hint:"), plainLines(told.Hint))
	}
}

// failureText is a function's own failure: kind, type, message, stack.
func failureText(s style, f *dayfly.Failure) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", s.red("the function failed ("+failureWords(f)+"):"), plain(f.Type))
	if f.Message != "" {
		b.WriteString(": " + plainLines(f.Message))
	}
	b.WriteByte('\n')
	for _, line := range f.Stack {
		b.WriteString("  " + s.dim(strings.TrimRight(line, "\n")) + "\n")
	}
	return b.String()
}

// failureWords says the kind of a failure in words.
func failureWords(f *dayfly.Failure) string {
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
	return plain(string(f.Kind))
}

// span prints a duration with three digits and the unit that suits it.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + span(-d)
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return whole(d)
}

// setting prints a span as settings have it, without zeros: "14d", "1h30m", "250ms".
func setting(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return strings.NewReplacer("h0m0s", "h", "m0s", "m").Replace(d.String())
}

// whole prints a long duration in its two largest units.
func whole(d time.Duration) string {
	units := []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}
	var parts []string
	for _, u := range units {
		n := d / u.size
		d -= n * u.size
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d%s", n, u.name))
		} else if len(parts) > 0 {
			break
		}
		if len(parts) == 2 {
			break
		}
	}
	if len(parts) == 0 {
		return "0s"
	}
	return strings.Join(parts, " ")
}

// ago tells how long it is since t.
func (a *app) ago(t time.Time) string {
	d := a.now().Sub(t)
	if d < time.Second {
		return "now"
	}
	if d >= time.Minute {
		d = d.Truncate(time.Minute)
		if d >= 48*time.Hour {
			d = d.Truncate(24 * time.Hour)
		} else if d >= 2*time.Hour {
			d = d.Truncate(time.Hour)
		}
	}
	return whole(d) + " ago"
}

// size prints bytes with three digits and a binary unit.
func size(n int64) string {
	units := []string{"KiB", "MiB", "GiB", "TiB"}
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v := float64(n)
	unit := ""
	for _, unit = range units {
		if v /= 1024; v < 1000 {
			break
		}
	}
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f %s", v, unit)
	case v < 100:
		return fmt.Sprintf("%.1f %s", v, unit)
	}
	return fmt.Sprintf("%.0f %s", v, unit)
}

// plural counts things: "1 instance", "2 instances".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
