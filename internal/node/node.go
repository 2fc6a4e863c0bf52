// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"log/slog"
)

// Node is one dayfly, built and not yet running.
type Node struct {
	cfg Config
	log *slog.Logger
}

// New checks the configuration and builds the node; it opens nothing.
func New(cfg Config, log *slog.Logger) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Node{cfg: cfg, log: log}, nil
}

// Run serves until ctx ends, then drains.
func (n *Node) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}
