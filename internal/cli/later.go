// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

// lateral are the flags of an asynchronous call.
type lateral struct {
	async, wait              bool
	delay, at, key, callback string
}

func (l *lateral) flags(c *cobra.Command) {
	flags := c.Flags()
	flags.BoolVar(&l.async, "async", false, "do not wait for the answer: print the ID of the event")
	flags.StringVar(&l.delay, "delay", "", "with --async: call it after `TIME`, such as 10m")
	flags.StringVar(&l.at, "at", "", "with --async: call it at `TIME`, such as 2026-01-31T09:00:00Z")
	flags.StringVar(&l.key, "key", "", "with --async: idempotency `KEY`; a repeat is the first event")
	flags.StringVar(&l.callback, "callback", "", "with --async: post the outcome to this `URL`")
	flags.BoolVar(&l.wait, "wait", false, "with --async: wait until the event has ended")
}

// options reads the flags.
func (l *lateral) options() (client.PushOptions, error) {
	invalid := func(format string, args ...any) (client.PushOptions, error) {
		return client.PushOptions{}, dayfly.Errorf(dayfly.KindInvalid, format, args...)
	}
	o := client.PushOptions{Key: l.key, Callback: l.callback}
	if !l.async {
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
		if o.Delay, err = manifest.ParseDuration(l.delay); err != nil || o.Delay < 0 {
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

// invokeLater has a function called asynchronously, and prints the event's identity.
func (a *app) invokeLater(
	ctx context.Context, node *client.Client, f dayfly.FunctionRef, event io.Reader, l *lateral,
) error {
	o, err := l.options()
	if err != nil {
		return err
	}
	receipt, err := node.Push(ctx, f, event, o)
	if err != nil {
		return err
	}
	if receipt.Duplicate {
		a.notef("the key was seen before: this is the first event\n")
	}
	if !l.wait {
		if a.json {
			return a.printJSON(receipt)
		}
		a.printf("%s\n", plain(string(receipt.Event)))
		return nil
	}
	return a.waitEvent(ctx, node, receipt.Event)
}

// waitEvent follows an event to its end; one that was not executed well is an error.
func (a *app) waitEvent(ctx context.Context, node *client.Client, id dayfly.EventID) error {
	if !a.json {
		a.printf("%s\n", plain(string(id)))
	}
	told := 0
	life, err := a.untilEnd(ctx, node, id, func(e *dayfly.EventInfo) {
		steps := a.steps(e)
		for ; told < len(steps) && !a.json; told++ {
			a.printStep(e, steps[told])
		}
	})
	if err != nil {
		return err
	}
	if a.json {
		if err := a.printJSON(life); err != nil {
			return err
		}
	}
	switch life.Event.State {
	case dayfly.EventDone:
		return nil
	case dayfly.EventCanceled:
		return dayfly.Errorf(dayfly.KindCanceled, "event %s was canceled", id)
	}
	if !a.json {
		a.notef("%s the event was given up: %s\n", a.alert.red("error:"), reasonText(life.Event.Reason))
		a.notef("%s execute it again with: dayfly dead redrive %s\n", a.alert.dim("hint:"), plain(string(id)))
	}
	return exitStatus(exitFunctionFailed)
}
