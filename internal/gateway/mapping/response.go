// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/expression"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// defaultError names the answer for errors that have none of their own.
const defaultError = "default"

// Response is what becomes of an answer.
type Response struct {
	status *expression.Expression
	header []setting
	body   *expression.Expression
	errors map[string]errorAnswer
}

// errorAnswer is told in place of an error's own answer.
type errorAnswer struct {
	status int
	header map[string]string
	body   *expression.Expression
}

// Answer is told in place of an error's own. With a nil Body, the error's own stays.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// CompileResponse reads what a route says of its answers.
func CompileResponse(of *front.Response) (*Response, error) {
	r := &Response{errors: map[string]errorAnswer{}}
	var err error
	if of.Status != "" {
		if r.status, err = compile(of.Status, expression.Number, expression.ResponsePhase); err != nil {
			return nil, front.Within(err, "status")
		}
	}
	if r.header, err = compileSettings(headerNames(of.Header), expression.ResponsePhase); err != nil {
		return nil, front.Within(err, "header")
	}
	if of.Body != "" {
		if r.body, err = compile(of.Body, expression.Any, expression.ResponsePhase); err != nil {
			return nil, front.Within(err, "body")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(of.Errors)) {
		e := of.Errors[name]
		if !isError(name) {
			return nil, problem([]string{"errors", name}, "no error is called so: there are %s, statuses like 404 or 4XX, and default",
				strings.Join(errorNames(), ", "))
		}
		answer := errorAnswer{status: e.Status, header: e.Header}
		if e.Body != "" {
			if answer.body, err = compile(e.Body, expression.Any, expression.ErrorPhase); err != nil {
				return nil, front.Within(err, "errors", name, "body")
			}
		}
		r.errors[name] = answer
	}
	return r, nil
}

// CheckParams wants expressions to name captures that the pattern has.
func (r *Response) CheckParams(p front.Pattern) error {
	captures, faults := p.Captures(), front.Faults{}
	faults.Add(front.Within(r.status.CheckParams(captures), "status"))
	for _, s := range r.header {
		faults.Add(front.Within(s.value.CheckParams(captures), "header", s.name))
	}
	faults.Add(front.Within(r.body.CheckParams(captures), "body"))
	for _, name := range slices.Sorted(maps.Keys(r.errors)) {
		faults.Add(front.Within(r.errors[name].body.CheckParams(captures), "errors", name, "body"))
	}
	return faults.Err()
}

// errorNames are the kinds of errors, and the failures of functions.
func errorNames() []string {
	return []string{
		string(dayfly.KindInvalid), string(dayfly.KindUnauthenticated), string(dayfly.KindDenied),
		string(dayfly.KindNotFound), string(dayfly.KindConflict), string(dayfly.KindExhausted),
		string(dayfly.KindUnavailable), string(dayfly.KindTimeout), string(dayfly.KindCanceled),
		string(dayfly.KindInternal),
		string(dayfly.FailureException), string(dayfly.FailureInit), string(dayfly.FailureExit),
		string(dayfly.FailureMemory), string(dayfly.FailureResponse), string(dayfly.FailureTooLarge),
	}
}

// isError tells whether an error may be called so.
func isError(name string) bool {
	status, err := strconv.Atoi(strings.Replace(name, "XX", "00", 1))
	return name == defaultError || slices.Contains(errorNames(), name) || err == nil && len(name) == 3 &&
		status >= 400 && status <= 599
}

// UsesRequestBody tells whether an expression looks at the body of the request.
func (r *Response) UsesRequestBody() bool {
	return r.any(func(x *expression.Expression) bool { return x.UsesBody() })
}

// UsesBody tells whether an expression looks at the body of the answer, which must be whole
// then.
func (r *Response) UsesBody() bool {
	return r.any(func(x *expression.Expression) bool { return x.UsesAnswer() })
}

// UsesPrincipal tells whether the answer depends on who is calling.
func (r *Response) UsesPrincipal() bool {
	return r.any(func(x *expression.Expression) bool { return x.UsesPrincipal() })
}

// Replaces tells whether Body gives another body.
func (r *Response) Replaces() bool { return r.body != nil }

// Changes tells whether Head or Body change anything; it may be that only errors are.
func (r *Response) Changes() bool { return r.status != nil || len(r.header) > 0 || r.body != nil }

func (r *Response) any(is func(*expression.Expression) bool) bool {
	all := []*expression.Expression{r.status, r.body}
	for _, s := range r.header {
		all = append(all, s.value)
	}
	for _, e := range r.errors {
		all = append(all, e.body)
	}
	return slices.ContainsFunc(all, func(x *expression.Expression) bool { return x != nil && is(x) })
}

// Head gives the status and the header of an answer that in.Response holds. The header may be
// that of in.Response itself, or a changed copy.
func (r *Response) Head(ctx context.Context, in *expression.Input) (int, http.Header, error) {
	status, header := in.Response.Status, in.Response.Header
	if r.status != nil {
		number, err := r.status.Number(ctx, in)
		if err != nil {
			return 0, nil, dayfly.Errorf(dayfly.KindOf(err), "status: %w", err)
		}
		if status = int(number); float64(status) != number || status < http.StatusOK || status > 599 {
			return 0, nil, dayfly.Errorf(dayfly.KindInvalid, "%v is no status of an answer", number)
		}
	}
	if len(r.header) == 0 {
		return status, header, nil
	}
	list, err := evaluate(ctx, r.header, in)
	if err == nil {
		err = checkHeader(list)
	}
	if err != nil {
		return 0, nil, err
	}
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	setHeader(header, list)
	return status, header, nil
}

// Body gives the new body of an answer; header is the one that Head gave, and is changed with
// it. It gives false when the body stays as it is.
func (r *Response) Body(ctx context.Context, in *expression.Input, header http.Header) ([]byte, bool, error) {
	if r.body == nil {
		return nil, false, nil
	}
	value, err := r.body.Value(ctx, in)
	if err != nil {
		return nil, false, dayfly.Errorf(dayfly.KindOf(err), "body: %w", err)
	}
	body, contentType, err := written(value)
	if err != nil {
		return nil, false, err
	}
	// These tell of the body as it was.
	for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Range", "Accept-Ranges", "Etag",
		"Last-Modified", "Content-Md5", "Content-Digest", "Repr-Digest", "Digest", "Trailer"} {
		delete(header, name)
	}
	set := slices.ContainsFunc(r.header, func(s setting) bool { return s.name == "Content-Type" && s.value != nil })
	if !set {
		header["Content-Type"] = []string{contentType}
	}
	return body, true, nil
}

