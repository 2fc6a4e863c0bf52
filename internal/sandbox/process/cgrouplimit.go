// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"bytes"
	"os"
	"strconv"
	"time"

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

// put writes to a control and ignores one that the host does not have.
func (g *group) put(c control, b []byte) error {
	f := g.files[c]
	if f == nil {
		return nil
	}
	_, err := f.WriteAt(b, 0)
	return err
}

// limit writes the limits that differ from those in force.
func (g *group) limit(l dayfly.Limits) error {
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
func (g *group) limitMemory(n int64) error {
	text := strconv.AppendInt(nil, n, 10)
	if g.v2(ctlMemoryLimit) {
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
func (g *group) limitCPU(milli int64) error {
	quota := max(milli*cpuPeriodMicros/1000, cpuQuotaMicrosMin)
	if g.v2(ctlCPUQuota) {
		b := strconv.AppendInt(nil, quota, 10)
		b = strconv.AppendInt(append(b, ' '), cpuPeriodMicros, 10)
		if err := g.put(ctlCPUQuota, b); err != nil {
			return err
		}
		weight := min(max(milli/10, 1), 10000) // 1000 is the default, 100
		return g.put(ctlCPUWeight, strconv.AppendInt(nil, weight, 10))
	}
	if err := g.put(ctlCPUPeriod, strconv.AppendInt(nil, cpuPeriodMicros, 10)); err != nil {
		return err
	}
	if err := g.put(ctlCPUQuota, strconv.AppendInt(nil, quota, 10)); err != nil {
		return err
	}
	shares := max(milli*1024/1000, 2)
	return g.put(ctlCPUWeight, strconv.AppendInt(nil, shares, 10))
}

// v2 tells whether a control is a version 2 file, by its name.
func (g *group) v2(c control) bool {
	f := g.files[c]
	return f != nil && bytes.HasSuffix([]byte(f.Name()), []byte(controlFiles()[c].v2))
}

// freeze stops or continues all processes and waits, a little, until they stopped.
func (g *group) freeze(stop bool) error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return errEnded
	}
	state := g.files[ctlFreezeState]
	if state == nil {
		return g.freezeV1(stop)
	}
	want, text := []byte("frozen 0"), []byte("0")
	if stop {
		want, text = []byte("frozen 1"), []byte("1")
	}
	if err := g.put(ctlFreeze, text); err != nil || !stop {
		return err
	}
	return await(state, want)
}

func (g *group) freezeV1(stop bool) error {
	if g.files[ctlFreeze] == nil {
		return nil
	}
	if !stop {
		return g.put(ctlFreeze, []byte("THAWED"))
	}
	if err := g.put(ctlFreeze, []byte("FROZEN")); err != nil {
		return err
	}
	return await(g.files[ctlFreeze], []byte("FROZEN"))
}

// await reads a small file until it contains want. A process that is deep in the
// kernel may take longer than we wait; it stops when it comes back.
func await(f *os.File, want []byte) error {
	var buf [128]byte
	for i := range freezeChecks {
		n, err := f.ReadAt(buf[:], 0)
		if n == 0 && err != nil {
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

// kill ends all processes where the kernel can do that at once, and thaws what
// version 1 would keep from dying.
func (g *group) kill() {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	g.put(ctlKill, []byte("1"))
	if g.files[ctlFreezeState] == nil {
		g.put(ctlFreeze, []byte("THAWED"))
	}
}

// usage reads what the group has used.
func (g *group) usage() sandbox.Usage {
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
	if f := g.files[ctlMemoryStat]; f != nil {
		var buf [statBytes]byte
		n, _ := f.ReadAt(buf[:], 0)
		cache, ok := field(buf[:n], "total_inactive_file ")
		if !ok {
			cache, _ = field(buf[:n], "inactive_file ")
		}
		u.MemoryBytes = max(u.MemoryBytes-cache, 0)
	}
	u.OOMKills = g.oomKills()
	if f := g.files[ctlCPUUse]; f != nil {
		var buf [1024]byte
		n, _ := f.ReadAt(buf[:], 0)
		if micros, ok := field(buf[:n], "usage_usec "); ok {
			u.CPU = time.Duration(micros) * time.Microsecond
		} else {
			u.CPU = time.Duration(digits(buf[:n]))
		}
	}
	return u
}

// oomKills counts processes that the memory limit killed; mu is held.
func (g *group) oomKills() int64 {
	f := g.files[ctlMemoryEvents]
	if f == nil {
		return 0
	}
	var buf [512]byte
	n, _ := f.ReadAt(buf[:], 0)
	kills, _ := field(buf[:n], "oom_kill ")
	return kills
}

func (g *group) number(c control) int64 {
	f := g.files[c]
	if f == nil {
		return 0
	}
	var buf [32]byte
	n, _ := f.ReadAt(buf[:], 0)
	return digits(buf[:n])
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
