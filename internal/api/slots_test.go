// SPDX-License-Identifier: Apache-2.0

package api

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func newTestAPI(t *testing.T) *API {
	t.Helper()
	a, err := New(Config{Token: strings.Repeat("t", 16)}, slog.New(slog.DiscardHandler), Deps{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestFullClassRefusesAtOnce(t *testing.T) {
	t.Parallel()
	a := newTestAPI(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	rt := &route{pattern: "GET /x", open: true, class: newClass(0, 1, 1),
		handle: func(w http.ResponseWriter, _ *http.Request) error {
			close(entered)
			<-leave
			return nil
		}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.serve(rt, httptest.NewRecorder(), httptest.NewRequest("GET", "/x", nil))
	}()
	<-entered
	second := httptest.NewRecorder()
	a.serve(rt, second, httptest.NewRequest("GET", "/x", nil))
	if second.Code != http.StatusTooManyRequests || second.Header().Get("Retry-After") != "1" {
		t.Errorf("the second answered %d %v", second.Code, second.Header())
	}
	close(leave)
	<-done
}

func TestBrokenAnswerIsCut(t *testing.T) {
	t.Parallel()
	a := newTestAPI(t)
	rt := &route{pattern: "GET /x", open: true, class: newClass(0, 1, 1),
		handle: func(w http.ResponseWriter, _ *http.Request) error {
			_, _ = io.WriteString(w, "half of")
			panic(errors.New("broken"))
		}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.serve(rt, w, r)
	}))
	defer server.Close()
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	resp, err := http.Get(server.URL)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("an answer that broke off looks complete")
	}
}
