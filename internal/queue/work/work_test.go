// SPDX-License-Identifier: Apache-2.0

package work_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

func TestEntriesAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	want := work.Entry{ID: "a-1", Function: dayfly.FunctionRef{Project: "p", Name: "f"}, Source: dayfly.SourceAsync,
		Trigger: "t", Key: "k", OrderKey: "o", Callback: "http://x/", Accepted: at, After: at, Due: at, Depth: 2, Tries: 1,
		Call:     &work.Call{Kind: dayfly.RequestHTTP, Method: "PUT", Path: "/a%2Fb", Header: http.Header{"A": {"1", "2"}}},
		Attempts: []dayfly.Attempt{{Number: 1, Status: 500, Start: at}}, Body: []byte{0, 255, '{'}}
	data, err := want.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var got work.Entry
	if err := got.Unmarshal(data); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Unmarshal(Marshal(e)) (-want +got):\n%s", diff)
	}
}

func TestHistoriesAreBounded(t *testing.T) {
	t.Parallel()
	var e work.Entry
	for n := range 100 {
		e.Note(dayfly.Attempt{Number: n + 1, Error: strings.Repeat("x", 5000)})
	}
	if len(e.Attempts) != 32 || e.Attempts[31].Number != 100 || len(e.Attempts[0].Error) != 1024 {
		t.Errorf("%d attempts, the last is %d", len(e.Attempts), e.Attempts[len(e.Attempts)-1].Number)
	}
}

func TestNamesStayInTheirToken(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a.b", "a.>", "*", "=out", "-.", "Ü", ""} {
		e := work.Entry{Function: dayfly.FunctionRef{Project: "p", Name: "f"}, Trigger: dayfly.TriggerName(name)}
		subject := e.Lane().WorkSubject()
		if strings.Count(subject, ".") != 3 || strings.ContainsAny(subject, "*> ") {
			t.Errorf("subject of trigger %q is %q", name, subject)
		}
		if name != "" && (e.Lane().Name == work.Posts || e.Lane().Name == work.Calls) {
			t.Errorf("trigger %q has the lane %q", name, e.Lane().Name)
		}
		if lane, ok := work.ParseLane(subject); !ok || lane != e.Lane() {
			t.Errorf("ParseLane(%q) = %v, %v", subject, lane, ok)
		}
	}
	for id, want := range map[dayfly.EventID]bool{"a-1": true, "": false, "a.b": false, "*": false, "ü": false} {
		if work.ValidID(id) != want {
			t.Errorf("ValidID(%q) = %v", id, !want)
		}
	}
}

func FuzzAnyBytesAreReadOrRefused(f *testing.F) {
	good, _ := (&work.Entry{ID: "a", Body: []byte("b")}).Marshal()
	f.Add(good)
	f.Add([]byte{1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, data []byte) {
		var e work.Entry
		if e.Unmarshal(data) != nil {
			return
		}
		again, err := e.Marshal()
		if err != nil {
			t.Fatalf("Marshal of what was read: %v", err)
		}
		var twice work.Entry
		if err := twice.Unmarshal(again); err != nil || !cmp.Equal(e, twice) {
			t.Errorf("read again: %v\n%s", err, cmp.Diff(e, twice))
		}
	})
}
