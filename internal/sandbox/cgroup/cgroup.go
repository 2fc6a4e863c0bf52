// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
)

var (
	errClosed = dayfly.Errorf(dayfly.KindUnavailable, "control groups are closed")
	errEnded  = dayfly.Errorf(dayfly.KindUnavailable, "the sandbox has ended")
)

const (
	// groupsReady are made ahead, because making a group in each hierarchy takes a
	// tenth of a millisecond.
	groupsReady = 16
	// groupRemoveWait bounds how long an emptied group may refuse to go.
	groupRemoveWait = 5 * time.Second
	// airlockGroup holds the airlock, beside the boxes' numbered groups.
	airlockGroup = "airlock"
	// cpuPeriodMicros is the span over which processor time is rationed: the
	// kernel's default, because writing it costs as much as writing the quota.
	cpuPeriodMicros = 100_000
	// cpuQuotaMicrosMin is the least that the kernel accepts.
	cpuQuotaMicrosMin = 1000
)

// Job is something that a control group does for us.
type Job uint8

// The jobs.
const (
	Memory Job = iota
	CPU
	cpuCount // accounting of processor time
	Pids
	Freezing
	Killing
	jobs
)

// hierarchy is one cgroup mount, or the place within it, where our groups live.
type hierarchy struct {
	base    string // folder above ours
	unified bool
	jobs    [jobs]bool
}

// Tree makes a group for each box in every hierarchy that does a job.
type Tree struct {
	name  string
	usual dayfly.Limits
	log   *slog.Logger
	trees []hierarchy
	why   string // why limits are missing; empty when all is there
	// places tells where each control is; its tree is -1 when the host has none.
	places [controls]place

	ready chan *Group
	quit  chan struct{}
	gone  sync.WaitGroup
	seq   int // of the maker
}

// Open claims name in every usable hierarchy and removes what an earlier process left
// there. Groups are made ahead with the usual limits.
func Open(name string, usual dayfly.Limits, log *slog.Logger) *Tree {
	c := &Tree{
		name: name, usual: usual, log: log,
		ready: make(chan *Group, groupsReady),
		quit:  make(chan struct{}),
	}
	c.trees, c.why = findHierarchies(name)
	for _, t := range c.trees {
		thawAll(filepath.Join(t.base, name))
	}
	for _, t := range c.trees {
		sweep(filepath.Join(t.base, name))
		sweepDead(t.base, name)
	}
	c.trees = prepare(c.trees, name, &c.why)
	c.places = placesIn(c.trees)
	if len(c.trees) > 0 {
		c.gone.Go(c.make)
	}
	return c
}

// Does tells whether a job is done, and by which version.
func (c *Tree) Does(j Job) (version int, ok bool) {
	for _, t := range c.trees {
		if t.jobs[j] && t.unified {
			return 2, true
		}
		if t.jobs[j] {
			return 1, true
		}
	}
	return 0, false
}

// make keeps groups ready until close.
func (c *Tree) make() {
	for {
		g, err := c.newGroup()
		if err != nil {
			c.log.Warn("control group not made", "error", err)
			select {
			case <-time.After(time.Second):
				continue
			case <-c.quit:
				return
			}
		}
		select {
		case c.ready <- g:
		case <-c.quit:
			g.Remove()
			return
		}
	}
}

// Why tells what is missing and why; it means nothing when every job is done.
func (c *Tree) Why() string { return c.why }

// Acquire takes a ready group; nil when the host gives none.
func (c *Tree) Acquire(done <-chan struct{}) (*Group, error) {
	if len(c.trees) == 0 {
		return nil, nil
	}
	select {
	case g := <-c.ready:
		return g, nil
	case <-done:
		return nil, fmt.Errorf("get control group: %w", os.ErrDeadlineExceeded)
	case <-c.quit:
		return nil, errClosed
	}
}

// Close removes everything of ours; all boxes must be gone.
func (c *Tree) Close() {
	close(c.quit)
	c.gone.Wait()
	close(c.ready)
	for g := range c.ready {
		g.Remove()
	}
	for _, t := range c.trees {
		unix.Rmdir(filepath.Join(t.base, c.name, airlockGroup))
		unix.Rmdir(filepath.Join(t.base, c.name))
	}
}

// Adopt puts the airlock into a group below ours: by it others know that we live.
func (c *Tree) Adopt(pid int) {
	for _, t := range c.trees {
		dir := filepath.Join(t.base, c.name, airlockGroup)
		err := os.Mkdir(dir, 0o755)
		if err == nil || errors.Is(err, fs.ErrExist) {
			err = writeFile(filepath.Join(dir, "cgroup.procs"), strconv.AppendInt(nil, int64(pid), 10))
		}
		if err != nil {
			c.log.Warn("airlock not put into its control group", "error", err)
		}
	}
}

// Group is one box's place in every hierarchy. Between calls a box is frozen and
// thawed, so the files for that stay open; the rest is opened when it is used, because
// thousands of boxes may be alive and descriptors are few.
type Group struct {
	tree *Tree
	dirs []string

	mu              sync.Mutex // guards the rest
	closed          bool
	freezer, frozen int           // descriptors, -1 when there is none
	limits          dayfly.Limits // as last written
}

// control is a file of a group.
type control uint8

