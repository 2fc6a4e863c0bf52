// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"context"
	"hash/maphash"
)

// turnCount is how many keys can be changed at once; keys that share a turn wait for
// each other. Far above how many writes are on their way at any moment.
const turnCount = 1024

// turns lets the changes of one key happen one after the other.
type turns struct {
	seed  maphash.Seed
	slots []chan struct{}
}

func newTurns() turns {
	t := turns{seed: maphash.MakeSeed(), slots: make([]chan struct{}, turnCount)}
	for i := range t.slots {
		t.slots[i] = make(chan struct{}, 1)
	}
	return t
}

// take waits for the turn of a subject and gives what ends it.
func (t turns) take(ctx context.Context, subject string) (func(), error) {
	slot := t.slots[maphash.String(t.seed, subject)%turnCount]
	select {
	case slot <- struct{}{}:
		return func() { <-slot }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
