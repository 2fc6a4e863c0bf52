// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"context"
	"log/slog"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/pool"
	"github.com/dayfly-faas/dayfly/internal/scale"
)

// period is the pause between two looks. Idle time-outs are a second at least, and a
// minimum may be restored that much late.
const period = 500 * time.Millisecond

// Pool is what the scheduler steers.
type Pool interface {
	Observe() []pool.Observed
	Resize(rev *dayfly.Revision, start, retire int)
}

// Catalog tells what is live.
type Catalog interface {
	Functions(project dayfly.ProjectName) []dayfly.Function
	Resolve(ref dayfly.FunctionRef, alias dayfly.AliasName) (*dayfly.Revision, error)
}

// Scheduler keeps the right number of instances.
type Scheduler struct {
	pool    Pool
	catalog Catalog
	log     *slog.Logger
}

// New makes a scheduler.
func New(log *slog.Logger, pool Pool, catalog Catalog) *Scheduler {
	return &Scheduler{pool: pool, catalog: catalog, log: log}
}

// Run looks and steers until ctx ends.
func (s *Scheduler) Run(ctx context.Context) error {
	s.warm()
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			s.Tick(now)
		}
	}
}

// Tick looks once at every revision and orders what scale decides.
func (s *Scheduler) Tick(now time.Time) {
	for _, o := range s.pool.Observe() {
		d := scale.Decide(now, o.State, limitsOf(o))
		if d.Start == 0 && len(d.Retire) == 0 {
			continue
		}
		s.log.Debug("instances were resized", "revision", o.Revision.ID,
			"start", d.Start, "retire", len(d.Retire), "why", d.Why)
		s.pool.Resize(o.Revision, d.Start, len(d.Retire))
	}
}

// warm starts the minimums of functions that were live before this node started.
func (s *Scheduler) warm() {
	for _, f := range s.catalog.Functions("") {
		rev, err := s.catalog.Resolve(f.FunctionRef, dayfly.LiveAlias)
		if err == nil && rev.Spec.Scaling.MinInstances > 0 {
			s.pool.Resize(rev, rev.Spec.Scaling.MinInstances, 0)
		}
	}
}

func limitsOf(o pool.Observed) scale.Limits {
	c := o.Revision.Spec.Scaling
	limits := scale.Limits{Min: c.MinInstances, Max: c.MaxInstances, Concurrency: c.Concurrency,
		IdleTimeout: c.IdleTimeout}
	if o.Retired {
		limits.Min = 0
	}
	return limits
}
