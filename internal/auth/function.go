// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth/authorizer"
	"github.com/dayfly-faas/dayfly/internal/expression"
	"github.com/dayfly-faas/dayfly/internal/front"
)

const (
	// askMax is how long a function may take to say who is calling, as at AWS.
	askMax = 10 * time.Second
	// askedMax bounds how many requests ask at once: a function that hangs does not keep more
	// than these from an answer.
	askedMax = 64
	// answerFor is how long an answer is remembered when a front does not say.
	answerFor = 5 * time.Minute
	// tellEvery bounds how often the log hears of answers that cannot be used.
	tellEvery = 10 * time.Second
	// identityBytesMax bounds what the identity of one request is made of.
	identityBytesMax = 32 << 10
)

// function asks one who is calling.
type function struct {
	name     string
	ref      dayfly.FunctionRef
	identity []*expression.Expression
	keep     time.Duration
	invoker  Functions
	now      func() time.Time
	log      *slog.Logger

	salt    [sha256.Size]byte
	allowed recent[*authorizer.Answer]
	denied  recent[*authorizer.Answer] // apart: a flood of bad tokens does not drive out good ones
	flight  singleflight.Group
	asking  chan struct{}
	told    atomic.Int64 // when the log heard last, in Unix nanoseconds
}

func newFunction(a *front.Authorizer, name string, d Deps) (*function, error) {
	f := &function{name: name, ref: dayfly.FunctionRef{Project: d.Project, Name: a.Name}, keep: answerFor,
		invoker: d.Functions, now: d.Now, log: d.Log, asking: make(chan struct{}, askedMax)}
	if a.Cache != nil {
		f.keep = time.Duration(*a.Cache)
	}
	identity := a.Identity
	if len(identity) == 0 {
		identity = front.List{"header.authorization"}
	}
	for i, text := range identity {
		e, err := expression.Compile(text, expression.Text, expression.RequestPhase)
		if err != nil {
			return nil, front.Within(err, "identity", strconv.Itoa(i))
		}
		f.identity = append(f.identity, e)
	}
	_, _ = rand.Read(f.salt[:]) // never fails: crypto/rand aborts the program instead
	return f, nil
}

// question is a request about which the function is asked, apart from the request itself,
// which may be over while others still wait for the answer.
type question struct {
	event     []byte
	arn       string
	address   string
	who, here digest
}

// Authenticate implements Authenticator.
//
//	1 the identity; a request without one is not asked about
//	2 what is remembered: a policy for the identity, or an answer for it and this request
//	3 ask, once for all who wait for the same
func (f *function) Authenticate(ctx context.Context, r *Request) (*Principal, error) {
	identity, err := f.identify(ctx, r)
	if identity == nil || err != nil {
		return nil, err
	}
	call := f.call(r, identity)
	// A policy says itself for which requests it is. An answer of true or false does not: it
	// is remembered for what the function can be expected to look at, no more.
	q := question{arn: call.ARN(), address: call.Address, who: f.digest(identity),
		here: f.digest(append(identity, r.Route, call.HTTP.Method, call.HTTP.Host, call.Path))}
	if answer, ok := f.recall(q); ok {
		return f.judge(answer, q)
	}
	if q.event, err = call.Event(); err != nil {
		return nil, err
	}
	answer, err := f.answer(ctx, q)
	if err != nil {
		return nil, err
	}
	return f.judge(answer, q)
}

// judge makes a principal of an answer that lets the request in.
func (f *function) judge(answer *authorizer.Answer, q question) (*Principal, error) {
	if !answer.Allows(q.arn) {
		return nil, dayfly.Errorf(dayfly.KindDenied, "the request is not authorized")
	}
	return &Principal{Kind: KindFunction, Name: f.name, Subject: answer.Subject, Claims: answer.Context}, nil
}

// identify gives what the identity expressions do, nil when one of them gives nothing.
func (f *function) identify(ctx context.Context, r *Request) ([]string, error) {
	list, bytes := make([]string, 0, len(f.identity)+4), 0
	for _, e := range f.identity {
		if e.UsesBody() && r.Input.Body == nil {
			body, err := r.Body()
			if err != nil {
				return nil, err
			}
			r.Input.Body = body
		}
		text, err := e.Text(ctx, r.Input)
		if err != nil || text == "" {
			return nil, nil // what is absent cannot be evaluated
		}
		if bytes += len(text); bytes > identityBytesMax {
			return nil, refuse("the credentials have more than %d bytes", identityBytesMax)
		}
		list = append(list, text)
	}
	return list, nil
}

func (f *function) call(r *Request, identity []string) authorizer.Call {
	return authorizer.Call{HTTP: r.HTTP, Project: f.ref.Project, Function: f.ref.Name, Route: r.Route,
		Params: r.Input.Params, Path: r.path(), Address: r.address(), Scheme: r.Input.Scheme, ID: r.Input.ID,
		Identity: identity, Now: f.now()}
}

// digest names a list of texts, none of which can be told from it.
func (f *function) digest(list []string) digest {
	mac := hmac.New(sha256.New, f.salt[:])
	for _, text := range list {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(text)))
		_, _ = mac.Write(length[:]) // never fails
		_, _ = mac.Write([]byte(text))
	}
	return digest(mac.Sum(nil))
}

