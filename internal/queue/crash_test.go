// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

func child() bool { return false }

// streamOf counts what a stream holds.
type streamOf struct{ jetstream.Stream }

func (s streamOf) left(ctx context.Context) uint64 {
	info, err := s.Info(ctx)
	if err != nil {
		return 1
	}
	return info.State.Msgs
}
