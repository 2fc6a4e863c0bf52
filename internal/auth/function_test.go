// SPDX-License-Identifier: Apache-2.0

package auth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

const (
	yes = `{"isAuthorized":true,"context":{"user":"ann"}}`
	no  = `{"isAuthorized":false}`
)

// policy lets in what a resource says.
func policy(effect, resource string) string {
	return fmt.Sprintf(`{"principalId":"ann","policyDocument":{"Version":"2012-10-17","Statement":[{"Effect":%q,
		"Action":"execute-api:Invoke","Resource":%q}]}}`, effect, resource)
}

func asking(t testing.TB, f auth.Functions, from front.Authorizer) auth.Authenticator {
	t.Helper()
	from.Name = "check"
	return build(t, front.Auth{Function: &from}, deps(f))
}

func token(text string) string { return "Authorization: " + text }

func TestAnswersOfFunctions(t *testing.T) {
	t.Parallel()
	const all = "arn:aws:execute-api:us-east-1:000000000000:shop/$default/"
	noSubject := wants{} // let in without a name
	tests := map[string]struct {
		status int
		text   string
		want   wants
		in     bool
	}{
		"true":                        {200, yes, noSubject, true},
		"true and who":                {200, `{"isAuthorized":true,"principalId":"ann"}`, wants{subject: "ann"}, true},
		"false":                       {200, no, denied, false},
		"a policy":                    {200, policy("Allow", all+"GET/orders/*"), wants{subject: "ann"}, true},
		"a policy for all":            {200, policy("Allow", "*"), wants{subject: "ann"}, true},
		"a policy for another method": {200, policy("Allow", all+"POST/orders/*"), denied, false},
		"a policy for another path":   {200, policy("Allow", all+"GET/users/*"), denied, false},
		"a policy of another project": {200, policy("Allow", strings.Replace(all, "shop", "blog", 1)+"*"), denied, false},
		"a policy that denies":        {200, policy("Deny", "*"), denied, false},
		"a policy without statements": {200, `{"policyDocument":{"Statement":[]}}`, denied, false},
		"a policy with a condition":   {200, strings.Replace(policy("Allow", "*"), `"Action"`, `"Condition":{},"Action"`, 1), unknown, false},
		"a policy of NotResource":     {200, strings.Replace(policy("Allow", "*"), `"Resource"`, `"NotResource"`, 1), unknown, false},
		"both":                        {200, `{"isAuthorized":true,"policyDocument":{"Statement":[]}}`, unknown, false},
		"true as a text":              {200, `{"isAuthorized":"true"}`, unknown, false},
		"one":                         {200, `{"isAuthorized":1}`, unknown, false},
		"another case":                {200, `{"IsAuthorized":true}`, unknown, false},
		"first no, then yes":          {200, `{"isAuthorized":false,"isAuthorized":true}`, unknown, false},
		"nothing":                     {200, ``, unknown, false},
		"null":                        {200, `null`, unknown, false},
		"a bare true":                 {200, `true`, unknown, false},
		"a list":                      {200, `[` + yes + `]`, unknown, false},
		"two answers":                 {200, yes + yes, unknown, false},
		"a page":                      {200, `<html>hello</html>`, unknown, false},
		"a megabyte":                  {200, `{"isAuthorized":true,"pad":"` + strings.Repeat("x", 1<<20) + `"}`, unknown, false},
		"a context that is too large": {200, `{"isAuthorized":true,"context":{"x":"` + strings.Repeat("x", 9<<10) + `"}}`, unknown, false},
		"a context that is very deep": {200, `{"isAuthorized":true,"context":{"x":` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + `}}`, unknown, false},
		"a context that is no object": {200, `{"isAuthorized":true,"context":"x"}`, unknown, false},
		"a subject that is no text":   {200, `{"isAuthorized":true,"principalId":7}`, unknown, false},
		"a status that is no answer":  {500, yes, unknown, false},
		"a redirect":                  {302, yes, unknown, false},
		"a status of bad credentials": {401, yes, refused, false},
		"a status of few rights":      {403, yes, refused, false},
		"a created answer":            {201, yes, noSubject, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := asking(t, says(test.status, test.text), front.Authorizer{})
			for range 2 { // what is remembered says the same
				p := check(t, a, request("GET", "https://shop/orders/7", "", token("t")), test.want)
				if (p != nil) != test.in {
					t.Errorf("let in = %v, want %v", p != nil, test.in)
				}
			}
		})
	}
}

