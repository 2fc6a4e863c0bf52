// SPDX-License-Identifier: Apache-2.0

package processors

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	// cpuPeriod is how often the processors are looked at: long enough that the
	// kernel's 10 ms ticks give a usable share.
	cpuPeriod = 200 * time.Millisecond
	// cpuFull is the busy share, in percent, from which more instances would mostly
	// take turns with those that run.
	cpuFull = 85
	// busyPerProcessor is how many calls each processor runs at once before the pool
	// stops adding instances on a saturated node: some of them wait for I/O.
	busyPerProcessor = 2
)

// Watch knows whether this machine's processors have anything left to give.
type Watch struct {
	full  atomic.Bool
	busy  atomic.Int64 // calls that run now
	spare atomic.Int64 // instances that may be added until the next look
	claim atomic.Int64 // thousandths of a processor that busy instances need
}

// TakeSpare allows one more instance where waiting would do, too: as many a look as
// there are processors, while they have something left.
func (c *Watch) TakeSpare() bool { return c.spare.Add(-1) >= 0 }

// Began tells that a call runs.
func (c *Watch) Began() { c.busy.Add(1) }

// Ended tells that a call no longer runs.
func (c *Watch) Ended() { c.busy.Add(-1) }

// Calls tells how many calls run now.
func (c *Watch) Calls() int64 { return c.busy.Load() }

// saturated tells that the processors are full while many calls run.
func (c *Watch) saturated() bool {
	return c.full.Load() && c.busy.Load() >= int64(busyPerProcessor*runtime.NumCPU())
}

// Run looks at the processors until ctx ends.
func (c *Watch) Run(ctx context.Context) {
	tick := time.NewTicker(cpuPeriod)
	defer tick.Stop()
	busy, total := readProcessors()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		b, t := readProcessors()
		if t > total {
			full := (b-busy)*100 >= (t-total)*cpuFull
			c.full.Store(full)
			c.spare.Store(0)
			if !full {
				c.spare.Store(int64(runtime.NumCPU()))
			}
		}
		busy, total = b, t
	}
}

// readProcessors gives the busy and total ticks of all processors since boot; zeros
// where /proc/stat cannot be read, and then nothing ever counts as saturated.
func readProcessors() (busy, total int64) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	for i, field := range bytes.Fields(line) {
		if i == 0 || i > 8 { // the name; guest time is part of user time
			continue
		}
		n, _ := strconv.ParseInt(string(field), 10, 64)
		total += n
		if i != 4 && i != 5 { // idle, iowait
			busy += n
		}
	}
	return busy, total
}
