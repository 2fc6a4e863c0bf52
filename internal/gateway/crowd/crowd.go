// SPDX-License-Identifier: Apache-2.0

package crowd

import (
	"cmp"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// stallDefault is how long a client may take nothing of what waits for it.
	stallDefault = 30 * time.Second
	// pieceBytes have to be taken in that time, 273 bytes a second: less than any modem
	// took, and for each of the streams that share a slow connection.
	pieceBytes = 8 << 10
	// A stream is given fastBytes at a time, which is what a frame holds and costs no speed;
	// one that took longer than slowPart of a stall for it gets slowBytes from then on, so
	// that it is seen how it gets on.
	fastBytes, slowBytes, slowPart = 16 << 10, 4 << 10, 8
	// looks is how often it is looked at a connection within that time.
	looks = 4
	// sayPause is how long nothing more is said of connections that were refused.
	sayPause = time.Minute
	// searchPause is how long no idle connection is looked for after none was found: each
	// look goes through all of them.
	searchPause = 100 * time.Millisecond
	// pingAfter and pingWait are when it is asked whether a silent client of HTTP/2 is there,
	// and how long it may take to say so: one that vanished holds its streams no longer.
	pingAfter, pingWait = 30 * time.Second, 15 * time.Second
	// makeRoom is the share of the connections that go at once when room is needed, so that
	// looking for them costs little for each client that comes.
	makeRoom = 64
)

// Config bounds a crowd.
type Config struct {
	// Connections may be open in all, at least 1.
	Connections int
	// PerAddress of them may be of one address, an IPv6 network of 64 bits being one; 0 is
	// no bound. Those of this machine are not counted.
	PerAddress int
	// Stall is how long a client may take nothing; 0 means half a minute.
	Stall time.Duration
}

// Stats are what a crowd met since it began.
type Stats struct {
	Open, Idle int // connections now, and those of them that wait for a request
	// RefusedAddress and RefusedTotal are connections that were refused, by reason;
	// ClosedIdle those that went to make room.
	RefusedAddress, RefusedTotal, ClosedIdle int64
	// CutConns and CutStreams are those on which nothing was taken any more.
	CutConns, CutStreams int64
}

// Crowd is the clients of the public doors. Its methods may be called from any goroutine.
type Crowd struct {
	cfg Config
	log *slog.Logger

	mu       sync.Mutex // guards conns, of and searched
	conns    map[*Conn]struct{}
	of       map[netip.Prefix]int // connections by address
	searched time.Time            // in vain

	refusedAddress, refusedTotal atomic.Int64
	closedIdle, cutConns         atomic.Int64
	cutStreams                   atomic.Int64

	saying sync.Mutex // guards said and told
	said   time.Time
	told   int64 // refused when it was said
	farewell
}

// New makes a crowd without clients.
func New(cfg Config, log *slog.Logger) *Crowd {
	if cfg.Stall == 0 {
		cfg.Stall = stallDefault
	}
	return &Crowd{cfg: cfg, log: log, conns: map[*Conn]struct{}{}, of: map[netip.Prefix]int{},
		farewell: farewell{places: make(chan struct{}, farewellsMax)}}
}

// Stats tells what there is and was.
func (c *Crowd) Stats() Stats {
	c.mu.Lock()
	open, idle := len(c.conns), 0
	for conn := range c.conns {
		if conn.idleSince.Load() != 0 {
			idle++
		}
	}
	c.mu.Unlock()
	return Stats{Open: open, Idle: idle, RefusedAddress: c.refusedAddress.Load(), RefusedTotal: c.refusedTotal.Load(),
		ClosedIdle: c.closedIdle.Load(), CutConns: c.cutConns.Load(), CutStreams: c.cutStreams.Load()}
}

// admit counts a connection, or says why there is no room for it.
func (c *Crowd) admit(conn *Conn) refusal {
	c.mu.Lock()
	defer c.mu.Unlock()
	if conn.counted && c.cfg.PerAddress > 0 && c.of[conn.address] >= c.cfg.PerAddress {
		return tooManyOfAddress
	}
	if len(c.conns) >= c.cfg.Connections {
		return tooManyInAll
	}
	c.conns[conn] = struct{}{}
	if conn.counted {
		c.of[conn.address]++
	}
	return welcome
}

// leave is called once for each connection that was admitted.
func (c *Crowd) leave(conn *Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, conn)
	if !conn.counted {
		return
	}
	if c.of[conn.address]--; c.of[conn.address] == 0 {
		delete(c.of, conn.address)
	}
}

// room closes the connections that were idle longest, and tells whether there were any.
func (c *Crowd) room(now time.Time) bool {
	longest := c.longestIdle(now)
	for _, conn := range longest {
		_ = conn.Close() // the client sees what it sees when an idle connection times out
	}
	c.closedIdle.Add(int64(len(longest)))
	return len(longest) > 0
}

func (c *Crowd) longestIdle(now time.Time) []*Conn {
	type idler struct {
		conn  *Conn
		since int64
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.searched) < searchPause {
		return nil
	}
	var idle []idler
	for conn := range c.conns {
		if since := conn.idleSince.Load(); since != 0 {
			idle = append(idle, idler{conn, since})
		}
	}
	if len(idle) == 0 {
		c.searched = now
		return nil
	}
	slices.SortFunc(idle, func(a, b idler) int { return cmp.Compare(a.since, b.since) })
	longest := make([]*Conn, min(len(idle), 1+c.cfg.Connections/makeRoom))
	for i := range longest {
		longest[i] = idle[i].conn
	}
	return longest
}

// Guard has a server keep to the crowd's bounds, beside its listener: what is in front of
// the server's handler by then is bounded, too. A client of HTTP/2 that says nothing is asked
// whether it is there.
func (c *Crowd) Guard(s *http.Server) {
	s.Handler, s.ConnState, s.ConnContext = c.handler(s.Handler), c.watch, withConn
	if s.HTTP2 == nil {
		s.HTTP2 = &http.HTTP2Config{}
	}
	s.HTTP2.SendPingTimeout, s.HTTP2.PingTimeout = pingAfter, pingWait
}

// watch notes which connections are idle.
func (c *Crowd) watch(conn net.Conn, state http.ConnState) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	own, ok := conn.(*Conn)
	if !ok {
		return
	}
	switch state {
	case http.StateNew, http.StateIdle: // one that says nothing from the start is idle, too
		own.idleSince.Store(time.Now().UnixNano())
	default:
		own.idleSince.Store(0)
	}
}

// sayRefused logs that connections are refused, once a minute.
func (c *Crowd) sayRefused(why refusal, conn *Conn, now time.Time) {
	c.saying.Lock()
	defer c.saying.Unlock()
	if now.Sub(c.said) < sayPause {
		return
	}
	refused := c.refusedAddress.Load() + c.refusedTotal.Load()
	c.log.Warn("connections were refused", "reason", why.reason, "address", conn.address,
		"connections", refused-c.told)
	c.said, c.told = now, refused
}
