// SPDX-License-Identifier: Apache-2.0

package turns

import (
	"context"
	"sync"

	"github.com/dayfly-faas/dayfly"
)

// Gate lets so many cold starts run at once.
type Gate struct {
	mu    sync.Mutex // guards the rest
	free  int
	order []dayfly.ProjectName // those that wait, in the order of their turns
	lines map[dayfly.ProjectName][]*turn
}

// turn is one start that waits.
type turn struct {
	granted chan struct{} // closed
	gone    bool          // nobody waits for it any more
}

// New makes a gate that lets most go at once.
func New(most int) *Gate {
	return &Gate{free: most, lines: map[dayfly.ProjectName][]*turn{}}
}

// Enter waits for a turn of that project's. The error is why ctx ended; leave ends the turn.
func (g *Gate) Enter(ctx context.Context, of dayfly.ProjectName) (leave func(), err error) {
	g.mu.Lock()
	if g.free > 0 { // then nobody waits
		g.free--
		g.mu.Unlock()
		return g.leave, nil
	}
	t := &turn{granted: make(chan struct{})}
	if len(g.lines[of]) == 0 {
		g.order = append(g.order, of)
	}
	g.lines[of] = append(g.lines[of], t)
	g.mu.Unlock()
	select {
	case <-t.granted:
		return g.leave, nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-t.granted: // just now: it is another's
		g.pass()
	default:
		t.gone = true
	}
	return nil, context.Cause(ctx)
}

func (g *Gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pass()
}

// pass gives a turn to the next that waits. Callers hold mu.
func (g *Gate) pass() {
	for len(g.order) > 0 {
		of := g.order[0]
		next := g.lines[of][0]
		g.order, g.lines[of] = g.order[1:], g.lines[of][1:]
		if len(g.lines[of]) > 0 {
			g.order = append(g.order, of)
		} else {
			delete(g.lines, of)
		}
		if !next.gone {
			close(next.granted)
			return
		}
	}
	g.free++
}
