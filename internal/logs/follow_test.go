// SPDX-License-Identifier: Apache-2.0

package logs_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/logs"
)

func TestFollowMissesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	l, _ := open(t, t.TempDir(), logs.Config{RingLines: 100_000, FlushInterval: time.Millisecond})
	const count, lag = 3000, 200
	ahead := make(chan struct{}, lag) // keeps the follower within what it may lag
	go func() {
		for i := range count {
			ahead <- struct{}{}
			l.Append(line(hello, fmt.Sprint(i)))
			l.Append(line(other, "not asked for"))
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	next := 0
	q := logs.Query{Function: hello, Follow: logs.FollowNew}
	for line, err := range l.Lines(ctx, q) {
		if err != nil {
			t.Fatal(err)
		}
		if line.Text != fmt.Sprint(next) {
			t.Fatalf("got line %q, want %d", line.Text, next)
		}
		<-ahead
		if next++; next == count {
			break
		}
	}
	if next != count {
		t.Errorf("followed %d lines, want %d", next, count)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	t.Parallel()
	l, _ := open(t, t.TempDir(), quick)
	l.Append(line(hello, "old"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := 0
	for _, err := range l.Lines(ctx, logs.Query{Follow: logs.FollowNew, Tail: 1}) {
		if err != nil {
			t.Error(err)
		}
		got++
		cancel()
	}
	if got != 1 {
		t.Errorf("got %d lines, want 1", got)
	}
}

func TestSlowFollowerIsToldAndDelaysNobody(t *testing.T) {
	t.Parallel()
	l, _ := open(t, t.TempDir(), logs.Config{RingLines: 100_000, FlushInterval: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	l.Append(line(hello, "first"))
	const count = 5000
	got, told := 0, ""
	for line, err := range l.Lines(ctx, logs.Query{Function: hello, Follow: logs.FollowNew}) {
		if err != nil {
			t.Fatal(err)
		}
		if got++; got == 1 {
			for range count { // while the follower is busy with its first line
				l.Append(lineNow())
			}
		}
		if line.Stream == dayfly.StreamPlatform {
			told = line.Text
			break
		}
	}
	var dropped int
	if _, err := fmt.Sscan(told, &dropped); err != nil || !strings.Contains(told, "too slow") {
		t.Fatalf("the follower was told %q", told)
	}
	if got-2+dropped != count { // without the first line and the notice
		t.Errorf("%d lines and %d dropped, want %d together", got-2, dropped, count)
	}
}

func lineNow() dayfly.LogLine { return line(hello, "more") }

func TestFollowersAreBounded(t *testing.T) {
	t.Parallel()
	l, _ := open(t, t.TempDir(), quick)
	l.Append(line(hello, "line"))
	nest := 0
	var follow func() error
	follow = func() (last error) {
		nest++
		for _, err := range l.Lines(t.Context(), logs.Query{Follow: logs.FollowNew}) {
			if err != nil {
				return err
			}
			return follow()
		}
		return nil
	}
	err := follow()
	if dayfly.KindOf(err) != dayfly.KindExhausted || nest != 33 {
		t.Errorf("follower %d: %v, want the 33rd to be refused as exhausted", nest, err)
	}
	nest = 30 // all have left: there is room again
	if err := follow(); dayfly.KindOf(err) != dayfly.KindExhausted || nest != 63 {
		t.Errorf("follower %d: %v, want 33 more until one is refused", nest, err)
	}
}
