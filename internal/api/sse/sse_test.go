// SPDX-License-Identifier: Apache-2.0

package sse_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/internal/api/sse"
)

func TestEventsAreOneLineOfData(t *testing.T) {
	t.Parallel()
	answer := httptest.NewRecorder()
	w := sse.New(answer, time.Minute)
	if err := w.Put("put", 7, map[string]string{"key": "a\n\ndata: b"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Beat(); err != nil {
		t.Fatal(err)
	}
	want := "event: put\nid: 7\ndata: {\"key\":\"a\\n\\ndata: b\"}\n\n: idle\n\n"
	if got := answer.Body.String(); got != want || !answer.Flushed {
		t.Errorf("got %q, flushed %v, want %q", got, answer.Flushed, want)
	}
	if got := answer.Header().Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type %q", got)
	}
	if err := w.Put("put", 8, func() {}); err == nil {
		t.Error("what is no JSON was sent")
	}
}
