// SPDX-License-Identifier: Apache-2.0

package limit

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/internal/expression"
	"github.com/dayfly-faas/dayfly/internal/front"
)

func at(address string) *expression.Input {
	return &expression.Input{Request: httptest.NewRequest("GET", "/", nil), Address: address}
}

func TestAFloodDoesNotMakeALimitedOneForgotten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		limits front.Limits
	}{
		{"rate", front.Limits{Rate: []front.Rate{{Limit: "10/h"}}}},
		{"quota", front.Limits{Quota: []front.Rate{{Limit: "10/month"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := New(Config{}, slog.New(slog.DiscardHandler), nil)
			l.buckets, l.counts = newBuckets(64*shards), newCounts(64*shards)
			r, err := l.Compile("default", "GET /", &c.limits)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			limited := 0
			for i := range 20 { // of 4096: the rest of the table is the flood's
				for range 10 {
					if _, err := r.Take(now, at(fmt.Sprintf("192.0.2.%d", i)), nil); err != nil {
						t.Fatal(err)
					}
				}
			}
			for i := range 100_000 {
				var four [4]byte
				binary.BigEndian.PutUint32(four[:], uint32(10<<24+i))
				_, _ = r.Take(now, at(fmt.Sprintf("%d.%d.%d.%d", four[0], four[1], four[2], four[3])), nil)
			}
			for i := range 20 {
				if _, err := r.Take(now, at(fmt.Sprintf("192.0.2.%d", i)), nil); err != nil {
					limited++
				}
			}
			if limited != 20 {
				t.Errorf("%d of 20 are still limited after the flood", limited)
			}
			if n := l.buckets.len() + l.counts.len(); n > 64*shards {
				t.Errorf("%d entries are kept of at most %d", n, 64*shards)
			}
		})
	}
}

func TestFullBucketsAreForgotten(t *testing.T) {
	t.Parallel()
	l := New(Config{}, slog.New(slog.DiscardHandler), nil)
	r, err := l.Compile("default", "GET /", &front.Limits{Rate: []front.Rate{{Limit: "10/s"}}})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for i := range 1000 {
		if _, err := r.Take(now, at(fmt.Sprintf("10.0.%d.%d", i/256, i%256)), nil); err != nil {
			t.Fatal(err)
		}
	}
	l.buckets.sweep(l.at(now.Add(99 * time.Millisecond)))
	if n := l.buckets.len(); n != 1000 {
		t.Errorf("%d are left of those that are not full", n)
	}
	l.buckets.sweep(l.at(now.Add(100 * time.Millisecond)))
	if n := l.buckets.len(); n != 0 {
		t.Errorf("%d full ones are left", n)
	}
}

func FuzzMessages(f *testing.F) {
	g := grant{n: 3, measure: 1000, room: 10_000}
	f.Add(g.append(append([]byte{messageVersion}, "12345678"...), &id{1}))
	f.Add([]byte{messageVersion})
	l := New(Config{}, slog.New(slog.DiscardHandler), nil)
	l.peers = newPeers(nil)
	f.Fuzz(func(t *testing.T, data []byte) {
		l.hear(data)
		_ = decode(data, func([8]byte) bool { return true }, func(key id, g grant) {
			if g.n < 1 || g.measure < 1 || g.room < 1 {
				t.Errorf("a grant of %+v was taken", g)
			}
		})
		_ = decodePage(data, func(_ id, e entry) {
			if e.used < 0 || e.used > e.room {
				t.Errorf("a count of %+v was taken", e)
			}
		})
	})
}
