// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/dayfly-faas/dayfly"
)

func TestHeadIsReadBack(t *testing.T) {
	t.Parallel()
	want := head{
		lines: 1, records: 2, failed: 3, firstLine: 1 << 62, idMin: 1700000000000,
		idMax: 1800000000000, events: 4, eventMin: 1600000000000, eventMax: 1900000000000,
	}
	got, err := parseHead(want.String())
	if got != want || err != nil {
		t.Errorf("parseHead(%q) = %+v, %v; want %+v", want.String(), got, err, want)
	}
	old := head{lines: 1, records: 2, failed: 3, firstLine: 4, idMin: 5, idMax: 6}
	if got, err := parseHead("1 1 2 3 4 5 6"); got != old || err != nil {
		t.Errorf("a head of version 1 is %+v, %v; want %+v", got, err, old)
	}
	for _, bad := range []string{
		"", "1 2", "2 0 0 0 0 0 0", "1 0 0 0 0 0 x", "1 0 0 0 0 0 0 0", "1 0 0 0 0 0 0 0 0 0",
		"3 0 0 0 0 0 0 0 0 0",
	} {
		if got, err := parseHead(bad); err == nil {
			t.Errorf("parseHead(%q) = %+v, want an error", bad, got)
		}
	}
}

func TestBeganMillisIsTheTimeOfTheIdentity(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_790_000_000_123)
	if got, ok := beganMillis(string(dayfly.NewInvocationID(now))); got != now.UnixMilli() || !ok {
		t.Errorf("beganMillis = %d, %v; want %d", got, ok, now.UnixMilli())
	}
	for _, bad := range []string{
		"", "x", "0197f3a2-5c1e-7abc-9def", "0197F3A2-5c1e-7abc-9def-0123456789ab",
		"0197f3a2x5c1e-7abc-9def-0123456789ab",
	} {
		if _, ok := beganMillis(bad); ok {
			t.Errorf("beganMillis(%q) gave a time", bad)
		}
	}
}

func TestRingKeepsOrderAcrossGrowth(t *testing.T) {
	t.Parallel()
	r := numbered[int](100)
	var want []int
	for i := range 1000 {
		if n := r.push(i); n != uint64(100+i) {
			t.Fatalf("push %d gave number %d, want %d", i, n, 100+i)
		}
		want = append(want, i)
		if i%3 == 0 {
			if got := r.pop(); got != want[0] {
				t.Fatalf("pop = %d, want %d", got, want[0])
			}
			want = want[1:]
		}
	}
	if got := r.from(0); !slices.Equal(got, want) {
		t.Errorf("from(0) = %v, want %v", got, want)
	}
	if got := r.from(1099); !slices.Equal(got, []int{999}) {
		t.Errorf("from(1099) = %v, want [999]", got)
	}
	if got := r.from(1100); got != nil {
		t.Errorf("from(1100) = %v, want nothing", got)
	}
}

// packed gives a batch as the encoder writes it, uncompressed.
func packed(b batch) []byte {
	e := newEncoder()
	for i := range b.lines {
		e.line(uint64(i), &b.lines[i])
	}
	for _, r := range b.records {
		e.record(r)
	}
	for _, v := range b.events {
		e.event(v)
	}
	return slices.Clone(e.raw)
}

// FuzzBatch reads any bytes as a batch; what it understands must come back the same when
// it is written and read once more.
func FuzzBatch(f *testing.F) {
	ref := dayfly.FunctionRef{Project: "p", Name: "f"}
	f.Add(packed(batch{
		lines: []dayfly.LogLine{{Time: time.Unix(5, 6), Function: ref, Text: "a"}, {Text: "b"}},
		records: []*dayfly.Record{{
			ID: "x", Function: ref, Phases: []dayfly.Timed{{Name: "p", Duration: 1}},
			Failure: &dayfly.Failure{Type: "T"}, Event: "e", Attempt: 2, Trigger: "t", Batch: 3,
		}},
		events: []*dayfly.EventInfo{{
			ID: "e", Function: ref, Accepted: time.Unix(7, 8), State: dayfly.EventDead,
			Attempts: []dayfly.Attempt{{Number: 1, Error: "no", Fatal: true, Next: time.Unix(9, 1)}},
		}},
	}))
	f.Add([]byte{entryEvent, 0, 0})
	f.Add([]byte{entryCause, 0, 0, 0, 0})
	f.Add([]byte{entryLine, 0, 0, 255, 255, 255, 255, 15})
	f.Add([]byte{entryRecord})
	d, err := newDecoder()
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(d.close)
	zip, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		first, err := d.batch(zip.EncodeAll(raw, nil))
		if err != nil {
			return
		}
		again, err := d.batch(zip.EncodeAll(packed(first), nil))
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if diff := cmp.Diff(first.lines, again.lines); diff != "" {
			t.Errorf("lines, diff (-first +again):\n%s", diff)
		}
		if diff := cmp.Diff(first.records, again.records); diff != "" {
			t.Errorf("records, diff (-first +again):\n%s", diff)
		}
		if diff := cmp.Diff(first.events, again.events); diff != "" {
			t.Errorf("events, diff (-first +again):\n%s", diff)
		}
	})
}

func TestBrokenCompressionIsAnError(t *testing.T) {
	t.Parallel()
	d, err := newDecoder()
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	zip, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer zip.Close()
	bomb := zip.EncodeAll(make([]byte, 64<<20), nil)
	for name, data := range map[string][]byte{
		"empty frame": {}, "noise": []byte("noise"), "bomb": bomb,
	} {
		b, err := d.batch(data)
		if err == nil && name != "empty frame" {
			t.Errorf("%s gave %d lines, want an error", name, len(b.lines))
		}
	}
}
