// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/sandbox/boxetc"
	"github.com/dayfly-faas/dayfly/internal/sandbox/cgroup"
	"github.com/dayfly-faas/dayfly/internal/sandbox/seccomp"
)

// Config is what a driver needs to know.
type Config struct {
	// RunDir is a private folder of this process, for what boxes mount. It is made
	// when missing.
	RunDir string
	// CgroupName is the name of our folder in each cgroup hierarchy: one per
	// data folder, such as "dayfly-1f3a9c04". Whatever an earlier process left
	// under this name is ended and removed.
	CgroupName string
	// Helper is the executable that becomes the airlock: one that links package
	// airlock. Empty means this one.
	Helper string
}

// Validate reports what is missing.
func (c Config) Validate() error {
	if !filepath.IsAbs(c.RunDir) {
		return dayfly.Errorf(dayfly.KindInvalid, "run folder %q is not an absolute path", c.RunDir)
	}
	if c.CgroupName == "" || filepath.Base(c.CgroupName) != c.CgroupName {
		return dayfly.Errorf(dayfly.KindInvalid, "control group name %q is not a file name", c.CgroupName)
	}
	return nil
}

// Driver makes boxes of Linux namespaces.
type Driver struct {
	log         *slog.Logger
	host        host
	root        rootPlan
	filter      []byte
	ids         *ids
	cgroups     *cgroup.Tree
	spawner     *spawner
	mountPorter *porter
	netPorter   *porter

	mu      sync.Mutex // guards closed, boxes and zygotes
	closed  bool
	boxes   map[*box]struct{}
	zygotes map[*zygote]struct{}
	alive   sync.WaitGroup
}

var _ sandbox.Driver = (*Driver)(nil)

// New prepares a driver: it looks at the host, claims its control groups and removes
// what a killed predecessor left there. It must be closed.
func New(cfg Config, log *slog.Logger) (*Driver, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Helper == "" {
		cfg.Helper = "/proc/self/exe"
	}
	etc, airlockDir := filepath.Join(cfg.RunDir, "etc"), filepath.Join(cfg.RunDir, "airlock")
	for _, dir := range []string{etc, airlockDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("make run folder: %w", err)
		}
	}
	if err := boxetc.Write(etc, hostName, appID); err != nil {
		return nil, err
	}
	d := &Driver{log: log, boxes: make(map[*box]struct{}), zygotes: make(map[*zygote]struct{})}
	var err error
	if d.filter, err = seccomp.Filter(); err != nil {
		return nil, err
	}
	if d.ids, err = newIDs(); err != nil {
		return nil, err
	}
	if d.mountPorter, err = newPorter(unix.CLONE_NEWNS); err != nil {
		return nil, err
	}
	if d.netPorter, err = newPorter(unix.CLONE_NEWNET); err != nil {
		d.mountPorter.close()
		return nil, err
	}
	d.root = newRootPlan(etc)
	d.cgroups = cgroup.Open(cfg.CgroupName, withDefaults(dayfly.Limits{}), log)
	d.host = lookAtHost(d.cgroups)
	d.spawner = newSpawner(cfg.Helper, airlockDir, d.cgroups.Adopt)
	return d, nil
}

// Start implements sandbox.Driver.
func (d *Driver) Start(ctx context.Context, spec sandbox.Spec) (sandbox.Box, error) {
	return d.startFrom(ctx, spec, d.spawner)
}

func (d *Driver) startFrom(ctx context.Context, spec sandbox.Spec, from origin) (sandbox.Box, error) {
	if spec.Network != nil {
		defer spec.Network.Close()
	}
	if err := d.enter(); err != nil {
		return nil, err
	}
	b, err := d.start(ctx, spec, from)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// enter counts a box in, unless the driver is closed.
func (d *Driver) enter() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errClosed
	}
	d.alive.Add(1)
	return nil
}

// forget frees what a box held and counts it out.
func (d *Driver) forget(b *box) {
	d.ids.release(b.ids)
	b.group.Remove()
	d.mu.Lock()
	delete(d.boxes, b)
	d.mu.Unlock()
	d.alive.Done()
}

// Close implements sandbox.Driver.
func (d *Driver) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	var left []*box
	for b := range d.boxes {
		left = append(left, b)
	}
	var mothers []*zygote
	for z := range d.zygotes {
		mothers = append(mothers, z)
	}
	d.mu.Unlock()
	for _, z := range mothers {
		z.Kill()
	}
	for _, b := range left {
		b.Kill()
	}
	d.alive.Wait()
	d.spawner.close()
	d.mountPorter.close()
	d.netPorter.close()
	d.cgroups.Close()
	return nil
}

// withDefaults fills in the limits that are zero.
func withDefaults(l dayfly.Limits) dayfly.Limits {
	std := dayfly.DefaultSpec().Limits
	for _, p := range []struct{ value, usual *int64 }{
		{&l.MemoryBytes, &std.MemoryBytes}, {&l.CPUMilli, &std.CPUMilli}, {&l.Pids, &std.Pids},
		{&l.Files, &std.Files}, {&l.TmpBytes, &std.TmpBytes},
	} {
		if *p.value == 0 {
			*p.value = *p.usual
		}
	}
	return l
}
