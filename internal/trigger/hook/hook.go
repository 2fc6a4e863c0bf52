// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/envelope"
	"github.com/dayfly-faas/dayfly/internal/filter"
	"github.com/dayfly-faas/dayfly/internal/queue"
	"github.com/dayfly-faas/dayfly/internal/webhook"
)

const (
	// Prefix begins the path of every webhook.
	Prefix = "/webhook/"
	// bodyBytesMax bounds a delivery: what the queue keeps of one event. GitHub sends more
	// only when many thousand commits are pushed at once; all others far less.
	bodyBytesMax = 768 << 10
	// smallBytes is the size up to which bodies are read without a slot, as the gateway
	// does with those of calls. Nearly all deliveries are smaller.
	smallBytes = 64 << 10
	// bodiesMax bounds larger bodies that are held at once, to 48 MiB; bodiesOfOne those
	// of one trigger, so that a flood at one door leaves the others open.
	bodiesMax   = 64
	bodiesOfOne = 16
	// bodyTimeout is how long a body may take to come in. Providers are servers with
	// good lines.
	bodyTimeout = 5 * time.Second
	// answerTimeout bounds verification and the queue: Slack wants an answer within 3 s.
	answerTimeout = 2500 * time.Millisecond
	// verifiesMax bounds how many large bodies are hashed at once, so that a flood of
	// forgeries leaves processors to others.
	verifiesMax = 2
	// filtersMax bounds the compiled filters that are kept.
	filtersMax = 256
	// retryPause is when a provider may come again that found everything busy.
	retryPause = 2 * time.Second
)

// Catalog knows what is live.
type Catalog interface {
	Resolve(dayfly.FunctionRef, dayfly.AliasName) (*dayfly.Revision, error)
}

// Queue executes what was accepted.
type Queue interface {
	Push(context.Context, queue.Push) (queue.Accepted, error)
}

// Door takes deliveries. It is an http.Handler.
type Door struct {
	catalog Catalog
	queue   Queue
	log     *slog.Logger
	now     func() time.Time

	verifies chan struct{}
	told     rate.Sometimes // bounds what forgeries make us log

	mu      sync.Mutex // guards filters, bodies, held
	filters map[string]*filter.Filter
	bodies  map[target]int // large bodies held, by trigger
	held    int
}

// target names a webhook.
type target struct {
	function dayfly.FunctionRef
	trigger  dayfly.TriggerName
}

// New makes the door.
func New(log *slog.Logger, catalog Catalog, q Queue) *Door {
	return &Door{catalog: catalog, queue: q, log: log, now: time.Now,
		verifies: make(chan struct{}, verifiesMax), told: rate.Sometimes{Interval: time.Minute},
		filters: map[string]*filter.Filter{}, bodies: map[target]int{}}
}

// ServeHTTP answers one delivery.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, err := d.deliver(w, r)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	a.write(w)
}

// deliver takes a delivery and gives the answer to it.
//
//	1 find the trigger    2 read the body    3 verify    4 filter    5 push
func (d *Door) deliver(w http.ResponseWriter, r *http.Request) (answer, error) {
	at, err := parse(r)
	if err != nil {
		return answer{}, err
	}
	found, secrets, err := d.find(at)
	if err != nil {
		return answer{}, err
	}
	trigger := found.Webhook
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return answer{status: http.StatusMethodNotAllowed}, nil
	}
	if !webhook.Promising(trigger, r.Header) {
		return answer{}, dayfly.Errorf(dayfly.KindUnauthenticated, "the signature is missing")
	}
	body, done, err := d.read(w, r, at)
	if err != nil {
		return answer{}, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(r.Context(), answerTimeout)
	defer cancel()
	delivery, err := d.verify(ctx, trigger, secrets, r, body)
	if err != nil {
		return answer{}, err
	}
	if delivery.Answer != nil {
		return answer{status: http.StatusOK, kind: delivery.Answer.ContentType, body: delivery.Answer.Body}, nil
	}
	e := d.event(at, trigger, delivery, r, body)
	if wanted, err := d.wanted(trigger.Filter, &e); !wanted {
		if err != nil {
			d.log.Debug("webhook was passed over: its filter cannot judge it", "function", at.function,
				"trigger", at.trigger, "error", err)
		}
		return thanks(trigger.Provider, ""), nil
	}
	made := call(r, found.Path, body)
	attributed(made.Header, &e)
	accepted, err := d.queue.Push(ctx, queue.Push{Function: at.function, Source: dayfly.SourceHook,
		Trigger: at.trigger, Key: string(at.trigger) + "/" + delivery.ID, Call: made})
	if err != nil {
		return answer{}, err
	}
	return thanks(trigger.Provider, accepted.ID), nil
}

// errAbsent is told of everything that is not there, whatever of it is missing.
func errAbsent() error { return dayfly.Errorf(dayfly.KindNotFound, "there is no such webhook") }

// parse reads which webhook a path names.
func parse(r *http.Request) (target, error) {
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), Prefix)
	name, trigger, two := strings.Cut(rest, "/")
	if !ok || !two {
		return target{}, errAbsent()
	}
	ref, err := dayfly.ParseFunctionRef(name)
	if err != nil || dayfly.ValidateName("trigger", trigger) != nil {
		return target{}, errAbsent()
	}
	return target{ref, dayfly.TriggerName(trigger)}, nil
}