func TestTheContextOfAnAnswerIsThePrincipals(t *testing.T) {
	t.Parallel()
	p := check(t, asking(t, says(200, yes), front.Authorizer{}), request("GET", "/", "", token("t")), nobody)
	if p == nil || p.Claims["user"] != "ann" || p.Kind != auth.KindFunction || p.Name != "door" {
		t.Errorf("the principal is %+v", p)
	}
}

func TestFailuresOfFunctionsLetNobodyInAndTellNothing(t *testing.T) {
	t.Parallel()
	const secret = "psql://admin:hunter22@db"
	fails := map[string]struct {
		result *dayfly.Result
		err    error
		want   dayfly.Kind
	}{
		"it throws": {&dayfly.Result{Failure: &dayfly.Failure{Message: secret}}, nil, dayfly.KindUnavailable},
		"it refuses, as at AWS": {&dayfly.Result{Failure: &dayfly.Failure{Message: "Unauthorized"}}, nil,
			dayfly.KindUnauthenticated},
		"it is not there": {nil, dayfly.Errorf(dayfly.KindNotFound, secret), dayfly.KindUnavailable},
		"it is crowded":   {nil, dayfly.Errorf(dayfly.KindExhausted, secret), dayfly.KindExhausted},
		"it may not":      {nil, dayfly.Errorf(dayfly.KindDenied, secret), dayfly.KindUnavailable},
		"anything":        {nil, errors.New(secret), dayfly.KindUnavailable},
	}
	for name, test := range fails {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &asked{answer: func(context.Context, []byte) (*dayfly.Result, error) {
				if test.result == nil {
					return nil, test.err
				}
				answer := *test.result
				answer.Body = http.NoBody
				return &answer, nil
			}}
			a := asking(t, f, front.Authorizer{})
			for range 2 {
				p, err := a.Authenticate(t.Context(), request("GET", "/", "", token("t")))
				if p != nil || dayfly.KindOf(err) != test.want {
					t.Errorf("Authenticate = %v, %v, want %s", p, err, test.want)
				}
				if told, ok := errors.AsType[*dayfly.Error](err); !ok || strings.Contains(told.Message, "hunter22") {
					t.Errorf("the caller is told %v", err)
				}
			}
			if f.times() != 2 {
				t.Errorf("it was asked %d times, want 2: faults are not remembered", f.times())
			}
		})
	}
}

func TestAFunctionThatHangsIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &asked{answer: func(ctx context.Context, _ []byte) (*dayfly.Result, error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}}
		a := asking(t, f, front.Authorizer{})
		began := time.Now()
		var all sync.WaitGroup
		kinds := make(chan dayfly.Kind, 100)
		for i := range 100 {
			all.Go(func() {
				_, err := a.Authenticate(t.Context(), request("GET", "/", "", token(fmt.Sprint(i))))
				kinds <- dayfly.KindOf(err)
			})
		}
		all.Wait()
		close(kinds)
		count := map[dayfly.Kind]int{}
		for kind := range kinds {
			count[kind]++
		}
		if took := time.Since(began); took > 11*time.Second {
			t.Errorf("callers waited %s", took)
		}
		if count[dayfly.KindTimeout] != 64 || count[dayfly.KindExhausted] != 36 {
			t.Errorf("the callers heard %v, want 64 of time-outs and 36 of too many", count)
		}
	})
}

func TestACallerWhoGoesAwayDoesNotTakeTheAnswerAlong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		f := &asked{answer: func(ctx context.Context, _ []byte) (*dayfly.Result, error) {
			select {
			case <-free:
				return result(200, yes), nil
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}}
		a := asking(t, f, front.Authorizer{})
		impatient, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			_, err := a.Authenticate(impatient, request("GET", "/", "", token("t")))
			if dayfly.KindOf(err) != dayfly.KindCanceled {
				t.Errorf("who went away heard %v", err)
			}
		})
		synctest.Wait()
		for range 20 {
			all.Go(func() {
				if p, err := a.Authenticate(t.Context(), request("GET", "/", "", token("t"))); p == nil {
					t.Errorf("who waited heard %v", err)
				}
			})
		}
		synctest.Wait()
		leave()
		synctest.Wait()
		close(free)
		all.Wait()
		if f.times() != 1 {
			t.Errorf("it was asked %d times, want once for all", f.times())
		}
	})
}

