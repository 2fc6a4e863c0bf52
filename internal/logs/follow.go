// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// followersMax bounds how many may follow at once: each line is offered to all.
	followersMax = 32
	// followLines is how far a follower may lag before it loses lines.
	followLines = 512
)

// follower is someone who wants new lines as they come.
type follower struct {
	query   Query
	lines   chan numberedLine
	dropped atomic.Int64
}

type numberedLine struct {
	dayfly.LogLine
	shelf  *shelf
	number uint64
}

// follow registers a follower; leave takes it away.
func (l *Logs) follow(q Query) (*follower, error) {
	l.followMu.Lock()
	defer l.followMu.Unlock()
	var all []*follower
	if now := l.followers.Load(); now != nil {
		all = slices.Clone(*now)
	}
	if len(all) >= followersMax {
		return nil, dayfly.Errorf(dayfly.KindExhausted,
			"logs are being followed by %d clients already", followersMax)
	}
	f := &follower{query: q, lines: make(chan numberedLine, followLines)}
	all = append(all, f)
	l.followers.Store(&all)
	return f, nil
}

func (l *Logs) leave(f *follower) {
	l.followMu.Lock()
	defer l.followMu.Unlock()
	all := slices.DeleteFunc(slices.Clone(*l.followers.Load()), func(o *follower) bool {
		return o == f
	})
	if len(all) == 0 {
		l.followers.Store(nil)
		return
	}
	l.followers.Store(&all)
}

// offer gives a line to the followers who want it and have room. The caller holds the
// shelf's mu, which keeps the lines of one function in order.
func (l *Logs) offer(s *shelf, line *dayfly.LogLine, number uint64) {
	all := l.followers.Load()
	if all == nil {
		return
	}
	for _, f := range *all {
		if !f.query.wants(line) {
			continue
		}
		select {
		case f.lines <- numberedLine{*line, s, number}:
		default:
			f.dropped.Add(1)
		}
	}
}

// stream yields what comes, except lines below the number that told has for their
// shelf, until ctx ends or yield has enough.
func (f *follower) stream(
	ctx context.Context, told map[*shelf]uint64, yield func(dayfly.LogLine, error) bool,
) {
	for {
		select {
		case line := <-f.lines:
			if line.number < told[line.shelf] {
				continue
			}
			if !yield(line.LogLine, nil) {
				return
			}
		case <-ctx.Done():
			return
		}
		// A gap is told of where it is: after what was still taken before it.
		if len(f.lines) > 0 {
			continue
		}
		if n := f.dropped.Swap(0); n > 0 && !yield(f.notice(n), nil) {
			return
		}
	}
}

func (f *follower) notice(dropped int64) dayfly.LogLine {
	return dayfly.LogLine{
		Time: time.Now().UTC(), Function: f.query.Function, Stream: dayfly.StreamPlatform,
		Text: fmt.Sprintf("%d lines dropped: this reader is too slow", dropped),
	}
}
