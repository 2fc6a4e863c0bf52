// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

const (
	// freezeChecks bounds how often a group is asked whether it froze; it takes
	// 5 µs when no process is deep in the kernel.
	freezeChecks = 200
	// statBytes holds a memory.stat of either version.
	statBytes = 8 << 10
)

// Limit writes the limits that differ from those in force.
func (g *Group) Limit(l dayfly.Limits) error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return errEnded
	}
	if l.MemoryBytes != g.limits.MemoryBytes {
		if err := g.limitMemory(l.MemoryBytes); err != nil {
			return err
		}
		g.limits.MemoryBytes = l.MemoryBytes
	}
	if l.CPUMilli != g.limits.CPUMilli {
		if err := g.limitCPU(l.CPUMilli); err != nil {
			return err
		}
		g.limits.CPUMilli = l.CPUMilli
	}
	if l.Pids != g.limits.Pids {
		if err := g.put(ctlPidsLimit, strconv.AppendInt(nil, l.Pids, 10)); err != nil {
			return err
		}
		g.limits.Pids = l.Pids
	}
	return nil
}

// limitMemory sets memory, and memory with swap, in the order that keeps the second
// at least as large as the first.
func (g *Group) limitMemory(n int64) error {
	text := strconv.AppendInt(nil, n, 10)
	if g.tree.places[ctlMemoryLimit].unified {
		if err := g.put(ctlMemorySwap, []byte("0")); err != nil {
			return err
		}
		return g.put(ctlMemoryLimit, text)
	}
	first, second := ctlMemoryLimit, ctlMemorySwap
	if g.limits.MemoryBytes != 0 && n > g.limits.MemoryBytes {
		first, second = second, first
	}
	if err := g.put(first, text); err != nil {
		return err
	}
	return g.put(second, text)
}

// limitCPU rations processor time, and weighs boxes by their share when all want it.
func (g *Group) limitCPU(milli int64) error {
	quota := max(milli*cpuPeriodMicros/1000, cpuQuotaMicrosMin)
	if g.tree.places[ctlCPUQuota].unified {
		b := strconv.AppendInt(nil, quota, 10)
		b = strconv.AppendInt(append(b, ' '), cpuPeriodMicros, 10)
		if err := g.put(ctlCPUQuota, b); err != nil {
			return err
		}
		weight := min(max(milli/10, 1), 10000) // 1000 is the default, 100
		return g.put(ctlCPUWeight, strconv.AppendInt(nil, weight, 10))
	}
	if err := g.put(ctlCPUQuota, strconv.AppendInt(nil, quota, 10)); err != nil {
		return err
	}
	shares := max(milli*1024/1000, 2)
	return g.put(ctlCPUWeight, strconv.AppendInt(nil, shares, 10))
}

// Freeze stops all processes and waits, a little, until they stopped.
func (g *Group) Freeze() error {
	return g.turn(func(v1 bool) error {
		if v1 {
			return errors.Join(g.turnTo("FROZEN"), await(g.freezer, []byte("FROZEN")))
		}
		return errors.Join(g.turnTo("1"), await(g.frozen, []byte("frozen 1")))
	})
}

// Thaw lets all processes go on.
func (g *Group) Thaw() error {
	return g.turn(func(v1 bool) error {
		if v1 {
			return g.turnTo("THAWED")
		}
		return g.turnTo("0")
	})
}

// turn does something with the freezer, if there is one.
func (g *Group) turn(do func(v1 bool) error) error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.closed:
		return errEnded
	case g.freezer < 0:
		return nil
	}
	return do(g.frozen < 0)
}

// turnTo writes to the freezer; mu is held.
func (g *Group) turnTo(state string) error {
	_, err := unix.Pwrite(g.freezer, []byte(state), 0)
	return err
}

// await reads a small file until it contains want. A process that is deep in the
// kernel may take longer than we wait; it stops when it comes back.
func await(fd int, want []byte) error {
	var buf [128]byte
	for i := range freezeChecks {
		n, err := unix.Pread(fd, buf[:], 0)
		if err != nil {
			return err
		}
		if bytes.Contains(buf[:n], want) {
			return nil
		}
		if i > freezeChecks/2 {
			time.Sleep(20 * time.Microsecond)
		}
	}
	return nil
}

// Kill ends all processes where the kernel can do that at once, and thaws what
// version 1 would keep from dying.
func (g *Group) Kill() {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	g.put(ctlKill, []byte("1"))
	if g.frozen < 0 && g.freezer >= 0 {
		g.turnTo("THAWED")
	}
}

// Usage reads what the group has used.
func (g *Group) Usage() sandbox.Usage {
	var u sandbox.Usage
	if g == nil {
		return u
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return u
	}
	u.MemoryBytes = g.number(ctlMemoryUse)
	u.MemoryPeakBytes = max(g.number(ctlMemoryPeak), u.MemoryBytes)
	u.Pids = g.number(ctlPidsUse)
	var buf [statBytes]byte
	stat := g.get(ctlMemoryStat, buf[:])
	for _, name := range []string{"inactive_file ", "active_file "} {
		cache, ok := field(stat, "total_"+name)
		if !ok {
			cache, _ = field(stat, name)
		}
		u.MemoryBytes = max(u.MemoryBytes-cache, 0)
	}
	u.OOMKills, _ = field(g.get(ctlMemoryEvents, buf[:]), "oom_kill ")
	cpu := g.get(ctlCPUUse, buf[:])
	if micros, ok := field(cpu, "usage_usec "); ok {
		u.CPU = time.Duration(micros) * time.Microsecond
	} else {
		u.CPU = time.Duration(digits(cpu))
	}
	return u
}

func (g *Group) number(c control) int64 {
	var buf [32]byte
	return digits(g.get(c, buf[:]))
}

// field finds the number after a name that starts a line.
func field(b []byte, name string) (int64, bool) {
	for len(b) > 0 {
		if bytes.HasPrefix(b, []byte(name)) {
			return digits(b[len(name):]), true
		}
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			break
		}
		b = b[i+1:]
	}
	return 0, false
}

// digits reads the number that b starts with.
func digits(b []byte) int64 {
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int64(c-'0')
	}
	return n
}
