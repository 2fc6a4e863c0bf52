// SPDX-License-Identifier: Apache-2.0

package scheduler_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/pool"
	"github.com/dayfly-faas/dayfly/internal/scale"
	"github.com/dayfly-faas/dayfly/internal/scheduler"
)

// fleet plays both the pool and the catalog, and notes the orders it gets.
type fleet struct {
	observed []pool.Observed
	orders   []string
	live     []*dayfly.Revision
}

func (f *fleet) Observe() []pool.Observed { return f.observed }
func (f *fleet) Resize(rev *dayfly.Revision, start, retire int) {
	f.orders = append(f.orders, fmt.Sprintf("%s +%d -%d", rev.Function.Name, start, retire))
}

func (f *fleet) Functions(dayfly.ProjectName) (list []dayfly.Function) {
	for _, rev := range f.live {
		list = append(list, dayfly.Function{FunctionRef: rev.Function, Live: 1})
	}
	return list
}

func (f *fleet) Resolve(ref dayfly.FunctionRef, _ dayfly.AliasName) (*dayfly.Revision, error) {
	for _, rev := range f.live {
		if rev.Function == ref {
			return rev, nil
		}
	}
	return nil, dayfly.Errorf(dayfly.KindNotFound, "no")
}

func revision(name string, minimum int) *dayfly.Revision {
	rev := &dayfly.Revision{Function: dayfly.FunctionRef{Name: dayfly.FunctionName(name)}, Spec: dayfly.DefaultSpec()}
	rev.Spec.Scaling.MinInstances, rev.Spec.Scaling.IdleTimeout = minimum, time.Minute
	return rev
}

func TestTickOrdersWhatScaleDecides(t *testing.T) {
	t.Parallel()
	now := time.Unix(10_000, 0)
	old, fresh := now.Add(-time.Hour), now.Add(-time.Second)
	f := &fleet{observed: []pool.Observed{
		{Revision: revision("missing", 2), State: scale.Observed{Busy: 1}},
		{Revision: revision("expired", 0), State: scale.Observed{Idle: []time.Time{old, fresh, old}}},
		{Revision: revision("content", 1), State: scale.Observed{Idle: []time.Time{old}}},
		{Revision: revision("replaced", 1), Retired: true, State: scale.Observed{Idle: []time.Time{old}}},
	}}
	scheduler.New(slog.New(slog.DiscardHandler), f, f).Tick(now)
	want := []string{"missing +1 -0", "expired +0 -2", "replaced +0 -1"}
	if diff := cmp.Diff(want, f.orders); diff != "" {
		t.Errorf("orders (-want +got):\n%s", diff)
	}
}

func TestRunWarmsMinimumsOfWhatIsLive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{live: []*dayfly.Revision{revision("none", 0), revision("two", 2)}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := scheduler.New(slog.New(slog.DiscardHandler), f, f).Run(ctx); err != nil {
			t.Errorf("Run() = %v", err)
		}
		if diff := cmp.Diff([]string{"two +2 -0"}, f.orders); diff != "" {
			t.Errorf("orders (-want +got):\n%s", diff)
		}
	})
}
