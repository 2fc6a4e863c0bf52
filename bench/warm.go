// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/dayfly-faas/dayfly/bench/caller"
	"github.com/dayfly-faas/dayfly/client"
)

const (
	// warmUp comes before each measured round: instances start, compilers compile.
	warmUp = 500 * time.Millisecond
	// addedPromise bounds what a warm call costs beyond the handler's own time.
	addedPromise = 150 * time.Microsecond
	// throughputPromise is calls per second at 64 connections on two cores.
	throughputPromise = 15000
)

var warmConns = []int{1, 16, 64}

// standing is a subject that is up, and what was measured of it.
type standing struct {
	subject
	url   string
	start func(ctx context.Context) (stop func(), err error)
	best  map[int]*tally
}

// warm measures latency and throughput of warm calls. Subjects take turns, and the
// best round of each counts.
func (b *bench) warm(ctx context.Context) error {
	all, err := b.warmSubjects(ctx)
	if err != nil {
		return err
	}
	for range b.rounds {
		for _, s := range all {
			if err := b.warmRound(ctx, s); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	for _, conns := range warmConns {
		for _, s := range all {
			best := s.best[conns]
			row := b.report.load("warm", s.group, fmt.Sprintf("%s, %d connections", s.name, conns), best)
			if s.group != groupDayfly {
				continue
			}
			switch conns {
			case 1:
				row.Added = micros(percentile(best.added, .5))
				row.promiseAdded(addedPromise)
			case 64:
				row.promiseRate(throughputPromise)
			}
		}
	}
	return nil
}

// warmSubjects lists everything that answers the trivial handler.
func (b *bench) warmSubjects(ctx context.Context) ([]*standing, error) {
	var all []*standing
	alone := int64(1)
	for _, f := range []struct {
		name, folder string
		settings     client.Settings
	}{
		{"Python, Lambda handler", "python", client.Settings{}},
		{"Node.js, (req, res)", "node", client.Settings{}},
		{"Node.js, (req, res), one call at once", "node", client.Settings{Concurrency: &alone}},
		{"Node.js, Lambda handler", "node-lambda", client.Settings{}},
		{"Node.js, fetch", "node-fetch", client.Settings{}},
		{"Go, server on $PORT", "go", client.Settings{}},
	} {
		function := fmt.Sprintf("warm-%d", len(all))
		url, err := b.platform.deploy(ctx, f.folder, function, f.settings)
		if err != nil {
			return nil, err
		}
		// After its round a function's instances go: they must not weigh on the next.
		rest := func() { _ = b.platform.evict(ctx, function) }
		all = append(all, &standing{
			subject: subject{name: f.name, group: groupDayfly}, url: url,
			start: func(context.Context) (func(), error) { return rest, nil },
		})
	}
	for _, s := range append(b.floors(), b.peers()...) {
		if !b.ready(ctx, s) {
			continue
		}
		one := &standing{subject: *s}
		one.start = func(ctx context.Context) (func(), error) {
			url, p, err := b.startSubject(ctx, s)
			if err != nil {
				return nil, err
			}
			one.url = url
			return p.stop, nil
		}
		all = append(all, one)
	}
	return all, nil
}

// warmRound measures one subject once at each number of connections.
func (b *bench) warmRound(ctx context.Context, s *standing) error {
	stop, err := s.start(ctx)
	if err != nil {
		return err
	}
	defer stop()
	to, err := caller.NewTarget(s.url)
	if err != nil {
		return err
	}
	if s.best == nil {
		s.best = map[int]*tally{}
	}
	for _, conns := range warmConns {
		closedLoop(ctx, to, conns, warmUp)
		t := closedLoop(ctx, to, conns, b.effort.load)
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := t.clean(); err != nil {
			return fmt.Errorf("%d connections: %w", conns, err)
		}
		if s.best[conns] == nil || t.perSecond() > s.best[conns].perSecond() {
			s.best[conns] = t
		}
	}
	return nil
}