const (
	ctlMemoryLimit control = iota
	ctlMemorySwap
	ctlMemoryUse
	ctlMemoryPeak
	ctlMemoryStat
	ctlMemoryEvents
	ctlCPUQuota
	ctlCPUWeight
	ctlCPUUse
	ctlPidsLimit
	ctlPidsUse
	ctlFreeze
	ctlFreezeState
	ctlKill
	controls
)

// controlFile names a control in version 1 and 2; an empty name means there is none.
type controlFile struct {
	job    Job
	v1, v2 string
}

func controlFiles() [controls]controlFile {
	return [controls]controlFile{
		ctlMemoryLimit:  {Memory, "memory.limit_in_bytes", "memory.max"},
		ctlMemorySwap:   {Memory, "memory.memsw.limit_in_bytes", "memory.swap.max"},
		ctlMemoryUse:    {Memory, "memory.usage_in_bytes", "memory.current"},
		ctlMemoryPeak:   {Memory, "memory.max_usage_in_bytes", "memory.peak"},
		ctlMemoryStat:   {Memory, "memory.stat", "memory.stat"},
		ctlMemoryEvents: {Memory, "memory.oom_control", "memory.events"},
		ctlCPUQuota:     {CPU, "cpu.cfs_quota_us", "cpu.max"},
		ctlCPUWeight:    {CPU, "cpu.shares", "cpu.weight"},
		ctlCPUUse:       {cpuCount, "cpuacct.usage", "cpu.stat"},
		ctlPidsLimit:    {Pids, "pids.max", "pids.max"},
		ctlPidsUse:      {Pids, "pids.current", "pids.current"},
		ctlFreeze:       {Freezing, "freezer.state", "cgroup.freeze"},
		ctlFreezeState:  {Freezing, "", "cgroup.events"},
		ctlKill:         {Killing, "", "cgroup.kill"},
	}
}

// place is where a control is found in a group.
type place struct {
	tree    int
	unified bool
	name    string
}

// placesIn finds the hierarchy of each control.
func placesIn(trees []hierarchy) [controls]place {
	var out [controls]place
	for i, f := range controlFiles() {
		out[i].tree = -1
		for n, t := range trees {
			name := f.v1
			if t.unified {
				name = f.v2
			}
			if t.jobs[f.job] && name != "" {
				out[i] = place{n, t.unified, "/" + name}
			}
		}
	}
	return out
}

func (c *Tree) newGroup() (*Group, error) {
	c.seq++
	g := &Group{tree: c, freezer: -1, frozen: -1}
	for _, t := range c.trees {
		dir := filepath.Join(t.base, c.name, strconv.Itoa(c.seq))
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			g.Remove()
			return nil, fmt.Errorf("make control group: %w", err)
		}
		g.dirs = append(g.dirs, dir)
	}
	g.freezer, g.frozen = g.open(ctlFreeze, unix.O_RDWR), g.open(ctlFreezeState, unix.O_RDONLY)
	// The usual limits are set ahead, too: a start then writes only what differs.
	if err := g.Limit(c.usual); err != nil {
		g.Remove()
		return nil, fmt.Errorf("limit control group: %w", err)
	}
	return g, nil
}

// open opens a control; -1 when there is none, which is no fault: swap accounting,
// peaks and killing came to the kernel late.
func (g *Group) open(c control, flags int) int {
	p := g.tree.places[c]
	if p.tree < 0 {
		return -1
	}
	fd, err := unix.Open(g.dirs[p.tree]+p.name, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
}

// put writes to a control and ignores one that is not there.
func (g *Group) put(c control, b []byte) error {
	fd := g.open(c, unix.O_WRONLY)
	if fd < 0 {
		return nil
	}
	defer unix.Close(fd)
	_, err := unix.Write(fd, b)
	return err
}

// get reads a control into buf.
func (g *Group) get(c control, buf []byte) []byte {
	fd := g.open(c, unix.O_RDONLY)
	if fd < 0 {
		return nil
	}
	defer unix.Close(fd)
	n, _ := unix.Read(fd, buf)
	return buf[:max(n, 0)]
}

// Join puts a process into the group.
func (g *Group) Join(pid int) error {
	if g == nil {
		return nil
	}
	text := strconv.AppendInt(nil, int64(pid), 10)
	for _, dir := range g.dirs {
		if err := writeFile(filepath.Join(dir, "cgroup.procs"), text); err != nil {
			return err
		}
	}
	return nil
}

// closeFiles ends the use of the group.
func (g *Group) closeFiles() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for _, fd := range []*int{&g.freezer, &g.frozen} {
		if *fd >= 0 {
			unix.Close(*fd)
			*fd = -1
		}
	}
}

// Remove deletes the group's folders; processes that are just ending are waited for.
func (g *Group) Remove() {
	if g == nil {
		return
	}
	g.closeFiles()
	deadline := time.Now().Add(groupRemoveWait)
	for _, dir := range g.dirs {
		for pause := time.Millisecond; ; pause *= 2 {
			err := unix.Rmdir(dir)
			if err == nil || err == unix.ENOENT {
				break
			}
			if err != unix.EBUSY || time.Now().After(deadline) {
				g.tree.log.Warn("control group not removed", "path", dir, "error", err)
				break
			}
			time.Sleep(pause)
		}
	}
}

// writeFile writes to a kernel file, which must exist.
func writeFile(path string, b []byte) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		_, err = unix.Write(fd, b)
		unix.Close(fd)
	}
	if err != nil {
		return fmt.Errorf("write %s to %s: %w", strings.TrimSpace(string(b)), path, err)
	}
	return nil
}
