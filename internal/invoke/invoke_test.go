// SPDX-License-Identifier: Apache-2.0

package invoke_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/invoke"
)

// parts are true, tiny implementations of what an invoker needs.
type parts struct {
	resolveErr error
	execute    func(inv *dayfly.Invocation) (*dayfly.Result, error)
	records    []*dayfly.Record
	traced     int
}

func (p *parts) Resolve(ref dayfly.FunctionRef, _ dayfly.AliasName) (*dayfly.Revision, error) {
	if p.resolveErr != nil {
		return nil, p.resolveErr
	}
	spec := dayfly.DefaultSpec()
	spec.Limits.RequestBytes = 10
	return &dayfly.Revision{ID: ref.Revision(7), Function: ref, Number: 7, Spec: spec}, nil
}

func (p *parts) Execute(_ context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
	return p.execute(inv)
}
func (p *parts) Record(r *dayfly.Record)                                   { p.records = append(p.records, r) }
func (p *parts) TraceParent(incoming string, _ dayfly.InvocationID) string { return incoming + "+" }
func (p *parts) Trace(*dayfly.Record, string)                              { p.traced++ }

func invocation(body string, length int64) *dayfly.Invocation {
	return &dayfly.Invocation{ID: "i", Function: dayfly.FunctionRef{Project: "default", Name: "f"},
		Request: dayfly.Request{Body: io.NopCloser(strings.NewReader(body)), ContentLength: length, TraceParent: "t"}}
}

func answer(body io.ReadCloser) func(*dayfly.Invocation) (*dayfly.Result, error) {
	return func(inv *dayfly.Invocation) (*dayfly.Result, error) {
		_, _ = io.Copy(io.Discard, inv.Request.Body)
		return &dayfly.Result{Status: 200, Header: http.Header{}, Body: body}, nil
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
func (f failing) Close() error             { return nil }

func TestCallsAreRecordedOnceTheirBodyIsClosed(t *testing.T) {
	t.Parallel()
	p := &parts{execute: answer(io.NopCloser(strings.NewReader("12345")))}
	i := invoke.New("n", p, p, p, p)
	result, err := i.Invoke(t.Context(), invocation("abc", 3))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, result.Body)
	if len(p.records) != 0 || i.Inflight() != 1 {
		t.Errorf("before Close: %d records, %d in flight; want 0 and 1", len(p.records), i.Inflight())
	}
	_ = result.Body.Close()
	_ = result.Body.Close()
	if len(p.records) != 1 || i.Inflight() != 0 || p.traced != 1 {
		t.Fatalf("after Close: %d records, %d in flight, %d traces; want 1, 0, 1", len(p.records), i.Inflight(), p.traced)
	}
	r := p.records[0]
	if r.Revision != "f.default@7" || r.RequestBytes != 3 || r.ResponseBytes != 5 || r.Fault != dayfly.FaultNone {
		t.Errorf("record = %+v", r)
	}
}

func TestFaultsAreToldApart(t *testing.T) {
	t.Parallel()
	failure := &dayfly.Failure{Kind: dayfly.FailureException}
	for name, tc := range map[string]struct {
		p    parts
		want dayfly.Fault
	}{
		"no such function": {parts{resolveErr: dayfly.Errorf(dayfly.KindNotFound, "no")}, dayfly.FaultCaller},
		"exhausted": {parts{execute: func(*dayfly.Invocation) (*dayfly.Result, error) {
			return nil, dayfly.Errorf(dayfly.KindExhausted, "full")
		}}, dayfly.FaultCapacity},
		"ours": {parts{execute: func(*dayfly.Invocation) (*dayfly.Result, error) {
			return nil, errors.New("broken")
		}}, dayfly.FaultPlatform},
		"the function's": {parts{execute: func(*dayfly.Invocation) (*dayfly.Result, error) {
			return &dayfly.Result{Status: 502, Body: http.NoBody, Failure: failure}, nil
		}}, dayfly.FaultGuest},
		"the function's, in mid-body": {parts{execute: answer(failing{failure})}, dayfly.FaultGuest},
	} {
		p := &tc.p
		result, err := invoke.New("n", p, p, p, p).Invoke(t.Context(), invocation("", 0))
		if err == nil {
			_, _ = io.Copy(io.Discard, result.Body)
			_ = result.Body.Close()
		}
		if len(p.records) != 1 || p.records[0].Fault != tc.want {
			t.Errorf("%s: %d records, fault %q; want one with %q", name, len(p.records), p.records[0].Fault, tc.want)
		}
	}
}

func TestACallerWhoLeavesWithTheWholeAnswerWasServed(t *testing.T) {
	t.Parallel()
	gone := dayfly.Errorf(dayfly.KindCanceled, "the caller went away")
	for length, want := range map[string]dayfly.Fault{"4": dayfly.FaultNone, "5": dayfly.FaultCaller, "": dayfly.FaultCaller} {
		p := &parts{execute: func(*dayfly.Invocation) (*dayfly.Result, error) {
			body := io.NopCloser(io.MultiReader(strings.NewReader("boot"), failing{gone}))
			return &dayfly.Result{Status: 200, Header: http.Header{"Content-Length": {length}}, Body: body}, nil
		}}
		result, err := invoke.New("n", p, p, p, p).Invoke(t.Context(), invocation("", 0))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, result.Body)
		_ = result.Body.Close()
		if len(p.records) != 1 || p.records[0].Fault != want {
			t.Errorf("of %q bytes 4 were read: records %+v, want one with fault %q", length, p.records, want)
		}
	}
}

func TestRequestLimitHoldsForEveryBody(t *testing.T) {
	t.Parallel()
	for name, length := range map[string]int64{"announced": 11, "streamed": -1} {
		p := &parts{execute: func(inv *dayfly.Invocation) (*dayfly.Result, error) {
			if _, err := io.ReadAll(inv.Request.Body); err != nil {
				return nil, err
			}
			return &dayfly.Result{Status: 200, Body: http.NoBody}, nil
		}}
		_, err := invoke.New("n", p, p, p).Invoke(t.Context(), invocation("12345678901", length))
		if !errors.Is(err, dayfly.ErrRequestTooLarge) || dayfly.KindOf(err) != dayfly.KindInvalid {
			t.Errorf("%s body of 11 bytes at a limit of 10 = %v, want ErrRequestTooLarge", name, err)
		}
	}
}
