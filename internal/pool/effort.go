// SPDX-License-Identifier: Apache-2.0

package pool

import "time"

// effortPause is how often calls that have not ended are measured for those that wait.
const effortPause = 100 * time.Millisecond

// begin measures what the start of the first instances took, which is not their calls'.
func (i *instance) begin() {
	i.group.mu.Lock()
	known := i.group.effort.Measured()
	i.group.mu.Unlock()
	if known {
		return
	}
	i.freezing.Lock()
	defer i.freezing.Unlock()
	i.sample(time.Time{})
}

// gauge measures a call that has not ended, for those that wait while g is crowded.
func (g *group) gauge() {
	now := time.Now()
	g.mu.Lock()
	var busy *instance
	if g.effort.Crowded() && now.Sub(g.gauged) >= effortPause {
		g.gauged = now
		for _, inst := range g.instances {
			if inst.inflight > 0 && (busy == nil || inst.busySince.Before(busy.busySince)) {
				busy = inst
			}
		}
	}
	g.mu.Unlock()
	if busy == nil {
		return
	}
	busy.freezing.Lock()
	defer busy.freezing.Unlock()
	busy.sample(busy.sampled)
}

// began counts a call that inst has now. Callers hold mu.
func (g *group) began(inst *instance, now time.Time) {
	if inst.inflight++; inst.inflight == 1 {
		inst.busySince = now
		g.effort.Began()
	}
}

// ended counts a call that inst has no more. Callers hold mu.
func (g *group) ended(inst *instance, now time.Time) {
	if inst.inflight--; inst.inflight == 0 {
		inst.busyFor += now.Sub(inst.busySince)
		g.effort.Ended()
	}
}

// busyTime is how long inst has had calls. Callers hold mu.
func (i *instance) busyTime(now time.Time) time.Duration {
	if i.inflight == 0 {
		return i.busyFor
	}
	return i.busyFor + now.Sub(i.busySince)
}
