// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"

	"github.com/dayfly-faas/dayfly/internal/api"
	"github.com/dayfly-faas/dayfly/internal/kv"
	"github.com/dayfly-faas/dayfly/internal/topic"
)

var (
	_ api.Values = (*kv.Values)(nil)
	_ kv.Emitter = (*topic.Topic)(nil)
)

// openValues opens the key-value records. What they owe of before a crash is told once the
// node serves: the triggers are settled then.
func (n *Node) openValues(ctx context.Context) error {
	n.values = kv.New(kv.Config{Now: n.clock.Now}, n.bus, n.topic, n.component("kv"))
	return n.values.Open(ctx)
}
