// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api"
	"github.com/dayfly-faas/dayfly/internal/kv"
)

var _ api.Values = (*kv.Values)(nil)

// openValues opens the key-value records.
func (n *Node) openValues(ctx context.Context) error {
	n.values = kv.New(kv.Config{}, n.bus, untold{}, n.component("kv"))
	return n.values.Open(ctx)
}

// untold is a kv.Emitter that nobody listens to.
type untold struct{}

// Wants implements kv.Emitter.
func (untold) Wants(dayfly.ProjectName, string, dayfly.BucketName) bool { return false }

// Emit implements kv.Emitter.
func (untold) Emit(context.Context, dayfly.ProjectName, string, dayfly.BucketName, dayfly.Event) error {
	return nil
}
