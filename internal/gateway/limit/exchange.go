// SPDX-License-Identifier: Apache-2.0

package limit

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// tellEvery is how often nodes tell what they granted.
	tellEvery = 50 * time.Millisecond
	// eagerShare is the part of a bucket or quota that is told at once when it was granted:
	// an eighth keeps what n nodes grant without knowing near n/8 of a burst.
	eagerShare = 8
	// untoldMax bounds the ids of which something is to be told: more than a node grants in
	// the time.
	untoldMax = 1 << 16
	// grantsMax bounds the grants of a message, to 60 KB.
	grantsMax = 1500

	messageVersion = 1
	headBytes      = 1 + 8
	grantBytes     = 1 + 16 + 3*8
)

// subject carries what nodes grant, on the bus.
const subject = "limits.granted"

// Exchange carries messages between nodes, quickly; some may get lost.
type Exchange interface {
	Publish(message []byte) error
	// Subscribe calls hear for each message of any node, also this one, one after the other.
	Subscribe(hear func(message []byte)) (stop func(), err error)
}

// Joined is an exchange over a connection to the bus.
type Joined struct{ Conn *nats.Conn }

// Publish implements Exchange.
func (j Joined) Publish(message []byte) error { return j.Conn.Publish(subject, message) }

// Subscribe implements Exchange.
func (j Joined) Subscribe(hear func(message []byte)) (stop func(), err error) {
	s, err := j.Conn.Subscribe(subject, func(m *nats.Msg) { hear(m.Data) })
	if err != nil {
		return nil, fmt.Errorf("hear what other nodes granted: %w", err)
	}
	return func() { _ = s.Unsubscribe() }, nil
}

// peers is what this node is to tell others.
type peers struct {
	exchange Exchange
	self     [8]byte
	nudge    chan struct{} // something is to be told at once

	mu     sync.Mutex // guards untold
	untold map[id]grant
}

// grant is what was granted of one limit to one id.
//
//	bucket: measure is the step, room the capacity    count: measure is the window's end, room the count
type grant struct {
	window  bool
	n       int64
	measure int64
	room    int64
}

func newPeers(e Exchange) *peers {
	p := &peers{exchange: e, nudge: make(chan struct{}, 1), untold: map[id]grant{}}
	_, _ = rand.Read(p.self[:])
	return p
}

// granted notes a grant for the other nodes.
func (l *Limiter) granted(b *bound, key *id, now time.Time) {
	p := l.peers
	if p == nil {
		return
	}
	g := grant{measure: b.step, room: b.capacity}
	if b.window {
		g = grant{window: true, measure: windowEnd(now, b.per).UnixNano(), room: b.count}
	}
	p.mu.Lock()
	before, known := p.untold[*key]
	if known && before.measure == g.measure {
		g.n = before.n
	}
	g.n++
	if known || len(p.untold) < untoldMax {
		p.untold[*key] = g
	}
	p.mu.Unlock()
	if g.isMuch() {
		select {
		case p.nudge <- struct{}{}:
		default:
		}
	}
}

// isMuch tells whether others should know at once.
func (g *grant) isMuch() bool {
	if g.window {
		return g.n >= max(1, g.room/eagerShare)
	}
	return g.n*g.measure >= g.room/eagerShare
}

// tell tells other nodes what this one granted, until ctx ends.
func (l *Limiter) tell(ctx context.Context) {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-l.peers.nudge:
		}
		for _, message := range l.peers.messages() {
			if err := l.peers.exchange.Publish(message); err != nil {
				l.log.Warn("other nodes do not hear what was granted", "error", err)
				break
			}
		}
	}
}

// messages takes what is untold.
func (p *peers) messages() [][]byte {
	p.mu.Lock()
	untold := p.untold
	p.untold = map[id]grant{}
	p.mu.Unlock()
	var list [][]byte
	var m []byte
	n := 0
	for key, g := range untold {
		if n%grantsMax == 0 {
			if m != nil {
				list = append(list, m)
			}
			m = append([]byte{messageVersion}, p.self[:]...)
		}
		n++
		m = g.append(m, &key)
	}
	if m != nil {
		list = append(list, m)
	}
	return list
}

func (g *grant) append(m []byte, key *id) []byte {
	kind := byte('b')
	if g.window {
		kind = 'c'
	}
	m = append(append(m, kind), key[:]...)
	for _, n := range []int64{g.n, g.measure, g.room} {
		m = binary.LittleEndian.AppendUint64(m, uint64(n))
	}
	return m
}

// hear counts what another node granted.
func (l *Limiter) hear(message []byte) {
	now := time.Now()
	err := decode(message, func(self [8]byte) bool { return self != l.peers.self }, func(key id, g grant) {
		if g.window {
			l.hearCount(now, key, g)
			return
		}
		l.hearTokens(l.at(now), key, g)
	})
	if err != nil {
		l.log.Warn("what another node granted is not understood", "error", err)
	}
}

// decode reads a message; wanted says whether that node's are.
func decode(message []byte, wanted func(self [8]byte) bool, each func(id, grant)) error {
	if len(message) < headBytes || message[0] != messageVersion {
		return errors.New("it is of another version")
	}
	if !wanted([8]byte(message[1:headBytes])) {
		return nil
	}
	body := message[headBytes:]
	if len(body)%grantBytes != 0 || len(body) > grantsMax*grantBytes {
		return fmt.Errorf("it has %d bytes", len(message))
	}
	for ; len(body) > 0; body = body[grantBytes:] {
		number := func(i int) int64 { return int64(binary.LittleEndian.Uint64(body[17+8*i:])) }
		g := grant{window: body[0] == 'c', n: number(0), measure: number(1), room: number(2)}
		known := g.window || body[0] == 'b'
		if !known || g.n < 1 || g.measure < 1 || g.room < 1 || g.n > math.MaxInt64/4 ||
			!g.window && float64(g.n)*float64(g.measure) > float64(fillMax) {
			return errors.New("a number is out of bounds")
		}
		each(id(body[1:17]), g)
	}
	return nil
}

func (l *Limiter) hearTokens(now int64, key id, g grant) {
	s := l.buckets.part(&key)
	s.mu.Lock()
	defer s.mu.Unlock()
	full := now
	if e, known := s.entries[key]; known {
		full = max(e.until, now)
	}
	next := min(full+g.n*g.measure, now+int64(fillMax))
	s.put(key, entry{until: next, room: g.room}, now, l.buckets.perShard)
}

func (l *Limiter) hearCount(now time.Time, key id, g grant) {
	s := l.counts.part(&key)
	s.mu.Lock()
	defer s.mu.Unlock()
	e, known := s.entries[key]
	switch {
	case g.measure <= now.UnixNano(), known && e.until > g.measure: // of a window that is over
		return
	case !known || e.until < g.measure:
		e = entry{until: g.measure, room: g.room}
	}
	e.remote = min(e.remote+g.n, math.MaxInt64/4)
	s.put(key, e, now.UnixNano(), l.counts.perShard)
}
