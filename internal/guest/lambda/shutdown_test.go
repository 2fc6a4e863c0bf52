// SPDX-License-Identifier: Apache-2.0

package lambda_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

func TestAProgramThatWantsToKnowIsToldOfItsEnd(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "told")
	w := program(t, "sigterm", func(h *frame.SpecialiseHead) { h.Env["TOLD"] = file })
	if w.ready.ShutdownMillis != 500 {
		t.Errorf("ready asks for %d ms to shut down, want 500", w.ready.ShutdownMillis)
	}
	if got, _ := w.exchange(t.Context(), invocation(dayfly.RequestEvent, `"x"`)); got != `200 application/json "x"` {
		t.Errorf("call = %s", got)
	}
	if err := w.conn.Shutdown(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if text, _ := os.ReadFile(file); string(text) == "bye" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the program was not told")
		}
	}
}

func TestAProgramThatDoesNotIsNot(t *testing.T) {
	t.Parallel()
	w := program(t, "echo", nil)
	if w.ready.ShutdownMillis != 0 {
		t.Errorf("ready asks for %d ms to shut down, want none", w.ready.ShutdownMillis)
	}
	if err := w.conn.Shutdown(); err != nil {
		t.Fatal(err)
	}
	if got, _ := w.exchange(t.Context(), invocation(dayfly.RequestEvent, `1`)); got != `200 application/json 1` {
		t.Errorf("call after it = %s, want the program to live on", got)
	}
}
