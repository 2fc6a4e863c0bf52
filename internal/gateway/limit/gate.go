// SPDX-License-Identifier: Apache-2.0

package limit

import (
	"runtime"
	"sync/atomic"
	"weak"
)

// gate counts the requests of a route that are under way. Rules and requests hold it, so a
// route that is published anew goes on counting.
type gate struct{ inside atomic.Int64 }

// gate finds the gate of a route, or makes it. One that nobody holds is forgotten: nothing is
// under way there.
func (l *Limiter) gate(key string) *gate {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.gates[key].Value(); g != nil {
		return g
	}
	g := &gate{}
	own := weak.Make(g)
	l.gates[key] = own
	runtime.AddCleanup(g, func(key string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.gates[key] == own {
			delete(l.gates, key)
		}
	}, key)
	return g
}

// Enter lets a request of the route in, unless as many as may be are under way. The caller
// calls leave, once, when the request has ended.
func (r *Rule) Enter() (leave func(), ok bool) {
	if r.gate == nil {
		return func() {}, true
	}
	if r.gate.inside.Add(1) > r.atOnceMax {
		r.gate.leave()
		return nil, false
	}
	return r.gate.leave, true
}

func (g *gate) leave() { g.inside.Add(-1) }
