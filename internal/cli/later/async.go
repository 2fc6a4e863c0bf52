// SPDX-License-Identifier: Apache-2.0

package later

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// Flags are the flags of an asynchronous call.
type Flags struct {
	Given, wait              bool
	delay, at, key, callback string
}

// Register adds the flags to a command.
func (l *Flags) Register(c *cobra.Command) {
	flags := c.Flags()
	flags.BoolVar(&l.Given, "async", false, "do not wait for the answer: print the ID of the event")
	flags.StringVar(&l.delay, "delay", "", "with --async: call it after `TIME`, such as 10m")
	flags.StringVar(&l.at, "at", "", "with --async: call it at `TIME`, such as 2026-01-31T09:00:00Z")
	flags.StringVar(&l.key, "key", "", "with --async: idempotency `KEY`; a repeat is the first event")
	flags.StringVar(&l.callback, "callback", "", "with --async: post the outcome to this `URL`")
	flags.BoolVar(&l.wait, "wait", false, "with --async: wait until the event has ended")
}

// Options reads the flags.
func (l *Flags) Options() (client.PushOptions, error) {
	invalid := func(format string, args ...any) (client.PushOptions, error) {
		return client.PushOptions{}, dayfly.Errorf(dayfly.KindInvalid, format, args...)
	}
	o := client.PushOptions{Key: l.key, Callback: l.callback}
	if !l.Given {
		for name, used := range map[string]bool{"--delay": l.delay != "", "--at": l.at != "", "--key": l.key != "",
			"--callback": l.callback != "", "--wait": l.wait} {
			if used {
				return invalid("%s needs --async", name)
			}
		}
		return o, nil
	}
	var err error
	if l.delay != "" && l.at != "" {
		return invalid("--delay and --at are both given: use one")
	}
	if l.delay != "" {
		if o.Delay, err = quantity.ParseDuration(l.delay); err != nil || o.Delay < 0 {
			return invalid("--delay %q is not a time such as 10m", l.delay)
		}
	}
	if l.at != "" {
		if o.At, err = time.Parse(time.RFC3339, l.at); err != nil {
			return invalid("--at %q is not a time such as 2026-01-31T09:00:00Z", l.at)
		}
	}
	return o, nil
}

// Call is an asynchronous call of a function.
type Call struct {
	Node     *client.Client
	Function dayfly.FunctionRef
	Event    io.Reader
}

// Invoke has a function called asynchronously, and prints the event's identity.
func (l *Flags) Invoke(ctx context.Context, s *term.Session, call Call) error {
	a := &app{s}
	o, err := l.Options()
	if err != nil {
		return err
	}
	receipt, err := call.Node.Push(ctx, call.Function, call.Event, o)
	if err != nil {
		return err
	}
	if receipt.Duplicate {
		a.Notef("the key was seen before: this is the first event\n")
	}
	if !l.wait {
		if a.JSON {
			return a.PrintJSON(receipt)
		}
		a.Printf("%s\n", term.Plain(string(receipt.Event)))
		return nil
	}
	return a.waitEvent(ctx, call.Node, receipt.Event)
}

// waitEvent follows an event to its end; one that was not executed well is an error.
func (a *app) waitEvent(ctx context.Context, node *client.Client, id dayfly.EventID) error {
	if !a.JSON {
		a.Printf("%s\n", term.Plain(string(id)))
	}
	told := 0
	life, err := a.untilEnd(ctx, node, id, func(e *dayfly.EventInfo) {
		steps := a.steps(e)
		for ; told < len(steps) && !a.JSON; told++ {
			a.printStep(e, steps[told])
		}
	})
	if err != nil {
		return err
	}
	if a.JSON {
		if err := a.PrintJSON(life); err != nil {
			return err
		}
	}
	switch life.Event.State {
	case dayfly.EventDone:
		return nil
	case dayfly.EventCanceled:
		return dayfly.Errorf(dayfly.KindCanceled, "event %s was canceled", id)
	}
	if !a.JSON {
		a.Notef("%s the event was given up: %s\n", a.Alert.Red("error:"), reasonText(life.Event.Reason))
		a.Notef("%s execute it again with: dayfly dead redrive %s\n", a.Alert.Dim("hint:"), term.Plain(string(id)))
	}
	return term.ExitStatus(term.ExitFunctionFailed)
}