// written gives a value as a body: a text as it is, anything else as JSON.
func written(value any) (body []byte, contentType string, err error) {
	if text, ok := value.(string); ok {
		return []byte(text), typeText, nil
	}
	body, err = marshal(value)
	return body, typeJSON, err
}

// Error gives what is told in place of the error that in.Error holds, if the route says
// something: by its kind, by its status, by its class of statuses, or by default.
func (r *Response) Error(ctx context.Context, in *expression.Input) (Answer, bool, error) {
	e, found := r.pick(in.Error)
	if !found {
		return Answer{}, false, nil
	}
	answer := Answer{Status: e.status, Header: make(http.Header, len(e.header)+1)}
	if answer.Status == 0 {
		answer.Status = in.Error.Status
	}
	if e.body != nil {
		value, err := e.body.Value(ctx, in)
		if err != nil {
			return Answer{}, false, dayfly.Errorf(dayfly.KindOf(err), "body of the error: %w", err)
		}
		body, contentType, err := written(value)
		if err != nil {
			return Answer{}, false, err
		}
		answer.Body = append([]byte{}, body...) // an empty text is a body, too
		answer.Header.Set("Content-Type", contentType)
	}
	for name, value := range e.header {
		answer.Header.Set(name, value)
	}
	return answer, true, nil
}

func (r *Response) pick(of *expression.Error) (errorAnswer, bool) {
	status := strconv.Itoa(of.Status)
	for _, name := range []string{of.Kind, status, status[:1] + "XX", defaultError} {
		if e, ok := r.errors[name]; ok {
			return e, true
		}
	}
	return errorAnswer{}, false
}
