// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/wire"
	"github.com/dayfly-faas/dayfly/internal/envelope"
	"github.com/dayfly-faas/dayfly/internal/quantity"
	"github.com/dayfly-faas/dayfly/internal/queue"
	"github.com/dayfly-faas/dayfly/internal/topic"
)

const (
	// publishBytesMax bounds the messages of one request: two of the largest, or some
	// thousand usual ones.
	publishBytesMax = 2 << 20
	// publishAtOnce bounds how many such requests there are: 256 MiB of bodies.
	publishAtOnce = 128
	// browseDefault is how many messages are shown when nobody says.
	browseDefault = 100
	// dedupeKeyMax bounds an idempotency key, as that of an asynchronous call.
	dedupeKeyMax = 256
)

// Queue is a queue, what it holds, and who takes its messages.
type Queue struct {
	topic.Queue
	Retention string         `json:"retention"`
	Stats     *topic.Stats   `json:"stats,omitempty"`
	Triggers  []topic.Reader `json:"triggers,omitzero"`
}

// Message is a message of a queue, as a CloudEvent.
type Message struct {
	Sequence uint64          `json:"sequence"`
	Stored   time.Time       `json:"stored"`
	Event    json.RawMessage `json:"event"`
}

// Published is a message that is on disk.
type Published struct {
	ID       string `json:"id"`
	Sequence uint64 `json:"sequence"`
}

// queueOf reads which queue the path names.
func queueOf(r *http.Request) (dayfly.ProjectName, dayfly.QueueName, error) {
	project, name := r.PathValue("project"), r.PathValue("queue")
	if err := dayfly.ValidateName("project", project); err != nil {
		return "", "", err
	}
	return dayfly.ProjectName(project), dayfly.QueueName(name), dayfly.ValidateName("queue", name)
}

// listQueues lists the queues of a project.
func (a *API) listQueues(w http.ResponseWriter, r *http.Request) error {
	project := r.PathValue("project")
	if err := dayfly.ValidateName("project", project); err != nil {
		return err
	}
	if err := newQuery(r).done(); err != nil {
		return err
	}
	list := []Queue{}
	for _, q := range a.deps.Queues.Queues(dayfly.ProjectName(project)) {
		list = append(list, told(q))
	}
	return writeJSON(w, map[string]any{"queues": list})
}

func told(q topic.Queue) Queue { return Queue{Queue: q, Retention: q.Retention.String()} }

