// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"fmt"
	"sync"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

// BenchmarkDurability measures pushes of one event each, by so many at once: of functions
// with durability always, of those without, and on a node with --sync always.
func BenchmarkDurability(b *testing.B) {
	for _, mode := range []struct {
		name     string
		config   bus.Config
		function dayfly.Durability
	}{
		{"node", bus.Config{}, dayfly.DurabilityNode},
		{"function-always", bus.Config{}, dayfly.DurabilityAlways},
		{"node-always", bus.Config{SyncAlways: true}, dayfly.DurabilityNode},
	} {
		for _, pushers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/%d", mode.name, pushers), func(b *testing.B) {
				benchDurability(b, mode.config, mode.function, pushers)
			})
		}
	}
}

func benchDurability(b *testing.B, cfg bus.Config, durability dayfly.Durability, pushers int) {
	w := newWorld(b)
	w.bus = cfg
	f := w.deploy("f", nil, func(s *dayfly.Spec) { s.Durability = durability })
	q := w.open(func(cfg *Config, d *Deps) {
		d.Journal, d.Invoker = quiet{}, &counting{}
		cfg.LaneMessagesMax = 10_000_000
	})
	body := make([]byte, 256)
	work := make(chan struct{})
	var group sync.WaitGroup
	for range pushers {
		group.Go(func() {
			for range work {
				p := Push{Function: f, Source: dayfly.SourceAsync, Call: &Call{Method: "POST", Path: "/", Body: body}}
				if _, err := q.Push(b.Context(), p); err != nil {
					b.Error(err)
				}
			}
		})
	}
	n := 0
	for b.Loop() {
		work <- struct{}{}
		n++
	}
	close(work)
	group.Wait()
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}
