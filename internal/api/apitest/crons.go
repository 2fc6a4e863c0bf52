// SPDX-License-Identifier: Apache-2.0

package apitest

import (
	"context"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/cron"
)

// Ledger is a cron of a Node with what became of its due times, the newest first.
type Ledger struct {
	cron.Info
	Runs []cron.Run
}

// crons are the ledgers of a Node.
type crons struct{ *Node }

// Crons implements api.Crons.
func (c crons) Crons(
	_ context.Context, project dayfly.ProjectName, function dayfly.FunctionName,
) ([]cron.Info, error) {
	list := []cron.Info{}
	for _, l := range c.Ledgers {
		if (project == "" || l.Function.Project == project) && (function == "" || l.Function.Name == function) {
			list = append(list, l.Info)
		}
	}
	return list, nil
}

// History implements api.Crons.
func (c crons) History(
	_ context.Context, f dayfly.FunctionRef, trigger dayfly.TriggerName, limit int,
) ([]cron.Run, error) {
	l, err := c.ledger(f, trigger)
	if err != nil {
		return nil, err
	}
	return l.Runs[:min(limit, len(l.Runs))], nil
}

// Fire implements api.Crons.
func (c crons) Fire(_ context.Context, f dayfly.FunctionRef, trigger dayfly.TriggerName) (dayfly.EventID, error) {
	if _, err := c.ledger(f, trigger); err != nil {
		return "", err
	}
	return dayfly.NewEventID(Epoch), nil
}

func (c crons) ledger(f dayfly.FunctionRef, trigger dayfly.TriggerName) (*Ledger, error) {
	for n := range c.Ledgers {
		if l := &c.Ledgers[n]; l.Function == f && l.Trigger == trigger {
			return l, nil
		}
	}
	return nil, dayfly.Errorf(dayfly.KindNotFound, "function %s has no cron %s", f, trigger)
}
