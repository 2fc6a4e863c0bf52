// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
)

// coldPause stands between the eviction of an instance and the call that starts the
// next: real cold starts are not back to back, and the promise is made for a pool
// that had time to fill. Several starts at once empty it, and it needs longer.
const (
	coldPause     = 200 * time.Millisecond
	coldPauseLong = time.Second
)

// coldWorkers is how many cold starts run at once in the second half.
const coldWorkers = 8

// languages are what cold starts and bursts are measured with, and the promises:
// p50 and p99 of a cold start.
var languages = []struct {
	name     string
	folder   string
	p50, p99 time.Duration
}{
	{"Python", "python", 3 * time.Millisecond, 10 * time.Millisecond},
	{"Node.js", "node", 6 * time.Millisecond, 20 * time.Millisecond},
	{"Go", "go", 5 * time.Millisecond, 15 * time.Millisecond},
}

// start measures the platform itself: from exec to the first answer of the gateway.
func (b *bench) start(ctx context.Context) error {
	var times []time.Duration
	for range b.starts {
		p, err := startPlatform(ctx, b.binary)
		if err != nil {
			return err
		}
		times = append(times, p.took)
		p.stop()
	}
	b.report.spread("start", groupDayfly, "dayfly up: exec to serving", times).
		promise("p50", 200*time.Millisecond)
	return nil
}

// cold measures cold starts, one at a time and several at once.
func (b *bench) cold(ctx context.Context) error {
	for _, l := range languages {
		var names, urls []string
		for i := range coldWorkers {
			name := fmt.Sprintf("cold-%s-%d", l.folder, i)
			url, err := b.platform.deploy(ctx, l.folder, name, client.Settings{})
			if err != nil {
				return err
			}
			names, urls = append(names, name), append(urls, url)
		}
		since := time.Now()
		serial, err := b.coldStarts(ctx, names[0], urls[0], b.colds)
		if err != nil {
			return err
		}
		row := b.report.spread("cold", groupDayfly, l.name+", one at a time", serial)
		row.promise("p50", l.p50).promise("p99", l.p99)
		if err := b.noteKinds(ctx, row, since, names[:1]); err != nil {
			return err
		}
		since = time.Now()
		together, err := b.coldTogether(ctx, names, urls)
		if err != nil {
			return err
		}
		row = b.report.spread("cold", groupDayfly, fmt.Sprintf("%s, %d at once", l.name, coldWorkers), together)
		if err := b.noteKinds(ctx, row, since, names); err != nil {
			return err
		}
		for _, name := range names {
			if err := b.platform.client.Remove(ctx, ref(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// coldStarts evicts and calls n times, and gives how long the calls took, a fresh
// connection included.
func (b *bench) coldStarts(ctx context.Context, name, url string, n int) ([]time.Duration, error) {
	var times []time.Duration
	for range n {
		if err := b.platform.evict(ctx, name); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(coldPause):
		}
		_, took, err := once(url)
		if err != nil {
			return nil, err
		}
		times = append(times, took)
	}
	return times, nil
}

// coldTogether evicts several functions and calls them all at the same moment, until
// there are as many cold starts as of the other kind.
func (b *bench) coldTogether(ctx context.Context, names, urls []string) ([]time.Duration, error) {
	var all []time.Duration
	for range max(1, b.colds/len(names)) {
		for _, name := range names {
			if err := b.platform.evict(ctx, name); err != nil {
				return nil, err
			}
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(coldPauseLong):
		}
		times, err := crowd(urls)
		if err != nil {
			return nil, err
		}
		all = append(all, times...)
	}
	return all, nil
}

// noteKinds asks the platform how the starts were made: a warm call among them would
// make the figure a lie.
func (b *bench) noteKinds(ctx context.Context, row *row, since time.Time, names []string) error {
	kinds := map[dayfly.ColdStart]int{}
	for _, name := range names {
		records, err := b.platform.client.Invocations(ctx,
			client.InvocationQuery{Function: ref(name), Since: since, Limit: 1000})
		if err != nil {
			return err
		}
		for _, r := range records {
			kinds[r.Cold]++
		}
	}
	row.Note = fmt.Sprintf("%d from a stem, %d forked, %d booted", kinds[dayfly.ColdStem],
		kinds[dayfly.ColdFork], kinds[dayfly.ColdBoot])
	if n := kinds[dayfly.ColdNone] + kinds[dayfly.ColdWaited]; n > 0 {
		return fmt.Errorf("%s: %d of the calls were not cold", row.Subject, n)
	}
	return nil
}

// floorStarts measures what the same start costs without a platform, a sandbox or
// both: the process alone, and a server until its first answer.
func (b *bench) floorStarts(ctx context.Context) error {
	bare, err := filepath.Abs(filepath.Join(b.out, "bare"))
	if err != nil {
		return err
	}
	for _, p := range []struct {
		name string
		argv []string
	}{
		{"Python", []string{python(), "-c", "0"}},
		{"Node.js", []string{"node", "-e", "0"}},
		{"Go", []string{bare, "start"}},
	} {
		var times []time.Duration
		for range b.processes {
			began := time.Now()
			if err := exec.CommandContext(ctx, p.argv[0], p.argv[1:]...).Run(); err != nil {
				return err
			}
			times = append(times, time.Since(began))
		}
		b.report.spread("cold", groupFloor, "process start and exit, "+p.name, times)
	}
	for _, s := range append(b.floors(), b.peers()...) {
		if !b.ready(ctx, s) {
			continue
		}
		n := b.processes
		if s.group == groupPeer {
			n = b.peerStarts
		}
		var times []time.Duration
		for range n {
			took, err := b.startOnce(ctx, s)
			if err != nil {
				return err
			}
			times = append(times, took)
		}
		b.report.spread("cold", s.group, s.name+", exec to first answer", times)
	}
	return nil
}
