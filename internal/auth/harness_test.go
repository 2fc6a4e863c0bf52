// SPDX-License-Identifier: Apache-2.0

package auth_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth"
	"github.com/dayfly-faas/dayfly/internal/auth/apikey"
	"github.com/dayfly-faas/dayfly/internal/auth/password"
	"github.com/dayfly-faas/dayfly/internal/expression"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// knownKeys is a table of keys by their text.
type knownKeys map[string]*apikey.Key

// Verify implements auth.Keys.
func (k knownKeys) Verify(p dayfly.ProjectName, text string) (*apikey.Key, error) {
	if key := k[text]; key != nil && key.Project == p {
		return key, nil
	}
	return nil, dayfly.Errorf(dayfly.KindUnauthenticated, "the API key is not known")
}

func deps(functions auth.Functions) auth.Deps {
	return auth.Deps{Project: "shop", Keys: knownKeys{}, Passwords: password.New(time.Now), Functions: functions,
		Now: time.Now, Log: slog.New(slog.DiscardHandler)}
}

func build(t testing.TB, a front.Auth, d auth.Deps) auth.Authenticator {
	t.Helper()
	made, err := auth.Build(a, "door", d)
	if err != nil {
		t.Fatalf("Build: %v", err)
	}
	return made
}

// problem gives what is wrong with an authenticator that cannot be built.
func problem(t *testing.T, a front.Auth) *front.Problem {
	t.Helper()
	_, err := auth.Build(a, "door", deps(nil))
	if p, ok := errors.AsType[*front.Problem](err); ok {
		return p
	}
	t.Fatalf("Build = %v, want a problem", err)
	return nil
}

// request makes one as the gateway gives it to authenticators. Headers are "Name: value".
func request(method, address, body string, headers ...string) *auth.Request {
	r := httptest.NewRequest(method, address, strings.NewReader(body))
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return of(r)
}

func of(r *http.Request) *auth.Request {
	return &auth.Request{HTTP: r, Route: r.Method + " /orders/{id}",
		Input: &expression.Input{Request: r, Address: "192.0.2.7", Scheme: "https", ID: "id", Now: time.Now(),
			Params: map[string]string{"id": "7"}},
		Body: sync.OnceValues(func() ([]byte, error) { return io.ReadAll(r.Body) })}
}

// wants is how an authentication ends: a subject, or an error, or neither.
type wants struct {
	subject string
	kind    dayfly.Kind
}

var (
	nobody  = wants{}
	refused = wants{kind: dayfly.KindUnauthenticated}
	denied  = wants{kind: dayfly.KindDenied}
	unknown = wants{kind: dayfly.KindUnavailable}
)

func check(t *testing.T, a auth.Authenticator, r *auth.Request, want wants) *auth.Principal {
	t.Helper()
	p, err := a.Authenticate(t.Context(), r)
	got := wants{kind: dayfly.KindOf(err)}
	if p != nil {
		got.subject = p.Subject
		if err != nil {
			t.Errorf("there are a principal and an error: %v", err)
		}
	}
	if got != want {
		t.Errorf("Authenticate = %+v (error %v), want %+v", got, err, want)
	}
	return p
}

// asked is a function that is asked who is calling.
type asked struct {
	mu     sync.Mutex // guards events
	events [][]byte
	answer func(ctx context.Context, event []byte) (*dayfly.Result, error)
}

// Invoke implements auth.Functions.
func (a *asked) Invoke(ctx context.Context, i *dayfly.Invocation) (*dayfly.Result, error) {
	event, err := io.ReadAll(i.Request.Body)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	a.events = append(a.events, event)
	a.mu.Unlock()
	return a.answer(ctx, event)
}

func (a *asked) times() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.events)
}

// says is a function that always answers so.
func says(status int, text string) *asked {
	return &asked{answer: func(context.Context, []byte) (*dayfly.Result, error) { return result(status, text), nil }}
}

func result(status int, text string) *dayfly.Result {
	return &dayfly.Result{Status: status, Header: http.Header{},
		Body: io.NopCloser(bytes.NewReader([]byte(text)))}
}
