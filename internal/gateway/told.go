// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/expression"
	"github.com/dayfly-faas/dayfly/internal/gateway/mapping"
	"github.com/dayfly-faas/dayfly/internal/gateway/schema"
)

// answerWholeMax bounds an answer that a mapping or a schema sees whole.
const answerWholeMax = 10 << 20

// send sends what the target answered, mapped and checked.
func (c *call) send(inv *dayfly.Invocation, result *dayfly.Result) error {
	if c.cors != nil {
		maps.DeleteFunc(result.Header, func(name string, _ []string) bool {
			return strings.HasPrefix(name, "Access-Control-") // the route says it
		})
	}
	if result.Failure != nil && len(result.Header) == 0 && c.response != nil && !speaksRPC(c.r) {
		failure := result.Failure
		said := expression.Error{Kind: string(failure.Kind), Message: failure.Message, Status: result.Status}
		if c.saidOtherwise(&said) {
			return nil
		}
		result.Status = said.Status
	}
	if result.Failure == nil && result.Status != http.StatusSwitchingProtocols {
		if err := c.change(result); err != nil {
			return err
		}
	}
	if c.changesThings() && result.Status >= 200 && result.Status < 400 && c.gateway.fronts.deps.Cache != nil {
		c.gateway.fronts.deps.Cache.Changed(c.project, c.r.Host, c.r.URL.EscapedPath()) // RFC 9111, section 4.4
	}
	c.gateway.answer(c.w, c.r, inv, result)
	return nil
}

// changesThings tells methods that are not safe.
func (c *call) changesThings() bool {
	switch c.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return false
	}
	return true
}

// change changes the answer as the route says, and reports what of it breaks its schema.
func (c *call) change(result *dayfly.Result) error {
	checks := c.schema != nil && c.schema.ChecksResponse(result.Status)
	changes := c.response != nil && c.response.Changes()
	if !checks && !changes {
		return nil
	}
	answer := expression.Response{Status: result.Status, Header: result.Header}
	if checks || c.response.UsesBody() {
		body, err := io.ReadAll(io.LimitReader(result.Body, answerWholeMax+1))
		if err != nil {
			return err
		}
		if len(body) > answerWholeMax {
			if changes && c.response.UsesBody() {
				return dayfly.Errorf(dayfly.KindUnavailable, "the answer is larger than the %s that a mapping takes",
					dayfly.FormatBytes(answerWholeMax))
			}
			result.Body = rest{io.MultiReader(bytes.NewReader(body), result.Body), result.Body}
			checks = false
		} else {
			answer.Body = body
			result.Body = rest{bytes.NewReader(body), result.Body}
		}
	}
	if checks {
		c.report(c.schema.Response(result.Status, result.Header.Get("Content-Type"), answer.Body))
	}
	if !changes {
		return nil
	}
	c.input.Response = &answer
	return c.mapped(result)
}

// mapped puts the mapped answer in the place of the target's.
func (c *call) mapped(result *dayfly.Result) error {
	status, header, err := c.response.Head(c.r.Context(), &c.input)
	if err != nil {
		return unmappable(err)
	}
	body, replaced, err := c.response.Body(c.r.Context(), &c.input, header)
	if err != nil {
		return unmappable(err)
	}
	result.Status, result.Header = status, header
	if replaced {
		header["Content-Length"] = []string{strconv.Itoa(len(body))}
		result.Body = rest{bytes.NewReader(body), result.Body}
	}
	return nil
}

// unmappable hides from the caller what was wrong with an answer: its owner reads the log.
func unmappable(err error) error {
	return dayfly.Errorf(dayfly.KindInternal, "map the answer: %v", err)
}

// rest reads from one place and closes another.
type rest struct {
	io.Reader
	io.Closer
}

// report tells the owner of a function that its answer is not what the route promises.
func (c *call) report(fields []schema.Field) {
	if len(fields) == 0 || c.gateway.fronts.deps.Report == nil {
		return
	}
	texts := make([]string, len(fields))
	for i, f := range fields {
		texts[i] = f.String()
	}
	line := dayfly.LogLine{Time: time.Now(), Invocation: c.id, Stream: dayfly.StreamPlatform,
		Text: "the answer does not match the schema of " + c.name + ": " + strings.Join(texts, "; ")}
	if f, is := c.target.(function); is {
		line.Function = f.ref
		c.gateway.fronts.deps.Report(line)
	}
}

// refuse answers a request that met an error: as the route says, else as the door does.
func (c *call) refuse(err error) {
	if speaksRPC(c.r) {
		c.gateway.refuseRPC(c.w, c.r, c.id, err)
		return
	}
	said := expression.Error{Kind: string(kindOf(err)), Status: statusOf(err)}
	told := &dayfly.Error{}
	if errors.As(err, &told) && told.Kind != dayfly.KindInternal {
		said.Message, said.Hint = told.Message, told.Hint
	}
	var bad *invalid
	if errors.As(err, &bad) {
		said.Message, said.Status = bad.Error(), schema.Problem(bad.fields).Status
	}
	if c.response != nil && c.saidOtherwise(&said) {
		return
	}
	if bad == nil {
		c.gateway.refuseAs(c.w, c.r, c.id, err, said.Status)
		return
	}
	answer := struct {
		schema.Answer
		ID dayfly.InvocationID `json:"invocation"`
	}{schema.Problem(bad.fields), c.id}
	answer.Status, answer.Title = said.Status, http.StatusText(said.Status)
	text, err := json.Marshal(answer)
	if err != nil {
		text = []byte(`{"kind":"invalid"}`)
	}
	c.write(mapping.Answer{Status: answer.Status, Body: append(text, '\n'),
		Header: http.Header{"Content-Type": {schema.ContentType}}})
}

// kindOf gives the kind of an error, also of one that broke a schema.
func kindOf(err error) dayfly.Kind {
	var bad *invalid
	if errors.As(err, &bad) {
		return dayfly.KindInvalid
	}
	return dayfly.KindOf(err)
}

// saidOtherwise answers with the route's own words for an error, if it has any. Where it has
// a status or headers only, these are set, and the error's own words remain to be told.
func (c *call) saidOtherwise(said *expression.Error) bool {
	said.Invocation = string(c.id)
	c.input.Error = said
	answer, found, err := c.response.Error(c.r.Context(), &c.input)
	switch {
	case err != nil:
		c.gateway.log.Warn("an error could not be told as its route says", "route", c.name, "error", err)
		return false
	case !found:
		return false
	case answer.Body == nil:
		maps.Copy(c.w.Header(), answer.Header)
		said.Status = answer.Status
		return false
	}
	c.write(answer)
	return true
}

func (c *call) write(answer mapping.Answer) {
	header := c.w.Header()
	header.Set("Cache-Control", "no-store")
	maps.Copy(header, answer.Header)
	header.Set("Content-Length", strconv.Itoa(len(answer.Body)))
	c.w.WriteHeader(answer.Status)
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write(answer.Body)
	}
}