// echo lets those in whose token is their name, for what their event says.
func echo(t *testing.T) *asked {
	return &asked{answer: func(_ context.Context, event []byte) (*dayfly.Result, error) {
		var e struct {
			Token string `json:"authorizationToken"`
			Route string `json:"routeKey"`
			Path  string `json:"rawPath"`
		}
		if err := json.Unmarshal(event, &e); err != nil {
			t.Errorf("the event is no JSON: %v", err)
		}
		text, err := json.Marshal(map[string]any{"isAuthorized": e.Token != "bad", "principalId": e.Token,
			"context": map[string]any{"route": e.Route, "path": e.Path}})
		return result(200, string(text)), err
	}}
}

func TestAnswersAreNotMixedUp(t *testing.T) {
	t.Parallel()
	f := echo(t)
	a := asking(t, f, front.Authorizer{Identity: front.List{"header.authorization", "query.?tenant.orValue('-')"}})
	ann, bad := wants{subject: "ann"}, denied
	steps := []struct {
		name, method, address, token, route string
		want                                wants
		asked                               int
	}{
		{"the first", "GET", "https://shop/a", "ann", "GET /{x}", ann, 1},
		{"again", "GET", "https://shop/a", "ann", "GET /{x}", ann, 1},
		{"another caller", "GET", "https://shop/a", "bob", "GET /{x}", wants{subject: "bob"}, 2},
		{"a bad caller", "GET", "https://shop/a", "bad", "GET /{x}", bad, 3},
		{"a bad caller again", "GET", "https://shop/a", "bad", "GET /{x}", bad, 3},
		{"another path", "GET", "https://shop/b", "ann", "GET /{x}", ann, 4},
		{"another method", "POST", "https://shop/a", "ann", "GET /{x}", ann, 5},
		{"another route", "GET", "https://shop/a", "ann", "GET /a", ann, 6},
		{"another host", "GET", "https://blog/a", "ann", "GET /{x}", ann, 7},
		{"another identity", "GET", "https://shop/a?tenant=1", "ann", "GET /{x}", ann, 8},
		{"texts that join alike", "GET", "https://shop/a?tenant=n-", "an", "GET /{x}", wants{subject: "an"}, 9},
		{"the first still", "GET", "https://shop/a", "ann", "GET /{x}", ann, 9},
		{"what is no identity", "GET", "https://shop/a?page=2", "ann", "GET /{x}", ann, 9},
	}
	for _, step := range steps {
		r := request(step.method, step.address, "", token(step.token))
		r.Route = step.route
		t.Run(step.name, func(t *testing.T) {
			p := check(t, a, r, step.want)
			if p != nil && (p.Claims["route"] != step.route || p.Claims["path"] != r.HTTP.URL.Path) {
				t.Errorf("the answer is that for another request: %v", p.Claims)
			}
			if f.times() != step.asked {
				t.Errorf("it was asked %d times, want %d", f.times(), step.asked)
			}
		})
	}
	// Another authenticator, and one of another project, remember nothing of this one.
	before := f.times()
	check(t, asking(t, f, front.Authorizer{}), request("GET", "https://shop/a", "", token("ann")), ann)
	if f.times() != before+1 {
		t.Error("authenticators share answers")
	}
}

func TestAPolicyIsAskedForOnceForAllRoutes(t *testing.T) {
	t.Parallel()
	f := says(200, policy("Allow", "arn:aws:execute-api:us-east-1:000000000000:shop/$default/GET/orders/*"))
	a := asking(t, f, front.Authorizer{})
	ann := wants{subject: "ann"}
	check(t, a, request("GET", "https://shop/orders/1", "", token("t")), ann)
	check(t, a, request("GET", "https://shop/orders/2", "", token("t")), ann)
	check(t, a, request("POST", "https://shop/orders/2", "", token("t")), denied)
	check(t, a, request("GET", "https://shop/users", "", token("t")), denied)
	if f.times() != 1 {
		t.Errorf("it was asked %d times, want once", f.times())
	}
	check(t, a, request("GET", "https://shop/orders/1", "", token("other")), ann)
	if f.times() != 2 {
		t.Errorf("it was asked %d times, want once for each caller", f.times())
	}
}