// putQueue makes a queue, or gives it other settings.
func (a *API) putQueue(w http.ResponseWriter, r *http.Request) error {
	project, name, err := queueOf(r)
	if err != nil {
		return err
	}
	var body struct {
		Retention  string            `json:"retention"`
		Durability dayfly.Durability `json:"durability"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	var retention time.Duration
	if body.Retention != "" {
		if retention, err = quantity.ParseDuration(body.Retention); err != nil {
			return dayfly.Errorf(dayfly.KindInvalid, "retention: %w", err)
		}
	}
	q, err := a.deps.Queues.Define(r.Context(), project, name,
		topic.Settings{Retention: retention, Durability: body.Durability})
	if err != nil {
		return err
	}
	return writeJSON(w, told(q))
}

// queue tells what a queue holds, and where those stand who take its messages.
func (a *API) queue(w http.ResponseWriter, r *http.Request) error {
	project, name, err := queueOf(r)
	if err != nil {
		return err
	}
	q, err := a.deps.Queues.Queue(project, name)
	if err != nil {
		return err
	}
	stats, err := a.deps.Queues.Stats(r.Context(), topic.QueueSource(project, name))
	if err != nil {
		return err
	}
	out := told(q)
	out.Stats = &stats
	if out.Triggers, err = a.deps.Triggers.Status(r.Context(), topic.QueueSource(project, name)); err != nil {
		return err
	}
	if out.Triggers == nil {
		out.Triggers = []topic.Reader{}
	}
	return writeJSON(w, out)
}

// removeQueue deletes a queue that nobody takes messages of.
func (a *API) removeQueue(w http.ResponseWriter, r *http.Request) error {
	project, name, err := queueOf(r)
	if err != nil {
		return err
	}
	readers, err := a.deps.Triggers.Status(r.Context(), topic.QueueSource(project, name))
	if err != nil {
		return err
	}
	if len(readers) > 0 {
		return dayfly.Errorf(dayfly.KindConflict, "function %s takes messages of queue %s",
			readers[0].Function, name).WithHint("remove the function, or deploy it without that trigger")
	}
	if err := a.deps.Queues.Remove(r.Context(), project, name); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// publish puts the messages of the body onto a queue: they are on disk when the answer is
// out.
func (a *API) publish(w http.ResponseWriter, r *http.Request) error {
	project, name, err := queueOf(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return dayfly.Errorf(dayfly.KindInvalid, "%w: one request takes at most %s of messages",
			dayfly.ErrRequestTooLarge, dayfly.FormatBytes(large.Limit))
	case err != nil:
		return wire.BodyError(err)
	}
	events, err := envelope.Read(r.Header, body, envelope.Defaults{
		Source: "/projects/" + string(project) + "/queues/" + string(name), Now: time.Now().UTC()})
	if err == nil {
		err = identify(r.Header, events)
	}
	if err != nil {
		return err
	}
	sequences, err := a.deps.Queues.Publish(r.Context(), project, name, events)
	if err != nil {
		return err
	}
	list := make([]Published, len(events))
	for i := range events {
		list[i] = Published{events[i].ID, sequences[i]}
	}
	return writeJSON(w, map[string]any{"messages": list})
}

// identify gives a message the idempotency key of its request.
func identify(h http.Header, events []dayfly.Event) error {
	key := h.Get(queue.HeaderKey)
	if key == "" {
		key = h.Get(queue.HeaderStandardKey)
	}
	switch {
	case key == "":
		return nil
	case len(events) != 1:
		return dayfly.Errorf(dayfly.KindInvalid, "an idempotency key goes with one message, not with %d",
			len(events)).WithHint("give each event of a batch its own extension %s", topic.ExtensionDedupe)
	case len(key) > dedupeKeyMax:
		return dayfly.Errorf(dayfly.KindInvalid, "the idempotency key has %d bytes, at most %d are allowed",
			len(key), dedupeKeyMax)
	}
	if events[0].Extensions == nil {
		events[0].Extensions = map[string]string{}
	}
	events[0].Extensions[topic.ExtensionDedupe] = key
	return nil
}

// messages shows messages of a queue from a place on, oldest first.
func (a *API) messages(w http.ResponseWriter, r *http.Request) error {
	project, name, err := queueOf(r)
	if err != nil {
		return err
	}
	q := newQuery(r)
	limit := q.number("limit", browseDefault, topic.ReadMax)
	from, err := placeOf("from", q.text("from"))
	if err = errors.Join(q.done(), err); err != nil {
		return err
	}
	if _, err := a.deps.Queues.Queue(project, name); err != nil {
		return err
	}
	page, err := a.deps.Queues.Read(r.Context(), topic.QueueSource(project, name), from, limit)
	if err != nil {
		return err
	}
	out := struct {
		Messages []Message `json:"messages"`
		// Next is the "from" of the messages behind these.
		Next    uint64 `json:"next"`
		Pending uint64 `json:"pending"`
	}{make([]Message, len(page.Messages)), page.Next, page.Pending}
	for i, m := range page.Messages {
		out.Messages[i] = Message{m.Sequence, m.Stored, envelope.WriteStructured(&m.Event)}
	}
	return writeJSON(w, out)
}

// placeOf reads a sequence or a time; nothing is the beginning.
func placeOf(name, text string) (topic.From, error) {
	if text == "" {
		return topic.From{}, nil
	}
	if sequence, err := strconv.ParseUint(text, 10, 64); err == nil {
		return topic.From{Sequence: sequence}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return topic.From{}, dayfly.Errorf(dayfly.KindInvalid,
			"%s is %.80q, want a sequence, or a time such as 2026-01-31T09:00:00Z", name, text)
	}
	return topic.From{Time: t}, nil
}

// replay copies messages to a function once more.
func (a *API) replay(w http.ResponseWriter, r *http.Request) error {
	project, name, err := queueOf(r)
	if err != nil {
		return err
	}
	var body struct {
		Function dayfly.FunctionName `json:"function"`
		Trigger  dayfly.TriggerName  `json:"trigger"`
		From     string              `json:"from"`
		To       string              `json:"to"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	from, err := placeOf("from", body.From)
	if err != nil {
		return err
	}
	to, err := placeOf("to", body.To)
	if err != nil {
		return err
	}
	if body.From == "" {
		return dayfly.Errorf(dayfly.KindInvalid, "from is missing: a sequence or a time to begin at")
	}
	done, err := a.deps.Triggers.Replay(r.Context(), topic.Replay{Project: project, Queue: name,
		Function: body.Function, Trigger: body.Trigger, From: from, To: to.Sequence, UpTo: to.Time})
	if err != nil {
		return err
	}
	return writeJSON(w, done)
}
