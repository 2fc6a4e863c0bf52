// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/later"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
)

// answerJSONBytesMax bounds an answer that --json holds as a whole.
const answerJSONBytesMax = 64 << 20

func (a *app) invoke() *cobra.Command {
	var project, data string
	var async later.Flags
	c := &cobra.Command{
		Use: "invoke NAME", Short: "Call a function with an event", Args: term.Exactly("NAME"),
		Long: "Call a function with an event, and print what it answers.\n\n" +
			"The event is JSON: --data holds it, or names the @FILE it is in, or - for stdin.\n" +
			"When the function fails, the error goes to stderr and the exit code is 7.\n\n" +
			"With --async the call is durable once its ID is printed, and executed without\n" +
			"anybody waiting: dayfly events ID tells what became of it.",
		Example: "  dayfly invoke resize --data '{\"width\": 200}'\n" +
			"  dayfly invoke resize --data @event.json",
	}
	c.Example += "\n  dayfly invoke resize --async --delay 10m --key order-7"
	term.ProjectFlag(c, &project)
	async.Register(c)
	c.Flags().StringVarP(&data, "data", "d", "{}", "the event: `JSON`, @FILE, or - for stdin")
	c.RunE = a.On(&project,
		func(c *cobra.Command, node *client.Client, f dayfly.FunctionRef) error {
			if _, err := async.Options(); err != nil {
				return err
			}
			event, err := a.event(data)
			if err != nil {
				return err
			}
			defer event.Close()
			if async.Given {
				return async.Invoke(c.Context(), a.Session, later.Call{Node: node, Function: f, Event: event})
			}
			answer, err := node.Invoke(c.Context(), f, event)
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			if a.JSON {
				return a.printAnswerJSON(answer)
			}
			return a.printAnswer(answer)
		})
	return c
}

func (a *app) event(data string) (io.ReadCloser, error) {
	if data == "-" {
		return io.NopCloser(a.In), nil
	}
	if name, ok := strings.CutPrefix(data, "@"); ok {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, dayfly.Errorf(dayfly.KindNotFound, "%s does not exist", name)
		}
		if err != nil {
			return nil, dayfly.Errorf(dayfly.KindInvalid, "open event: %w", err)
		}
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return nil, errors.Join(dayfly.Errorf(dayfly.KindInvalid, "%s is a folder", name), f.Close())
		}
		return f, nil
	}
	if !json.Valid([]byte(data)) {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "--data is not JSON: %.60s", data).
			WithHint("a text needs its quotes: --data '\"text\"'; a file is @FILE, stdin is -")
	}
	return io.NopCloser(strings.NewReader(data)), nil
}

// printAnswer streams the answer as it comes.
func (a *app) printAnswer(answer *client.Answer) error {
	last := &term.LastByte{To: a.Out}
	shown := &term.PlainWriter{To: a.Out}
	if a.Style.Terminal { // elsewhere, the bytes are to be what the function answered
		last.To = shown
	}
	_, err := io.Copy(last, answer.Body)
	if err = errors.Join(err, shown.Close()); err != nil {
		return &client.InvokeError{Invocation: answer.Invocation, Err: err}
	}
	if a.Style.Terminal && last.Last != '\n' && last.Last != 0 {
		a.Printf("\n")
	}
	return statusError(answer)
}

func (a *app) printAnswerJSON(answer *client.Answer) error {
	body, err := io.ReadAll(io.LimitReader(answer.Body, answerJSONBytesMax+1))
	if err != nil {
		return &client.InvokeError{Invocation: answer.Invocation, Err: err}
	}
	if len(body) > answerJSONBytesMax {
		return dayfly.Errorf(dayfly.KindInvalid, "the answer is larger than %s: too large for --json",
			dayfly.FormatBytes(answerJSONBytesMax))
	}
	told := struct {
		Invocation  dayfly.InvocationID `json:"invocation"`
		Status      int                 `json:"status"`
		ContentType string              `json:"content_type"`
		// Exactly one of these three holds the answer.
		JSON   json.RawMessage `json:"json,omitempty"`
		Text   *string         `json:"text,omitempty"`
		Binary []byte          `json:"binary,omitempty"`
	}{Invocation: answer.Invocation, Status: answer.Status, ContentType: answer.ContentType}
	text := string(body)
	switch {
	case json.Valid(body):
		told.JSON = body
	case utf8.Valid(body):
		told.Text = &text
	default:
		told.Binary = body
	}
	if err := a.PrintJSON(told); err != nil {
		return err
	}
	return statusError(answer)
}

// statusError makes an answer that says it is an error count as a failure.
func statusError(answer *client.Answer) error {
	if answer.Status < 400 {
		return nil
	}
	return &client.InvokeError{Invocation: answer.Invocation, Err: &dayfly.Failure{
		Kind: dayfly.FailureException, Phase: dayfly.PhaseInvoke, Type: "Status",
		Message: "it answered with status " + strconv.Itoa(answer.Status)}}
}