func TestAnswersAreForgotten(t *testing.T) {
	t.Parallel()
	now := time.Now()
	f := says(200, yes)
	d := deps(f)
	d.Now = func() time.Time { return now }
	minute, never := quantity.Span(time.Minute), quantity.Span(0)
	a := build(t, front.Auth{Function: &front.Authorizer{Name: "check", Cache: &minute}}, d)
	for range 3 {
		check(t, a, request("GET", "/", "", token("t")), nobody)
	}
	now = now.Add(time.Minute)
	check(t, a, request("GET", "/", "", token("t")), nobody)
	if f.times() != 2 {
		t.Errorf("it was asked %d times, want 2", f.times())
	}
	a = build(t, front.Auth{Function: &front.Authorizer{Name: "check", Cache: &never}}, d)
	for range 3 {
		check(t, a, request("GET", "/", "", token("t")), nobody)
	}
	if f.times() != 5 {
		t.Errorf("it was asked %d times, want 5: nothing is to be remembered", f.times())
	}
}

func TestRequestsWithoutIdentityAreNotAskedAbout(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		identity front.List
		header   []string
		body     string
		want     wants
		asked    int
	}{
		"no header":          {want: nobody},
		"an empty header":    {header: []string{"Authorization: "}, want: nobody},
		"one of two":         {front.List{"header.authorization", "header['x-tenant']"}, []string{token("ann")}, "", nobody, 0},
		"both":               {front.List{"header.authorization", "header['x-tenant']"}, []string{token("ann"), "X-Tenant: 1"}, "", wants{subject: "ann"}, 1},
		"a field of no body": {front.List{"body.token"}, nil, "", nobody, 0},
		"a field of a body":  {front.List{"body.token"}, []string{"Content-Type: application/json"}, `{"token":"ann"}`, wants{subject: "ann"}, 1},
		"a body of nonsense": {front.List{"body.token"}, []string{"Content-Type: application/json"}, `{"token`, nobody, 0},
		"a very long one":    {header: []string{token(strings.Repeat("x", 40<<10))}, want: refused},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := echo(t)
			a := asking(t, f, front.Authorizer{Identity: test.identity})
			check(t, a, request("POST", "https://shop/orders/7", test.body, test.header...), test.want)
			if f.times() != test.asked {
				t.Errorf("it was asked %d times, want %d", f.times(), test.asked)
			}
		})
	}
	got := problem(t, front.Auth{Function: &front.Authorizer{Name: "check", Identity: front.List{"header.a", "header["}}})
	if len(got.Path) < 3 || got.Path[1] != "identity" || got.Path[2] != "1" {
		t.Errorf("an expression that is none is a problem at %v", got.Path)
	}
}

// What a client says of itself under our names does not reach the function that decides.
func TestClientsCannotTellFunctionsWhatWeTell(t *testing.T) {
	t.Parallel()
	f := echo(t)
	a := asking(t, f, front.Authorizer{})
	check(t, a, request("GET", "https://shop/orders/7", "", token("ann"), "X-Dayfly-Route: GET /admin",
		`X-Dayfly-Params: {"id":"8"}`, `X-Dayfly-Principal: {"subject":"root"}`), wants{subject: "ann"})
	event := string(f.events[0])
	if strings.Contains(event, "admin") || strings.Contains(event, "root") || !strings.Contains(event, `"id":"7"`) {
		t.Errorf("the event tells what the client said:\n%s", event)
	}
}

func TestTheLogTellsOfAuthorizersThatFailWithoutCredentials(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	d := deps(says(200, "nonsense"))
	d.Log = slog.New(slog.NewTextHandler(&text, nil))
	a := build(t, front.Auth{Function: &front.Authorizer{Name: "check"}}, d)
	for i := range 50 {
		check(t, a, request("GET", "/", "", token(fmt.Sprint("hunter22-", i))), unknown)
	}
	if got := text.String(); strings.Count(got, "\n") != 1 || strings.Contains(got, "hunter22") ||
		!strings.Contains(got, "check") {
		t.Errorf("the log has:\n%s", got)
	}
}
