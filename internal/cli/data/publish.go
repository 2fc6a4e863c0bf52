// SPDX-License-Identifier: Apache-2.0

package data

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
)

const (
	// messageBytesMax ends reading a message that no queue would keep.
	messageBytesMax = 1 << 20
	// batchMessages and batchBytes bound what is published at once, of many lines: half
	// of what a request may hold, for the sake of what is said of each message.
	batchMessages = 1000
	batchBytes    = 512 << 10
	// waitLeast is how long to wait for room when the node does not say.
	waitLeast = 200 * time.Millisecond
)

// publication is what the flags of a publish say of each message.
type publication struct {
	file, key, kind, content, dedupe string
	lines                            bool
}

func (a *app) queuePublish(project *string) *cobra.Command {
	var p publication
	c := &cobra.Command{
		Use: "publish QUEUE [DATA]", Short: "Put a message onto a queue",
		Long: "Put a message onto a queue: DATA, what a --file holds, or stdin. With --lines each\n" +
			"line is a message. What was published is on disk.",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 2 {
				return nil
			}
			return term.Exactly("QUEUE")(c, args)
		},
	}
	flags := c.Flags()
	flags.StringVarP(&p.file, "file", "f", "", "the message is what this `FILE` holds; - is stdin")
	flags.BoolVar(&p.lines, "lines", false, "each line is a message")
	flags.StringVar(&p.key, "key", "", "order it among those of the same `KEY`")
	flags.StringVar(&p.kind, "type", "", "`TYPE` of the CloudEvent (default \"dev.dayfly.message\")")
	flags.StringVar(&p.content, "content-type", "", "content `TYPE` (default: JSON when it is, else text or bytes)")
	flags.StringVar(&p.dedupe, "idempotency-key", "", "keep one message with this `KEY` in two minutes")
	c.RunE = func(c *cobra.Command, args []string) error {
		if p.lines && p.dedupe != "" {
			return dayfly.Errorf(dayfly.KindInvalid, "--idempotency-key goes with one message, not with --lines")
		}
		node, ref, err := a.queueNamed(project, args[0])
		if err != nil {
			return err
		}
		in, err := a.messageInput(args[1:], p.file)
		if err != nil {
			return err
		}
		defer in.Close()
		if p.lines {
			return a.publishLines(c.Context(), node, ref, in, p)
		}
		data, err := io.ReadAll(io.LimitReader(in, messageBytesMax))
		if err != nil {
			return dayfly.Errorf(dayfly.KindInvalid, "read message: %w", err)
		}
		done, err := node.Publish(c.Context(), ref, []dayfly.Event{p.event(data)})
		if err != nil {
			return err
		}
		if a.JSON {
			return a.PrintJSON(done[0])
		}
		a.Printf("%s is message %d of %s\n", term.Plain(done[0].ID), done[0].Sequence, term.Plain(args[0]))
		return nil
	}
	return c
}

// messageInput opens what is to be published.
func (a *app) messageInput(args []string, file string) (io.ReadCloser, error) {
	switch {
	case len(args) == 1 && file != "":
		return nil, dayfly.Errorf(dayfly.KindInvalid, "DATA and --file are one message too many")
	case len(args) == 1:
		return io.NopCloser(bytes.NewReader([]byte(args[0]))), nil
	case file == "" || file == "-":
		return io.NopCloser(a.In), nil
	}
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, dayfly.Errorf(dayfly.KindNotFound, "%s does not exist", file)
	}
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "open message: %w", err)
	}
	return f, nil
}

// event makes the event of one message.
func (p *publication) event(data []byte) dayfly.Event {
	e := dayfly.Event{Type: p.kind, ContentType: p.content, Data: data}
	switch {
	case e.ContentType != "":
	case json.Valid(data):
		e.ContentType = "application/json"
	case utf8.Valid(data):
		e.ContentType = "text/plain; charset=utf-8"
	default:
		e.ContentType = "application/octet-stream"
	}
	extensions := map[string]string{}
	if p.key != "" {
		extensions[dayfly.ExtensionKey] = p.key
	}
	if p.dedupe != "" {
		extensions["dedupeid"] = p.dedupe
	}
	if len(extensions) > 0 {
		e.Extensions = extensions
	}
	return e
}

// publishLines publishes each line that is not empty, some hundred at once.
func (a *app) publishLines(
	ctx context.Context, node *client.Client, q client.QueueRef, in io.Reader, p publication,
) error {
	var batch []dayfly.Event
	var last client.Published
	size, total := 0, 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		done, err := a.publishAll(ctx, node, q, batch)
		if err != nil {
			if total > 0 {
				a.Notef("%d messages were published before this\n", total)
			}
			return err
		}
		total += len(done)
		last = done[len(done)-1]
		batch, size = batch[:0], 0
		return nil
	}
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 0, 64<<10), messageBytesMax)
	for scanner.Scan() {
		line := bytes.Clone(bytes.TrimSuffix(scanner.Bytes(), []byte("\r")))
		if len(line) == 0 {
			continue
		}
		if len(batch) == batchMessages || size+len(line) > batchBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		batch = append(batch, p.event(line))
		size += len(line)
	}
	if err := scanner.Err(); err != nil {
		return dayfly.Errorf(dayfly.KindInvalid, "read line %d: %w", total+len(batch)+1, err)
	}
	if err := flush(); err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(map[string]any{"published": total, "sequence": last.Sequence})
	}
	a.Printf("%d messages published\n", total)
	return nil
}

// publishAll publishes a batch, and waits when there is no room for it. Its messages
// have identities of their own, so that one is not kept twice when it is sent twice.
func (a *app) publishAll(
	ctx context.Context, node *client.Client, q client.QueueRef, batch []dayfly.Event,
) ([]client.Published, error) {
	for i := range batch {
		batch[i].ID = string(dayfly.NewEventID(time.Now()))
		if batch[i].Extensions == nil {
			batch[i].Extensions = map[string]string{}
		}
		batch[i].Extensions["dedupeid"] = batch[i].ID
	}
	for {
		done, err := node.Publish(ctx, q, batch)
		if dayfly.KindOf(err) != dayfly.KindExhausted {
			return done, err
		}
		if err := a.waitFor(ctx, err); err != nil {
			return nil, err
		}
	}
}

// waitFor waits as long as an error of a node without room asks for.
func (a *app) waitFor(ctx context.Context, err error) error {
	pause := waitLeast
	var known *dayfly.Error
	if errors.As(err, &known) {
		pause = max(pause, known.RetryAfter)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return dayfly.Errorf(dayfly.KindCanceled, "stopped while waiting for room: %w", err)
	}
}
