// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/cron"
	"github.com/dayfly-faas/dayfly/internal/filter"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// Trigger is one entry of on, as a user wrote it. Exactly one of the pointers is set.
type Trigger struct {
	Name    string   `json:"name,omitempty"`
	Path    string   `json:"path,omitempty"`
	Cron    *Cron    `json:"cron,omitempty"`
	Queue   *Source  `json:"queue,omitempty"`
	Object  *Objects `json:"object,omitempty"`
	Value   *Values  `json:"kv,omitempty"`
	Webhook *Webhook `json:"webhook,omitempty"`
}

// Cron fires at times.
type Cron struct {
	Expression    string          `json:"expression"`
	Zone          string          `json:"zone,omitempty"`
	Jitter        string          `json:"jitter,omitempty"`
	Overlap       string          `json:"overlap,omitempty"`
	CatchUp       string          `json:"catch_up,omitempty"`
	CatchUpWindow string          `json:"catch_up_window,omitempty"`
	Input         json.RawMessage `json:"input,omitempty"`
}

// Source is a queue whose messages are taken.
type Source struct {
	Name        string `json:"name"`
	Batch       *int64 `json:"batch,omitempty"`
	Window      string `json:"window,omitempty"`
	Ordered     bool   `json:"ordered,omitempty"`
	Concurrency *int64 `json:"concurrency,omitempty"`
	Filter      string `json:"filter,omitempty"`
	From        string `json:"from,omitempty"`
}

// Objects are those of a bucket whose changes are taken.
type Objects struct {
	Bucket string   `json:"bucket"`
	Events []string `json:"events,omitempty"`
	Prefix string   `json:"prefix,omitempty"`
	Suffix string   `json:"suffix,omitempty"`
	Filter string   `json:"filter,omitempty"`
}

// Values are those of a bucket whose changes are taken.
type Values struct {
	Bucket string   `json:"bucket"`
	Events []string `json:"events,omitempty"`
	Prefix string   `json:"prefix,omitempty"`
	Filter string   `json:"filter,omitempty"`
}

// Webhook is what a third party posts.
type Webhook struct {
	Provider        string `json:"provider"`
	Secret          string `json:"secret"` // the variable that holds it
	Header          string `json:"header,omitempty"`
	Algorithm       string `json:"algorithm,omitempty"`
	Encoding        string `json:"encoding,omitempty"`
	SignaturePrefix string `json:"signature_prefix,omitempty"`
	Tolerance       string `json:"tolerance,omitempty"`
	Filter          string `json:"filter,omitempty"`
}

// Defaults of triggers that say nothing.
const (
	eventsOfObjects = "created"
	eventsOfValues  = "put"
	batchDefault    = 1
)

func applyTriggers(f *Function, s *dayfly.Spec) error {
	if len(f.On) == 0 {
		return nil
	}
	list := make([]dayfly.Trigger, len(f.On))
	for i := range f.On {
		t, err := f.On[i].read()
		if err != nil {
			return fieldError(fmt.Sprintf("trigger %d", i+1), err)
		}
		list[i] = t
	}
	NameTriggers(list)
	s.Triggers = list
	return nil
}

// read gives the trigger with its defaults.
func (t *Trigger) read() (result dayfly.Trigger, err error) {
	result.Name, result.Path = dayfly.TriggerName(t.Name), t.Path
	kinds := 0
	if t.Cron != nil {
		kinds++
		result.Cron, err = t.Cron.read()
	}
	if t.Queue != nil {
		kinds++
		result.Queue, err = t.Queue.read()
	}
	if t.Object != nil {
		kinds++
		result.Object, err = t.Object.read()
	}
	if t.Value != nil {
		kinds++
		result.Value, err = t.Value.read()
	}
	if t.Webhook != nil {
		kinds++
		result.Webhook, err = t.Webhook.read()
	}
	if kinds != 1 {
		return result, dayfly.Errorf(dayfly.KindInvalid,
			"it must listen to exactly one of cron, queue, object, kv and webhook")
	}
	return result, err
}

func (c *Cron) read() (*dayfly.CronTrigger, error) {
	t := &dayfly.CronTrigger{
		Expression: c.Expression, Zone: c.Zone, Overlap: dayfly.Overlap(c.Overlap),
		CatchUp: dayfly.CatchUp(c.CatchUp), Input: c.Input,
	}
	if _, err := cron.Parse(c.Expression, c.Zone); err != nil {
		return nil, err
	}
	return t, errors.Join(
		spanOption("jitter", c.Jitter, &t.Jitter),
		spanOption("catch_up_window", c.CatchUpWindow, &t.CatchUpWindow))
}

func (q *Source) read() (*dayfly.QueueTrigger, error) {
	t := &dayfly.QueueTrigger{
		Queue: dayfly.QueueName(q.Name), Batch: batchDefault, Ordered: q.Ordered, Filter: q.Filter,
		From: q.From,
	}
	if q.Batch != nil {
		t.Batch = int(*q.Batch)
	}
	if q.Concurrency != nil {
		t.Concurrency = int(*q.Concurrency)
	}
	return t, errors.Join(checkFilter(q.Filter), spanOption("window", q.Window, &t.Window))
}

func (o *Objects) read() (*dayfly.ObjectTrigger, error) {
	t := &dayfly.ObjectTrigger{
		Bucket: dayfly.BucketName(o.Bucket), Events: eitherList(o.Events, []string{eventsOfObjects}),
		Prefix: o.Prefix, Suffix: o.Suffix, Filter: o.Filter,
	}
	for i, event := range t.Events {
		t.Events[i] = strings.TrimPrefix(event, "s3:") // as S3's configurations have them
	}
	return t, checkFilter(o.Filter)
}

func (v *Values) read() (*dayfly.ValueTrigger, error) {
	return &dayfly.ValueTrigger{
		Bucket: dayfly.BucketName(v.Bucket), Events: eitherList(v.Events, []string{eventsOfValues}),
		Prefix: v.Prefix, Filter: v.Filter,
	}, checkFilter(v.Filter)
}

func (w *Webhook) read() (*dayfly.WebhookTrigger, error) {
	t := &dayfly.WebhookTrigger{
		Provider: dayfly.WebhookProvider(w.Provider), SecretEnv: w.Secret, Header: w.Header,
		Algorithm: w.Algorithm, Encoding: w.Encoding, SignaturePrefix: w.SignaturePrefix,
		Filter: w.Filter,
	}
	return t, errors.Join(checkFilter(w.Filter), spanOption("tolerance", w.Tolerance, &t.Tolerance))
}

func checkFilter(text string) error {
	if text == "" {
		return nil
	}
	_, err := filter.Compile(text) // whose errors begin with "filter"
	return err
}

func spanOption(name, text string, to *time.Duration) (err error) {
	if text == "" {
		return nil
	}
	if *to, err = quantity.ParseDuration(text); err != nil {
		return fieldError(name, err)
	}
	return nil
}

// parseDestination reads "function:NAME", "queue:NAME" or a URL.
func parseDestination(text string) (*dayfly.Destination, error) {
	d := &dayfly.Destination{}
	kind, name, _ := strings.Cut(text, ":")
	switch kind {
	case "function":
		d.Function = dayfly.FunctionName(name)
	case "queue":
		d.Queue = dayfly.QueueName(name)
	case "http", "https":
		d.URL = text
	default:
		return nil, dayfly.Errorf(dayfly.KindInvalid,
			"%.80q is no destination: write function:NAME, queue:NAME or https://…", clip(text))
	}
	return d, d.Validate()
}
