// SPDX-License-Identifier: Apache-2.0

package simtest

import (
	"cmp"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly/internal/place"
)

// Config is what a trace is run on.
type Config struct {
	Nodes  int
	Method place.Method
	// NodeMemory is what a node has for instances; 0 is without bound.
	NodeMemory int64
	// Learn is how long at the start nothing is counted, as policies learn.
	Learn time.Duration
}

const (
	// step is how often nodes tell their loads, and make room when memory is short.
	// Within a step functions do not see each other, so that they run in parallel and
	// yet the same way each time.
	step = 20 * time.Second
	// fade is how much of a node's load of the last step is in what it tells.
	fade = 0.3
	// milli is in what loads are counted: thousandths of a call at once.
	milli = 1000
	// never is after any simulation.
	never = time.Duration(1<<63 - 1)
)

// epoch is when simulated time begins: an arbitrary Monday.
var epoch = time.Unix(1_700_438_400, 0).UTC()

// simulation is one run.
type simulation struct {
	config    Config
	policy    Policy
	trace     *Trace
	functions []*function
	due       [][]int32 // functions by the step in which they have something to do
	workers   []*worker
	loads     []int64 // of nodes, as told, in milli
	total     int64   // sum of loads
	memory    []int64 // of instances on nodes
	clocks    []float64
	result    *Result
	balance   balance
}

// Run simulates a trace under a policy. The same arguments give the same result,
// whatever the number of cores.
func Run(t *Trace, c Config, p Policy) *Result {
	s := &simulation{config: c, policy: p, trace: t, loads: make([]int64, c.Nodes),
		memory: make([]int64, c.Nodes), clocks: make([]float64, c.Nodes)}
	s.result = &Result{Policy: p.Name, Placement: c.Method, Span: t.Span - c.Learn}
	s.due = make([][]int32, int((t.Span+step-1)/step))
	for range runtime.GOMAXPROCS(0) {
		s.workers = append(s.workers, newWorker(s))
	}
	ring := place.NewRing(names(c.Nodes))
	for i := range t.Functions {
		s.functions = append(s.functions, newFunction(&t.Functions[i], p, ring))
		s.plan(int32(i), s.functions[i].wake())
	}
	for n := range s.due {
		s.step(n)
		s.due[n] = nil
	}
	s.finish()
	return s.result
}

func names(nodes int) []string {
	out := make([]string, nodes)
	for i := range out {
		out[i] = "node" + strconv.Itoa(i)
	}
	return out
}

// plan notes that a function has something to do at a time.
func (s *simulation) plan(i int32, at time.Duration) {
	if at >= s.trace.Span {
		return
	}
	n := max(int(at/step), 0)
	s.due[n] = append(s.due[n], i)
}

// step runs what happens in a step, in parts of the functions that are due.
func (s *simulation) step(n int) {
	due := s.due[n]
	from := time.Duration(n) * step
	to := min(from+step, s.trace.Span)
	var wait sync.WaitGroup
	for k, w := range s.workers {
		part := due[len(due)*k/len(s.workers) : len(due)*(k+1)/len(s.workers)]
		wait.Go(func() { w.run(part, from, to) })
	}
	wait.Wait()
	for _, i := range due {
		s.plan(i, max(s.functions[i].wake(), to))
	}
	s.tell(from >= s.config.Learn, to-from)
	if s.config.NodeMemory > 0 {
		s.makeRoom(to)
	}
}

// tell sums what the workers counted up, and gives the nodes' loads to the next step.
func (s *simulation) tell(counts bool, length time.Duration) {
	s.total = 0
	for n := range s.loads {
		work := int64(0)
		for _, w := range s.workers {
			work += w.work[n]
			s.memory[n] += w.memory[n]
			w.work[n], w.memory[n] = 0, 0
		}
		now := work * milli / int64(length)
		s.loads[n] += int64(fade * float64(now-s.loads[n]))
		s.total += s.loads[n]
		if counts {
			s.balance.load.add(float64(now))
			s.balance.memory.add(float64(s.memory[n]))
		}
	}
	if counts {
		s.balance.next()
	}
}

// makeRoom evicts what is worth least from nodes that hold more than they have.
func (s *simulation) makeRoom(now time.Duration) {
	over := map[int32][]candidate{}
	for n, used := range s.memory {
		if used > s.config.NodeMemory {
			over[int32(n)] = nil
		}
	}
	if len(over) == 0 {
		return
	}
	for _, f := range s.functions {
		for _, inst := range f.instances {
			if _, ok := over[inst.node]; ok && inst.free <= now {
				over[inst.node] = append(over[inst.node], candidate{f, inst.born, f.idle(inst)})
			}
		}
	}
	w := s.workers[0]
	for n := range s.memory {
		s.evict(w, int32(n), over[int32(n)], now)
	}
}

// candidate is an instance that could give way.
type candidate struct {
	function *function
	born     time.Duration
	idle     place.Idle
}

func (s *simulation) evict(w *worker, node int32, all []candidate, now time.Duration) {
	if len(all) == 0 {
		return
	}
	idle := make([]place.Idle, len(all))
	for i := range all {
		idle[i] = all[i].idle
	}
	chosen, clock := place.Evict(epoch.Add(now), s.clocks[node], s.memory[node]-s.config.NodeMemory, idle)
	s.clocks[node] = clock
	for _, i := range chosen {
		f := all[i].function
		at := slices.IndexFunc(f.instances, func(inst instance) bool {
			return inst.born == all[i].born && inst.node == node
		})
		w.end(f, at, now)
		f.evicted = true
		s.result.Evicted++
	}
	s.memory[node] += w.memory[node]
	w.memory[node] = 0
}

// finish ends what is alive and sums up.
func (s *simulation) finish() {
	for _, f := range s.functions {
		for len(f.instances) > 0 {
			s.workers[0].end(f, 0, s.trace.Span)
		}
		f.report(s.result)
	}
	for _, w := range s.workers {
		s.result.Totals.add(&w.totals)
	}
	slices.SortFunc(s.result.shares, cmp.Compare[float64])
	s.balance.report(s.result)
}
