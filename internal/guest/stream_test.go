// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"bytes"
	"io"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// A guest chooses how it cuts its answer. Many tiny pieces, or empty ones, which no
// window bounds, must not take much more of the host than the bytes they hold.
func TestTinyPiecesOfAnAnswerTakeLittleMemory(t *testing.T) {
	t.Parallel()
	const pieces = 200_000
	for name, piece := range map[string]string{"empty": "", "one byte": "x"} {
		inv := &dayfly.Invocation{Revision: &dayfly.Revision{Spec: dayfly.DefaultSpec()}}
		s := newStream(t.Context(), nil, inv, func() {})
		if err := s.receive(frame.Frame{Type: frame.Response, Payload: []byte(`{"status":200}`)}); err != nil {
			t.Fatal(err)
		}
		for range pieces {
			if err := s.receive(frame.Frame{Type: frame.Body, Payload: []byte(piece)}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if n, limit := len(s.chunks), 2+2*s.queued/mergeBytes; n > limit {
			t.Errorf("%s: %d pieces are held in %d chunks, want at most %d", name, pieces, n, limit)
		}
		if err := s.receive(frame.Frame{Type: frame.End}); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(s) // grants nothing: the guest has ended
		if want := bytes.Repeat([]byte(piece), pieces); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: read %d bytes, %v; want %d", name, len(got), err, len(want))
		}
	}
}
