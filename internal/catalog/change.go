// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// attemptsMax bounds how often a change is tried again because another one came first.
// Each round of a race has a winner, so this many writers at once all get through.
const attemptsMax = 100

// Publish writes a new revision of the function, which it creates when it is new. The
// draft gives all but the identity, the number and, when it is zero, the time. The
// revision is durable but not live.
func (c *Catalog) Publish(ctx context.Context, draft dayfly.Revision) (*dayfly.Revision, error) {
	draft.Function = full(draft.Function)
	if err := draft.Function.Validate(); err != nil {
		return nil, err
	}
	if err := draft.Spec.Validate(); err != nil {
		return nil, err
	}
	if draft.CreatedAt.IsZero() {
		draft.CreatedAt = time.Now().UTC()
	}
	if err := c.writeRevision(ctx, &draft); err != nil {
		return nil, fmt.Errorf("publish %s: %w", draft.Function, err)
	}
	_, err := c.change(ctx, draft.Function, func(r *functionRecord) error {
		r.list(draft.Number)
		r.UpdatedAt = draft.CreatedAt
		if r.CreatedAt.IsZero() {
			r.CreatedAt = draft.CreatedAt
		}
		return nil
	})
	if err != nil {
		// The record may have been written all the same, so the revision must stay; if
		// it was not, the next Open sweeps it.
		return nil, fmt.Errorf("publish %s: %w", draft.Function, err)
	}
	return c.Revision(draft.Function, draft.Number)
}

// Activate makes a published revision live and what was live before the previous
// one. Activating the live revision changes nothing.
func (c *Catalog) Activate(
	ctx context.Context, ref dayfly.FunctionRef, number int,
) (dayfly.Function, error) {
	return c.change(ctx, ref, func(r *functionRecord) error {
		switch {
		case len(r.Revisions) == 0:
			return unknown(ref)
		case !r.has(number):
			return unknownRevision(ref, number)
		}
		r.activate(number)
		return nil
	})
}

// Rollback makes an earlier revision live: the given one, or for number 0 the one that was
// live before.
func (c *Catalog) Rollback(
	ctx context.Context, ref dayfly.FunctionRef, number int,
) (dayfly.Function, error) {
	return c.change(ctx, ref, func(r *functionRecord) error {
		target := number
		if target == 0 {
			target = r.Previous
		}
		switch {
		case len(r.Revisions) == 0:
			return unknown(ref)
		case target == 0:
			return dayfly.Errorf(dayfly.KindConflict,
				"function %s has no earlier revision to roll back to", ref)
		case !r.has(target):
			return unknownRevision(ref, target)
		case target == r.Live:
			return dayfly.Errorf(dayfly.KindConflict,
				"revision %d of function %s is live already", target, ref)
		}
		r.activate(target)
		return nil
	})
}

// Discard removes a published revision that did not become live, and the function when
// that was its only one.
func (c *Catalog) Discard(ctx context.Context, ref dayfly.FunctionRef, number int) error {
	var gone []int
	_, err := c.change(ctx, ref, func(r *functionRecord) error {
		switch {
		case len(r.Revisions) == 0:
			return unknown(ref)
		case !r.has(number):
			return unknownRevision(ref, number)
		case r.Live == number || r.Previous == number:
			return dayfly.Errorf(dayfly.KindConflict,
				"revision %d of function %s is or was live: it cannot be discarded", number, ref)
		}
		gone = []int{number}
		r.unlist(number)
		return nil
	})
	if err == nil {
		c.dropRevisions(ctx, ref, gone)
	}
	return err
}

// Prune removes all but the newest revisions, so many as keep says; the live and the
// previous one always stay.
func (c *Catalog) Prune(ctx context.Context, ref dayfly.FunctionRef, keep int) error {
	if keep < 1 {
		return dayfly.Errorf(dayfly.KindInvalid, "keep is %d, must be at least 1", keep)
	}
	var gone []int
	_, err := c.change(ctx, ref, func(r *functionRecord) error {
		if len(r.Revisions) == 0 {
			return unknown(ref)
		}
		gone = slices.Clone(r.Revisions[:max(0, len(r.Revisions)-keep)])
		gone = slices.DeleteFunc(gone, func(n int) bool { return n == r.Live || n == r.Previous })
		r.unlist(gone...)
		return nil
	})
	if err == nil {
		c.dropRevisions(ctx, ref, gone)
	}
	return err
}

// Remove removes the function and all its revisions.
func (c *Catalog) Remove(ctx context.Context, ref dayfly.FunctionRef) error {
	var gone []int
	_, err := c.change(ctx, ref, func(r *functionRecord) error {
		if len(r.Revisions) == 0 {
			return unknown(ref)
		}
		gone = slices.Clone(r.Revisions)
		r.unlist(gone...)
		return nil
	})
	if err == nil {
		c.dropRevisions(ctx, ref, gone)
	}
	return err
}

func (r *functionRecord) activate(number int) {
	if r.Live == number {
		return
	}
	r.Previous, r.Live = r.Live, number
	r.UpdatedAt = time.Now().UTC()
}
