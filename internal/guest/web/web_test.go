// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

func TestServeAnswersOnThePortUntilItIsTold(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	t.Setenv("PORT", port)
	ctx, cancel := context.WithCancel(t.Context())
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hi") })
	if err := Serve(ctx, handler, io.Discard); err == nil {
		t.Error("Serve on a port that is taken: no error")
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, handler, io.Discard) }()
	for deadline := time.Now().Add(5 * time.Second); ; {
		resp, err := http.Get("http://127.0.0.1:" + port)
		if err == nil {
			body, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if string(body) != "hi" {
				t.Errorf("answer = %q, want hi", body)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve that was told to end: %v", err)
	}
}
