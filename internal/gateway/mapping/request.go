// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/expression"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/router"
	"github.com/dayfly-faas/dayfly/internal/guest/event"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

const (
	// EventBytesMax bounds a request's body that becomes part of an event, as AWS's gateway
	// does.
	EventBytesMax = 10 << 20

	typeJSON = "application/json"
	typeText = "text/plain; charset=utf-8"
)

// Request is what becomes of a request.
type Request struct {
	// Function is what a payload calls its API.
	Function dayfly.FunctionName

	rewrite front.Template
	moves   bool // there is a rewrite
	query   []setting
	header  []setting
	body    *expression.Expression
	payload dayfly.Payload
	event   bool
}

// CompileRequest reads what a route says of its requests.
func CompileRequest(of *front.Request, p front.Pattern) (*Request, error) {
	r := &Request{payload: of.Payload, event: of.Event, moves: of.Rewrite != ""}
	var err error
	if r.moves {
		if r.rewrite, err = compileRewrite(of.Rewrite, p); err != nil {
			return nil, front.Within(err, "rewrite")
		}
	}
	if r.query, err = compileSettings(of.Query, expression.RequestPhase); err != nil {
		return nil, front.Within(err, "query")
	}
	if r.header, err = compileSettings(headerNames(of.Header), expression.RequestPhase); err != nil {
		return nil, front.Within(err, "header")
	}
	for name := range of.Header {
		if strings.HasPrefix(http.CanonicalHeaderKey(name), "X-Dayfly-") {
			return nil, problem([]string{"header", name}, "headers that begin with X-Dayfly- are the platform's")
		}
	}
	if of.Body != "" {
		if r.body, err = compile(of.Body, expression.Any, expression.RequestPhase); err != nil {
			return nil, front.Within(err, "body")
		}
	}
	return r, r.checkParams(p)
}

// checkParams wants expressions to name captures that the pattern has.
func (r *Request) checkParams(p front.Pattern) error {
	check := func(x *expression.Expression, path ...string) error {
		return front.Within(x.CheckParams(p.Captures()), path...)
	}
	for section, settings := range map[string][]setting{"query": r.query, "header": r.header} {
		for _, s := range settings {
			if err := check(s.value, section, s.name); err != nil {
				return err
			}
		}
	}
	return check(r.body, "body")
}

// compileRewrite reads the template of a path.
func compileRewrite(text string, p front.Pattern) (front.Template, error) {
	t, err := front.ParseTemplate(text)
	if err != nil {
		return t, problem(nil, "%s", err)
	}
	for _, name := range t.Names() {
		if !slices.Contains(p.Captures(), name) {
			return t, problem(nil, "the path captures no {%s}", name)
		}
	}
	if strings.ContainsAny(text, "?#") {
		return t, problem(nil, "it is a path: parameters are set by query")
	}
	if _, err := router.Clean(t.Expand(func(string, bool) string { return "x" })); err != nil {
		return t, problem(nil, "%s", err)
	}
	return t, nil
}

// NeedsBody tells whether Apply needs the whole body in its input.
func (r *Request) NeedsBody() bool {
	uses := func(s setting) bool { return s.value != nil && s.value.UsesBody() }
	return r.payload != "" || r.event && r.body == nil || r.body != nil && r.body.UsesBody() ||
		slices.ContainsFunc(r.query, uses) || slices.ContainsFunc(r.header, uses)
}

// Apply changes to, which is what in was made of. The X-Dayfly- headers of its route stand in
// it already.
func (r *Request) Apply(ctx context.Context, in *expression.Input, to *dayfly.Request) error {
	changed, err := r.evaluate(ctx, in)
	if err != nil {
		return err
	}
	if r.moves {
		to.Path = changed.path
	}
	if len(changed.query) > 0 {
		to.RawQuery = setQuery(to.RawQuery, changed.query)
	}
	if len(changed.header) > 0 || changed.replaces || r.payload != "" {
		to.Header = to.Header.Clone() // expressions over the answer still see the request as it came
	}
	setHeader(to.Header, changed.header)
	if hosts := to.Header["Host"]; len(hosts) > 0 {
		to.Host = hosts[0]
		delete(to.Header, "Host")
	}
	if changed.replaces {
		setBody(to, changed.body, changed.contentType, !sets(changed.header, "Content-Type"))
	}
	if r.payload != "" {
		r.wrap(in, to)
	}
	if r.event {
		to.Kind = dayfly.RequestEvent
	}
	return nil
}