// find gives the trigger and its secrets, as the live revision has them.
func (d *Door) find(at target) (*dayfly.Trigger, string, error) {
	rev, err := d.catalog.Resolve(at.function, dayfly.LiveAlias)
	if err != nil {
		return nil, "", errAbsent()
	}
	for i := range rev.Spec.Triggers {
		t := &rev.Spec.Triggers[i]
		if t.Name == at.trigger && t.Webhook != nil {
			return t, rev.Spec.Env[t.Webhook.SecretEnv], nil
		}
	}
	return nil, "", errAbsent()
}

// read takes in the body. done gives back what it was held with.
func (d *Door) read(w http.ResponseWriter, r *http.Request, at target) ([]byte, func(), error) {
	tooLarge := dayfly.Errorf(dayfly.KindInvalid, "%w: a webhook has at most %s",
		dayfly.ErrRequestTooLarge, dayfly.FormatBytes(bodyBytesMax))
	if r.ContentLength > bodyBytesMax {
		return nil, nil, tooLarge
	}
	done := func() {}
	if r.ContentLength < 0 || r.ContentLength > smallBytes {
		if !d.hold(at) {
			e := dayfly.Errorf(dayfly.KindExhausted, "too many large webhooks come in at once")
			e.RetryAfter = retryPause
			return nil, nil, e
		}
		done = func() { d.release(at) }
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout)) // one without deadlines goes on without
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyBytesMax))
	_ = control.SetReadDeadline(time.Time{})
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		done()
		return nil, nil, tooLarge
	case err != nil:
		done()
		return nil, nil, dayfly.Errorf(dayfly.KindInvalid, "the body did not come in: %w", err)
	}
	return body, done, nil
}

func (d *Door) hold(at target) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held >= bodiesMax || d.bodies[at] >= bodiesOfOne {
		return false
	}
	d.held++
	d.bodies[at]++
	return true
}

func (d *Door) release(at target) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held--
	if d.bodies[at]--; d.bodies[at] == 0 {
		delete(d.bodies, at)
	}
}

// verify tells which delivery it is.
func (d *Door) verify(
	ctx context.Context, t *dayfly.WebhookTrigger, secrets string, r *http.Request, body []byte,
) (webhook.Delivery, error) {
	if len(body) > smallBytes {
		select {
		case d.verifies <- struct{}{}:
			defer func() { <-d.verifies }()
		case <-ctx.Done():
			e := dayfly.Errorf(dayfly.KindUnavailable, "too many webhooks come in at once")
			e.RetryAfter = retryPause
			return webhook.Delivery{}, e
		}
	}
	request := webhook.Request{Header: r.Header, Body: body, Now: d.now()}
	if t.Provider == dayfly.WebhookTwilio {
		request.URLs = addresses(r)
	}
	delivery, err := webhook.Verify(t, secrets, request)
	if dayfly.KindOf(err) == dayfly.KindInvalid {
		// The function's own settings are wrong: for its owner to read, not for the caller.
		return delivery, &dayfly.Error{Kind: dayfly.KindUnavailable, Message: "this webhook is not set up", Err: err}
	}
	return delivery, err
}

// addresses are what a provider may have called this one. Whoever ends TLS in front of us
// may have changed scheme, host and port; only the signature tells which is true.
func addresses(r *http.Request) []string {
	hosts := []string{r.Host}
	if h := r.Header.Get("X-Forwarded-Host"); h != "" && h != r.Host {
		hosts = append(hosts, h)
	}
	var list []string
	for _, host := range hosts {
		for _, scheme := range []struct{ name, port string }{{"https", "443"}, {"http", "80"}} {
			start := scheme.name + "://"
			list = append(list, start+host+r.RequestURI)
			if name, port, err := net.SplitHostPort(host); err != nil {
				list = append(list, start+host+":"+scheme.port+r.RequestURI)
			} else if port == scheme.port {
				list = append(list, start+name+r.RequestURI)
			}
		}
	}
	return list
}

// event is a delivery as filters see it.
func (d *Door) event(
	at target, t *dayfly.WebhookTrigger, delivery webhook.Delivery, r *http.Request, body []byte,
) dayfly.Event {
	return dayfly.Event{
		ID: delivery.ID, Type: dayfly.EventWebhook, Subject: delivery.Type, Time: d.now().UTC(),
		Source:      "/projects/" + string(at.function.Project) + "/webhooks/" + string(at.function.Name) + "/" + string(at.trigger),
		ContentType: r.Header.Get("Content-Type"), Data: body,
		Extensions: map[string]string{"provider": string(t.Provider)},
	}
}

// attributed makes the provider's request a CloudEvent as well, for functions that take
// nothing else. One that came as a CloudEvent stays the sender's.
func attributed(header http.Header, e *dayfly.Event) {
	kind := strings.ToLower(header.Get("Content-Type"))
	if header.Get("Ce-Specversion") != "" || strings.HasPrefix(kind, "application/cloudevents") {
		return
	}
	envelope.WriteBinary(header, e)
}

// wanted asks the trigger's filter.
func (d *Door) wanted(text string, e *dayfly.Event) (bool, error) {
	if text == "" {
		return true, nil
	}
	d.mu.Lock()
	f := d.filters[text]
	d.mu.Unlock()
	if f == nil {
		var err error
		if f, err = filter.Compile(text); err != nil {
			return false, err
		}
		d.mu.Lock()
		if len(d.filters) >= filtersMax {
			clear(d.filters) // those in use are compiled again
		}
		d.filters[text] = f
		d.mu.Unlock()
	}
	return f.Match(e)
}
