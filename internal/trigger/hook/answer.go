// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"encoding/json"
	"errors"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/queue"
)

// answer is what a provider gets.
type answer struct {
	status int
	kind   string
	body   []byte
	event  dayfly.EventID
}

// thanks answers a delivery that was taken, or passed over, as its provider wants it:
// Slack shows a body to its users, and Twilio takes one for instructions.
func thanks(p dayfly.WebhookProvider, id dayfly.EventID) answer {
	a := answer{status: http.StatusOK, event: id}
	switch p {
	case dayfly.WebhookSlack, dayfly.WebhookShopify:
	case dayfly.WebhookTwilio:
		a.kind, a.body = "text/xml", []byte(`<?xml version="1.0" encoding="UTF-8"?><Response></Response>`)
	default:
		a.status, a.kind, a.body = http.StatusAccepted, "application/json", []byte("{}\n")
		if id != "" {
			a.body = []byte(`{"event":"` + string(id) + `"}` + "\n")
		}
	}
	return a
}

func (a answer) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	if a.kind != "" {
		h.Set("Content-Type", a.kind)
		h.Set("X-Content-Type-Options", "nosniff")
	}
	if a.event != "" {
		h.Set("X-Dayfly-Event", string(a.event))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the provider is gone, and will come again
}

// problem is an error on the wire: RFC 9457.
type problem struct {
	Title  string      `json:"title"`
	Status int         `json:"status"`
	Detail string      `json:"detail"`
	Kind   dayfly.Kind `json:"kind"`
}

// refuse answers with err. Forgeries are logged once a minute: anybody can send them.
func (d *Door) refuse(w http.ResponseWriter, r *http.Request, err error) {
	kind := dayfly.KindOf(err)
	p := problem{Status: kind.HTTPStatus(), Kind: kind, Detail: "the webhook could not be taken"}
	if errors.Is(err, dayfly.ErrRequestTooLarge) {
		p.Status = http.StatusRequestEntityTooLarge
	}
	var known *dayfly.Error
	if errors.As(err, &known) && kind != dayfly.KindInternal {
		p.Detail = known.Message
		if known.RetryAfter > 0 {
			seconds := math.Ceil(known.RetryAfter.Seconds())
			w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
		}
	}
	switch kind {
	case dayfly.KindInternal:
		d.log.Error("webhook could not be taken", "path", r.URL.Path, "error", err)
	case dayfly.KindUnauthenticated, dayfly.KindUnavailable:
		d.told.Do(func() {
			cause := err
			if known != nil && known.Err != nil {
				cause = known.Err
			}
			d.log.Warn("webhook refused", "path", r.URL.Path, "error", cause)
		})
	}
	p.Title = http.StatusText(p.Status)
	body, _ := json.Marshal(p) // text and numbers only
	answer{status: p.Status, kind: "application/problem+json", body: append(body, '\n')}.write(w)
}

// call is the provider's request as the function is to see it: at the trigger's path.
func call(r *http.Request, path string, body []byte) *queue.Call {
	if path == "" {
		path = "/"
	}
	remote, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		remote = r.RemoteAddr
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return &queue.Call{Kind: dayfly.RequestHTTP, Method: r.Method, Path: path, RawQuery: r.URL.RawQuery, Host: r.Host,
		Scheme: scheme, RemoteAddr: remote, Header: forwarded(r, remote, scheme), Body: body}
}

// forwarded gives the headers without those that concern the connection only, and those
// that the platform alone may set.
func forwarded(r *http.Request, remote, scheme string) http.Header {
	h := r.Header.Clone()
	for _, name := range strings.Split(h.Get("Connection"), ",") {
		h.Del(strings.TrimSpace(name))
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade", "Expect", "Forwarded", "X-Forwarded-Prefix", "Content-Length"} {
		delete(h, name)
	}
	for name := range h {
		// CGI cannot tell X_Forwarded_For from the platform's own X-Forwarded-For.
		if strings.Contains(name, "_") || strings.HasPrefix(name, "X-Dayfly-") {
			delete(h, name)
		}
	}
	h["X-Forwarded-For"] = []string{remote}
	h["X-Forwarded-Proto"] = []string{scheme}
	h["X-Forwarded-Host"] = []string{r.Host}
	return h
}