// change is what Apply found out before it changed anything.
type change struct {
	path        string
	query       []values
	header      []values
	body        []byte
	contentType string
	replaces    bool // there is a new body
}

func (r *Request) evaluate(ctx context.Context, in *expression.Input) (c change, err error) {
	if r.moves {
		if c.path, err = router.Clean(r.rewrite.Expand(escapedBy(in.Params))); err != nil {
			return c, err
		}
	}
	if c.query, err = evaluate(ctx, r.query, in); err != nil {
		return c, err
	}
	if c.header, err = evaluate(ctx, r.header, in); err != nil {
		return c, err
	}
	if err = checkHeader(c.header); err != nil {
		return c, err
	}
	switch {
	case r.body != nil:
		c.replaces = true
		c.body, c.contentType, err = r.newBody(ctx, in)
	case r.event && r.payload == "":
		c.replaces = true
		c.body, c.contentType, err = eventOf(in.Body)
	case r.payload != "" && len(in.Body) > EventBytesMax:
		err = dayfly.Errorf(dayfly.KindInvalid, "the body has %d bytes, events take at most %d", len(in.Body), EventBytesMax)
	}
	return c, err
}

// newBody gives what the expression says: a text as it is, unless it is an event, and
// anything else as JSON.
func (r *Request) newBody(ctx context.Context, in *expression.Input) ([]byte, string, error) {
	value, err := r.body.Value(ctx, in)
	if err != nil {
		return nil, "", err
	}
	if text, ok := value.(string); ok && !r.event {
		return []byte(text), typeText, nil
	}
	body, err := marshal(value)
	return body, typeJSON, err
}

// eventOf gives a body as an event. No body is an event without members, as of AWS.
func eventOf(body []byte) ([]byte, string, error) {
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return []byte("{}"), typeJSON, nil
	case len(body) > EventBytesMax:
		return nil, "", dayfly.Errorf(dayfly.KindInvalid, "the body has %d bytes, events have at most %d", len(body), EventBytesMax)
	case !json.Valid(body):
		return nil, "", dayfly.Errorf(dayfly.KindInvalid, "the body is not JSON, which an event must be")
	}
	return body, typeJSON, nil
}

// wrap makes the body an event that has all of the request.
func (r *Request) wrap(in *expression.Input, to *dayfly.Request) {
	head := &frame.RequestHead{ID: in.ID, Kind: string(dayfly.RequestHTTP), Received: in.Now.UnixMilli(),
		Method: to.Method, Path: to.Path, Prefix: to.Prefix, Query: to.RawQuery, Proto: to.Proto,
		Scheme: to.Scheme, Host: to.Host, Remote: to.RemoteAddr, Trace: to.TraceParent,
		Headers: pairs(to.Header), Length: int64(len(in.Body))}
	body := event.Encode(r.payload, r.Function, head, in.Body)
	to.Method = http.MethodPost
	setBody(to, body, typeJSON, true)
}

// pairs gives headers as guests get them.
func pairs(header http.Header) [][2]string {
	list := make([][2]string, 0, len(header))
	for name, all := range header {
		for _, value := range all {
			list = append(list, [2]string{strings.ToLower(name), value})
		}
	}
	slices.SortStableFunc(list, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return list
}

// setBody gives a request another body.
func setBody(to *dayfly.Request, body []byte, contentType string, typed bool) {
	to.Body, to.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Md5", "Content-Digest",
		"Digest", "Expect"} {
		delete(to.Header, name)
	}
	if typed {
		to.Header["Content-Type"] = []string{contentType}
	}
}

// escapedBy gives captures as they stand in a path.
func escapedBy(params map[string]string) func(name string, rest bool) string {
	return func(name string, rest bool) string {
		escaped := url.PathEscape(params[name])
		if rest {
			escaped = strings.ReplaceAll(escaped, "%2F", "/")
		}
		return escaped
	}
}

// setQuery takes the parameters that are set out of a query, and adds their new values.
func setQuery(query string, set []values) string {
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		raw, _, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(raw)
		if part != "" && (err != nil || !sets(set, name)) {
			kept = append(kept, part)
		}
	}
	for _, v := range set {
		for _, text := range v.texts {
			kept = append(kept, url.QueryEscape(v.name)+"="+url.QueryEscape(text))
		}
	}
	return strings.Join(kept, "&")
}
