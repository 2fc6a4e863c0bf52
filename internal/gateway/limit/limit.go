// SPDX-License-Identifier: Apache-2.0

package limit

import (
	"context"
	"log/slog"
	"sync"
	"time"
	"weak"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
)

const (
	// bucketsMax bounds the buckets that are not full: some 80 MB when all are there.
	bucketsMax = 1 << 20
	// countsMax bounds the counts of quotas, which are also written: 32 bytes each, so that
	// all of them changing in one second is 8 MB to write.
	countsMax = 1 << 18
	// flushEvery is how long a count may stay unwritten.
	flushEvery = 500 * time.Millisecond
	// sweepEvery is how often buckets that are full, and windows that are over, are looked for.
	sweepEvery = 10 * time.Second
	// writeTimeout bounds one writing of counts, also the last at the end.
	writeTimeout = 5 * time.Second
)

// Config says who shares the limits.
type Config struct {
	// Node names this node among those that share a store; "local" when empty.
	Node string
	// Exchange joins this node with others; nil when there are none.
	Exchange Exchange
}

// Limiter keeps the state of all limits of a node.
type Limiter struct {
	node  string
	log   *slog.Logger
	store Store
	start time.Time // buckets count from here, so that a step of the clock moves nothing

	buckets *table
	counts  *table
	peers   *peers // nil without an exchange

	mu    sync.Mutex // guards gates
	gates map[string]weak.Pointer[gate]
}

// New makes a limiter that keeps quotas in s. It starts nothing.
func New(cfg Config, log *slog.Logger, s Store) *Limiter {
	if cfg.Node == "" {
		cfg.Node = "local"
	}
	l := &Limiter{node: cfg.Node, log: log, store: s, start: time.Now(), buckets: newBuckets(bucketsMax),
		counts: newCounts(countsMax), gates: map[string]weak.Pointer[gate]{}}
	if cfg.Exchange != nil {
		l.peers = newPeers(cfg.Exchange)
	}
	return l
}

// Run writes counts and talks to other nodes until ctx ends; then it writes what is left.
func (l *Limiter) Run(ctx context.Context) error {
	flush, sweep := time.NewTicker(flushEvery), time.NewTicker(sweepEvery)
	defer flush.Stop()
	defer sweep.Stop()
	var waiting sync.WaitGroup
	defer waiting.Wait()
	if l.peers != nil {
		stop, err := l.peers.exchange.Subscribe(l.hear)
		if err != nil {
			return err
		}
		defer stop()
		waiting.Go(func() { l.tell(ctx) })
	}
	for {
		select {
		case <-ctx.Done():
			l.flush(context.WithoutCancel(ctx))
			return nil
		case <-flush.C:
			l.flush(ctx)
		case <-sweep.C:
			l.buckets.sweep(l.at(time.Now()))
			l.counts.sweep(time.Now().UnixNano())
		}
	}
}

// at gives the time of buckets, in nanoseconds.
func (l *Limiter) at(now time.Time) int64 { return int64(now.Sub(l.start)) }

// Compile gives the rule of a route. What callers have used up stays used up for as long as
// the project, the name of the route and the limit itself are the same.
func (l *Limiter) Compile(project dayfly.ProjectName, route string, limits *front.Limits) (*Rule, error) {
	r := &Rule{limiter: l}
	if limits == nil {
		return r, nil
	}
	for i, rate := range limits.Rate {
		if err := r.add(project, route, rate, bucketOf); err != nil {
			return nil, front.Within(err, "rate", itoa(i))
		}
	}
	for i, quota := range limits.Quota {
		if err := r.add(project, route, quota, windowOf); err != nil {
			return nil, front.Within(err, "quota", itoa(i))
		}
	}
	r.name()
	r.said = limits
	if limits.Concurrency > 0 {
		r.gate, r.atOnceMax = l.gate(string(project)+"\x00"+route), int64(limits.Concurrency)
	}
	return r, nil
}
