// SPDX-License-Identifier: Apache-2.0

package timer

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/cron"
	"github.com/dayfly-faas/dayfly/internal/store"
)

// Crons lists the live crons of a project, of all projects for "", and of one function
// when its name is given; sorted by function and name.
func (t *Timer) Crons(
	ctx context.Context, project dayfly.ProjectName, function dayfly.FunctionName,
) ([]cron.Info, error) {
	prefix := heads
	switch {
	case project != "" && function != "":
		prefix = under(heads, dayfly.FunctionRef{Project: project, Name: function})
	case project != "":
		prefix += "/" + string(project)
	}
	records, err := t.records.List(ctx, prefix)
	if err != nil {
		return nil, err
	}
	kept := make(map[string]store.Record, len(records))
	for _, record := range records {
		kept[record.Key] = record
	}
	list := []cron.Info{}
	for _, f := range t.catalog.Functions(project) {
		if function != "" && f.Name != function {
			continue
		}
		live, err := t.catalog.Resolve(f.FunctionRef, dayfly.LiveAlias)
		if err != nil {
			continue // nothing is live yet
		}
		for _, trigger := range live.Spec.Triggers {
			if trigger.Cron == nil {
				continue
			}
			i := id{f.FunctionRef, trigger.Name}
			list = append(list, t.info(i, trigger.Cron, kept[i.headKey()]))
		}
	}
	slices.SortFunc(list, func(a, b cron.Info) int {
		return cmp.Or(strings.Compare(string(a.Function.Project), string(b.Function.Project)),
			strings.Compare(string(a.Function.Name), string(b.Function.Name)),
			strings.Compare(string(a.Trigger), string(b.Trigger)))
	})
	return list, nil
}

// info tells of a cron what its ledger has, or will have as soon as Run comes to it.
func (t *Timer) info(i id, c *dayfly.CronTrigger, record store.Record) cron.Info {
	info := cron.Info{Function: i.function, Trigger: i.trigger, Expression: c.Expression, Zone: c.Zone}
	if l, err := decode(record); record.Version > 0 && err == nil &&
		l.Expression == c.Expression && l.Zone == c.Zone {
		info.Next = l.Due
		if n := len(l.Runs); n > 0 {
			info.Last = &l.Runs[n-1]
		}
		return info
	}
	if s, err := cron.Parse(c.Expression, c.Zone); err == nil {
		info.Next, _ = s.Next(t.clock.Now())
	}
	return info
}

// History gives the newest entries of the ledger of a live cron, the newest first.
func (t *Timer) History(
	ctx context.Context, f dayfly.FunctionRef, trigger dayfly.TriggerName, limit int,
) ([]cron.Run, error) {
	i, _, err := t.find(f, trigger)
	if err != nil {
		return nil, err
	}
	runs, err := t.history(ctx, i, limit)
	if dayfly.KindOf(err) == dayfly.KindNotFound {
		return []cron.Run{}, nil // it is live, and nothing was due yet
	}
	return runs, err
}

// Fire pushes an event of a live cron now, beside its due times and whatever its overlap
// policy is, and writes it into the ledger.
func (t *Timer) Fire(
	ctx context.Context, f dayfly.FunctionRef, trigger dayfly.TriggerName,
) (dayfly.EventID, error) {
	i, c, err := t.find(f, trigger)
	if err != nil {
		return "", err
	}
	now := t.clock.Now()
	p, err := pushOf(i, c, dayfly.NewEventID(now), now)
	if err != nil {
		return "", err
	}
	if _, err := t.queue.Push(ctx, p); err != nil {
		return "", err
	}
	run := cron.Run{Due: now, At: now, Outcome: cron.Ran, Why: "asked for", Event: p.ID}
	if err := t.note(ctx, i, run); err != nil {
		// It will run: that it is missing in the ledger is no reason to say it will not.
		t.log.Warn("run was not written into its ledger", "cron", i.String(), "event", p.ID, "error", err)
	}
	return p.ID, nil
}

// note adds an entry to a ledger that others may be writing, too.
func (t *Timer) note(ctx context.Context, i id, run cron.Run) error {
	var err error
	for range adoptAttempts {
		var l *ledger
		if l, err = t.load(ctx, i); err != nil {
			return err
		}
		l.add(run)
		if err = t.save(ctx, i, l); dayfly.KindOf(err) != dayfly.KindConflict {
			return err
		}
	}
	return err
}

// find gives a cron of the live revision.
func (t *Timer) find(f dayfly.FunctionRef, trigger dayfly.TriggerName) (id, *dayfly.CronTrigger, error) {
	live, err := t.catalog.Resolve(f, dayfly.LiveAlias)
	if err != nil {
		return id{}, nil, err
	}
	var names []string
	for n := range live.Spec.Triggers {
		known := &live.Spec.Triggers[n]
		if known.Cron == nil {
			continue
		}
		if known.Name == trigger {
			return id{live.Function, trigger}, known.Cron, nil
		}
		names = append(names, string(known.Name))
	}
	e := dayfly.Errorf(dayfly.KindNotFound, "function %s has no cron %s", f, trigger)
	if len(names) > 0 {
		return id{}, nil, e.WithHint("its crons are %s", strings.Join(names[:min(len(names), 12)], ", "))
	}
	return id{}, nil, e
}