func (f *function) recall(q question) (*authorizer.Answer, bool) {
	now := f.now()
	for _, name := range []digest{q.who, q.here} {
		if answer, ok := f.allowed.get(name, now); ok {
			return answer, true
		}
		if answer, ok := f.denied.get(name, now); ok {
			return answer, true
		}
	}
	return nil, false
}

// rememberedBytes is about what an answer takes in memory, beside its text.
const rememberedBytes = 512

func (f *function) remember(answer *authorizer.Answer, q question, bytes int) {
	name, until := q.here, f.now().Add(f.keep)
	if answer.Everywhere {
		name = q.who
	}
	if answer.Allows(q.arn) {
		f.allowed.put(name, answer, until, rememberedBytes+2*bytes)
		return
	}
	f.denied.put(name, answer, until, rememberedBytes+2*bytes)
}

// answer asks once for all who wait for the same answer, unless nothing is remembered. The call
// goes on when one of them goes away: the others still wait.
func (f *function) answer(ctx context.Context, q question) (*authorizer.Answer, error) {
	if f.keep <= 0 {
		answer, _, err := f.ask(ctx, q)
		return answer, err
	}
	asked := f.flight.DoChan(string(q.here[:]), func() (any, error) {
		answer, bytes, err := f.ask(context.WithoutCancel(ctx), q)
		if err == nil {
			f.remember(answer, q, bytes)
		}
		return answer, err
	})
	select {
	case result := <-asked:
		return result.Val.(*authorizer.Answer), result.Err
	case <-ctx.Done():
		return nil, dayfly.Errorf(dayfly.KindCanceled, "the caller went away: %w", context.Cause(ctx))
	}
}

// ask calls the function, and gives its answer with the size of it.
func (f *function) ask(ctx context.Context, q question) (*authorizer.Answer, int, error) {
	select {
	case f.asking <- struct{}{}:
		defer func() { <-f.asking }()
	default:
		return nil, 0, exhausted("too many requests wait to be authorized", nil)
	}
	within, cancel := context.WithTimeout(ctx, askMax)
	defer cancel()
	status, text, err := f.invoke(within, q)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, 0, dayfly.Errorf(dayfly.KindCanceled, "the caller went away: %w", context.Cause(ctx))
	case err != nil && within.Err() != nil:
		return nil, 0, f.unusable(dayfly.KindTimeout, fmt.Errorf("no answer within %s: %w", askMax, err))
	case err != nil:
		return nil, 0, err
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return nil, 0, refuse("the credentials are not accepted")
	case status < 200 || status > 299:
		return nil, 0, f.unusable(dayfly.KindUnavailable, fmt.Errorf("status %d", status))
	}
	answer, err := authorizer.Parse(text)
	if err != nil {
		return nil, 0, f.unusable(dayfly.KindUnavailable, err)
	}
	return answer, len(text), nil
}

// invoke calls the function and reads its answer.
func (f *function) invoke(ctx context.Context, q question) (int, []byte, error) {
	now := time.Now()
	result, err := f.invoker.Invoke(ctx, &dayfly.Invocation{ID: dayfly.NewInvocationID(now), Function: f.ref,
		Alias: dayfly.LiveAlias, Source: dayfly.SourceAuth, Received: now,
		Request: dayfly.Request{Kind: dayfly.RequestEvent, Method: http.MethodPost, Path: "/", Host: "localhost",
			Proto: "HTTP/1.1", Scheme: "http", RemoteAddr: q.address,
			Header: http.Header{"Content-Type": {"application/json"}},
			Body:   io.NopCloser(bytes.NewReader(q.event)), ContentLength: int64(len(q.event))}})
	switch {
	case dayfly.KindOf(err) == dayfly.KindExhausted:
		return 0, nil, exhausted("it cannot be told now who is calling", err)
	case err != nil:
		return 0, nil, f.unusable(dayfly.KindUnavailable, err)
	}
	defer result.Body.Close()
	if result.Failure != nil {
		// The way in which functions written for AWS refuse a token.
		if result.Failure.Message == "Unauthorized" {
			return 0, nil, refuse("the credentials are not accepted")
		}
		return 0, nil, f.unusable(dayfly.KindUnavailable, result.Failure)
	}
	text, err := io.ReadAll(io.LimitReader(result.Body, authorizer.AnswerBytesMax+1))
	if err != nil {
		return 0, nil, f.unusable(dayfly.KindUnavailable, err)
	}
	return result.Status, text, nil
}

// unusable is the error for callers when a function does not say who they are. Why is for the
// log, since callers are strangers.
func (f *function) unusable(kind dayfly.Kind, err error) error {
	now := time.Now().UnixNano()
	if last := f.told.Load(); now-last >= int64(tellEvery) && f.told.CompareAndSwap(last, now) {
		f.log.Warn("authorizer gave no answer that can be used", "function", f.ref.String(),
			"authenticator", f.name, "error", err)
	}
	return &dayfly.Error{Kind: kind, Message: "it cannot be told now who is calling", Err: err}
}

func exhausted(message string, err error) error {
	return &dayfly.Error{Kind: dayfly.KindExhausted, Message: message, RetryAfter: time.Second, Err: err}
}

// Challenge implements Authenticator: what a function looks for is not known here.
func (f *function) Challenge() string { return "" }
