// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly/bench/caller"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

const (
	burstCallers = 100
	burstSleep   = 100 * time.Millisecond
	// overFactor is how much more is offered than can be served.
	overFactor = 5
	// peakConns finds the peak: enough callers to keep every instance busy.
	peakConns = 32
	// goodputPromise is the share of the peak that overload leaves, refusalPromise how
	// soon a call that cannot be served hears of it.
	goodputPromise = .9
	refusalPromise = 50 * time.Millisecond
)

// burst sends a hundred calls at once to a function that has no instance.
func (b *bench) burst(ctx context.Context) error {
	for _, l := range languages {
		name := "burst-" + l.folder
		url, err := b.platform.deploy(ctx, l.folder, name, client.Settings{})
		if err != nil {
			return err
		}
		var calls, lasts []time.Duration
		for range b.bursts {
			if err := b.platform.evict(ctx, name); err != nil {
				return err
			}
			time.Sleep(coldPauseLong)
			sleepy := fmt.Sprintf("%s?sleep=%d", url, burstSleep.Milliseconds())
			times, err := crowd(slices.Repeat([]string{sleepy}, burstCallers))
			if err != nil {
				return err
			}
			calls = append(calls, times...)
			lasts = append(lasts, percentile(times, 1))
		}
		subject := fmt.Sprintf("%s, %d callers from zero", l.name, burstCallers)
		b.report.spread("burst", groupDayfly, subject, calls).Note =
			fmt.Sprintf("the handler sleeps %v; the last answer after %v (median of %d bursts)",
				burstSleep, percentile(lasts, .5).Round(time.Millisecond), b.bursts)
		if err := b.platform.client.Remove(ctx, ref(name)); err != nil {
			return err
		}
	}
	return nil
}

// crowd calls each URL once, all at the same moment.
func crowd(urls []string) ([]time.Duration, error) {
	gate := make(chan struct{})
	all := newTally()
	var callers sync.WaitGroup
	for _, url := range urls {
		callers.Go(func() {
			mine := newTally()
			<-gate
			began := time.Now()
			a, _, err := once(url)
			mine.note(a, time.Since(began), err)
			all.merge(mine)
		})
	}
	close(gate)
	callers.Wait()
	return all.ok, all.clean()
}

// overloads offers five times what can be served, where the limit is the function's
// and where it is the machine's.
func (b *bench) overloads(ctx context.Context) error {
	instances := int64(8)
	bounded := client.Settings{Instances: manifest.Instances{Max: &instances}}
	if err := b.overloadOf(ctx, "at most 8 instances, handler sleeps 20 ms", "?sleep=20", bounded); err != nil {
		return err
	}
	return b.overloadOf(ctx, "handler computes 5 ms, the machine is full", "?spin=5", client.Settings{})
}

func (b *bench) overloadOf(ctx context.Context, subject, query string, settings client.Settings) error {
	url, err := b.platform.deploy(ctx, "python", "overload", settings)
	if err != nil {
		return err
	}
	to, err := caller.NewTarget(url + query)
	if err != nil {
		return err
	}
	var peak *tally
	for range 3 { // the first rounds start instances; the best one is what can be served
		t := closedLoop(ctx, to, peakConns, b.overload/3)
		if err := t.clean(); err != nil {
			return fmt.Errorf("%s: %w", subject, err)
		}
		if peak == nil || t.perSecond() > peak.perSecond() {
			peak = t
		}
	}
	over := openLoop(ctx, to, overFactor*peak.perSecond(), b.overload)
	if over.failed > 0 || len(over.other) > 0 {
		return fmt.Errorf("%s at %d times the peak: %d calls broke (%w), other statuses %v",
			subject, overFactor, over.failed, over.err, over.other)
	}
	row := b.report.load("overload", groupDayfly, subject, over)
	row.PerSecond = over.goodput()
	row.Ratio = over.goodput() / peak.perSecond()
	row.Note = fmt.Sprintf("peak %.0f/s, offered %.0f/s; %d served, %d refused (429) with p99 %v",
		peak.perSecond(), overFactor*peak.perSecond(), len(over.ok), len(over.refused),
		percentile(over.refused, .99).Round(100*time.Microsecond))
	if over.unsent > 0 {
		row.Note += fmt.Sprintf(", %d not sent: all %d connections were busy", over.unsent, openConnsMax)
	}
	row.promiseShare(goodputPromise)
	row.Refusal = micros(percentile(over.refused, .99))
	row.promiseRefusal(refusalPromise)
	return b.platform.client.Remove(ctx, ref("overload"))
}
