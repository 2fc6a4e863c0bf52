// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestMeasureTellsTheLengthOfABody(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, length := range []int{0, 5, 1 << 20} {
		text := strings.Repeat("x", length)
		r := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader(text)))
		r.TransferEncoding = []string{"chunked"}
		done, err := Measure(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != text || r.ContentLength != int64(length) || r.TransferEncoding != nil {
			t.Errorf("body of %d bytes = %d bytes, length %d, %v", length, len(body), r.ContentLength, err)
		}
		done()
	}
	r := httptest.NewRequest(http.MethodPost, "/", iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := Measure(r); err == nil {
		t.Error("Measure of a body that breaks off: no error")
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("files left behind: %v", left)
	}
}

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
