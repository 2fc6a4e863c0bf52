// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/dayfly-faas/dayfly/internal/egress"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/sandbox/process"
	"github.com/dayfly-faas/dayfly/internal/zygote"
)

// HostFeatures tells what isolation this host gives, without a node: it opens the
// mechanisms beside whatever runs, looks, and closes them again.
func HostFeatures(ctx context.Context) (list []sandbox.Feature, err error) {
	log := slog.New(slog.DiscardHandler)
	dir, err := os.MkdirTemp("", "dayfly-doctor-")
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	driver, err := process.New(process.Config{RunDir: dir, CgroupName: fmt.Sprintf("dayfly-doctor-%d", os.Getpid())}, log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, driver.Close()) }()
	network := egress.New(egress.Config{PoolSize: 1}, log)
	if err := network.Open(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, network.Close()) }()
	return features(driver, network), nil
}

// features joins what boxes and their network are given.
func features(driver sandbox.Driver, network *egress.Network) []sandbox.Feature {
	given, detail, remedy := network.Feature()
	return append(driver.Features(), sandbox.Feature{Name: "egress", Given: given, Detail: detail, Remedy: remedy})
}

// zygotes tells whether what instances are forked from works.
func zygotes(list []zygote.Report) sandbox.Feature {
	f := sandbox.Feature{Name: "zygotes", Given: true}
	alive, forks := 0, 0
	for _, r := range list {
		if r.Alive {
			alive++
			forks += r.Forks
		} else if r.Why != "" {
			return sandbox.Feature{Name: f.Name,
				Detail: fmt.Sprintf("boxes of project %s are booted, not forked: %s", r.Project, r.Why),
				Remedy: "none is needed, booting is slower but no less safe; --zygotes 0 stops the attempts"}
		}
	}
	f.Detail = fmt.Sprintf("%d warm interpreters, which have forked %d instances", alive, forks)
	return f
}
