// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly/bench/caller"
	"github.com/dayfly-faas/dayfly/client"
)

const (
	// firstCallers call a function, or one function each, for the first time at once.
	firstCallers = 1000
	// firstPromise is when the last of those of one function has its answer.
	firstPromise = 3 * time.Second
	// manyFunctions share a node; sharePromise is what of one function's throughput they
	// reach together.
	manyFunctions, sharePromise = 100, .9
	manyConns                   = 32
	// floodFactor is how much more than its capacity is asked of a function, and
	// neighbourPromise how many times its p99 another then has.
	floodFactor, neighbourPromise = 50, 2
)

// first has a thousand callers arrive at a node that has nothing warm: for one function, and
// for as many functions.
func (b *bench) first(ctx context.Context) error {
	for _, l := range languages[:2] {
		url, err := b.platform.deploy(ctx, l.folder, "first", client.Settings{})
		if err != nil {
			return err
		}
		if err := b.platform.evict(ctx, "first"); err != nil {
			return err
		}
		time.Sleep(coldPauseLong)
		sleepy := fmt.Sprintf("%s?sleep=%d", url, burstSleep.Milliseconds())
		times, err := crowd(slices.Repeat([]string{sleepy}, firstCallers))
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		row := b.report.spread("first", groupDayfly, fmt.Sprintf("%s, %d callers of one function", l.name, firstCallers), times)
		row.Note = fmt.Sprintf("the handler sleeps %v", burstSleep)
		row.note(fmt.Sprintf("max ≤ %v", firstPromise), row.Max <= micros(firstPromise))
		if err := b.platform.client.Remove(ctx, ref("first")); err != nil {
			return err
		}
	}
	return b.firstOfMany(ctx)
}

// firstOfMany has each of the callers call a function of its own.
func (b *bench) firstOfMany(ctx context.Context) error {
	functions := firstCallers
	if b.quick {
		functions /= 10
	}
	urls := make([]string, functions)
	var err error
	for i := range urls {
		name := fmt.Sprintf("first-%d", i)
		if urls[i], err = b.platform.install(ctx, "python", name, client.Settings{}); err != nil {
			return err
		}
		if err := b.platform.evict(ctx, name); err != nil {
			return err
		}
	}
	time.Sleep(coldPauseLong)
	times, err := crowd(urls)
	if err != nil {
		return err
	}
	row := b.report.spread("first", groupDayfly, fmt.Sprintf("Python, %d functions called at once", functions), times)
	row.Note = fmt.Sprintf("%.0f cold starts/s", float64(functions)/percentile(times, 1).Seconds())
	return b.removeAll(ctx, "first-%d", functions)
}

func (b *bench) removeAll(ctx context.Context, pattern string, n int) error {
	for i := range n {
		if err := b.platform.client.Remove(ctx, ref(fmt.Sprintf(pattern, i))); err != nil {
			return err
		}
	}
	return nil
}

// fairness measures a hundred functions beside one, and a function beside one that is flooded.
func (b *bench) fairness(ctx context.Context) error {
	targets := make([]caller.Target, manyFunctions)
	for i := range targets {
		url, err := b.platform.deploy(ctx, "node", fmt.Sprintf("fair-%d", i), client.Settings{})
		if err != nil {
			return err
		}
		if targets[i], err = caller.NewTarget(url); err != nil {
			return err
		}
	}
	var one, many *tally
	for range b.rounds {
		for _, load := range []struct {
			targets []caller.Target
			best    **tally
		}{{targets[:1], &one}, {targets, &many}} {
			roundRobin(ctx, load.targets, warmUp)
			t := roundRobin(ctx, load.targets, b.effort.load)
			if err := errors.Join(context.Cause(ctx), t.clean()); err != nil {
				return err
			}
			if *load.best == nil || t.perSecond() > (*load.best).perSecond() {
				*load.best = t
			}
		}
	}
	b.report.load("fairness", groupDayfly, fmt.Sprintf("Node.js, one function, %d connections", manyConns), one)
	row := b.report.load("fairness", groupDayfly, fmt.Sprintf("Node.js, %d functions, %d connections", manyFunctions, manyConns), many)
	row.Ratio = many.perSecond() / one.perSecond()
	row.note(fmt.Sprintf("≥ %.0f %% of one", 100*sharePromise), row.Ratio >= sharePromise)
	if err := b.removeAll(ctx, "fair-%d", manyFunctions); err != nil {
		return err
	}
	return b.neighbour(ctx)
}

// roundRobin has each connection call one target after the other, for a time.
func roundRobin(ctx context.Context, targets []caller.Target, d time.Duration) *tally {
	all := newTally()
	began := time.Now()
	end := began.Add(d)
	var loops sync.WaitGroup
	for i := range manyConns {
		loops.Go(func() {
			mine := newTally()
			defer all.merge(mine)
			var c *caller.Conn
			for next := i; ctx.Err() == nil && time.Now().Before(end); next++ {
				to := targets[next%len(targets)]
				if c != nil {
					c.To = to
				}
				started := time.Now()
				a, err := callOn(&c, to)
				mine.note(a, time.Since(started), err)
			}
			if c != nil {
				c.Conn.Close()
			}
		})
	}
	loops.Wait()
	all.took = time.Since(began)
	return all
}

// neighbour measures a function alone, and while another has fifty times the calls that it
// can serve.
func (b *bench) neighbour(ctx context.Context) error {
	quiet, err := b.platform.deploy(ctx, "node", "quiet", client.Settings{})
	if err != nil {
		return err
	}
	two := int64(2)
	settings := client.Settings{}
	settings.Instances.Max = &two
	flooded, err := b.platform.deploy(ctx, "python", "flooded", settings)
	if err != nil {
		return err
	}
	to, err := caller.NewTarget(quiet)
	if err != nil {
		return err
	}
	flood, err := caller.NewTarget(flooded + "?sleep=20") // which two instances serve a hundred times a second
	if err != nil {
		return err
	}
	closedLoop(ctx, to, 1, warmUp)
	alone := closedLoop(ctx, to, 1, b.overload)
	var over *tally
	var flooding sync.WaitGroup
	flooding.Go(func() { over = openLoop(ctx, flood, floodFactor*100, b.overload+2*warmUp) })
	closedLoop(ctx, to, 1, warmUp)
	beside := closedLoop(ctx, to, 1, b.overload)
	flooding.Wait()
	if err := errors.Join(context.Cause(ctx), alone.clean(), beside.clean()); err != nil {
		return err
	}
	b.report.load("fairness", groupDayfly, "Node.js, alone", alone)
	row := b.report.load("fairness", groupDayfly, fmt.Sprintf("Node.js, beside a function with %d × its calls", floodFactor), beside)
	row.Ratio = float64(percentile(beside.ok, .99)) / float64(percentile(alone.ok, .99))
	row.Note = fmt.Sprintf("of the other's calls %d were served and %d refused; the generator takes a share of the processors",
		len(over.ok), len(over.refused))
	row.note(fmt.Sprintf("p99 ≤ %d × alone", neighbourPromise), row.Ratio <= neighbourPromise)
	return errors.Join(b.platform.client.Remove(ctx, ref("quiet")), b.platform.client.Remove(ctx, ref("flooded")))
}
