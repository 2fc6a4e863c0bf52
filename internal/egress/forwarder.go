// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	// queriesMax bounds name queries under way, of all sandboxes together. Each
	// holds a socket to an upstream for at most queryTimeout.
	queriesMax = 512
	// queriesPerSourceMax keeps one sandbox from taking all of them.
	queriesPerSourceMax = 32
	// queryTimeout is a little under the 5 s after which resolvers ask again.
	queryTimeout = 4 * time.Second
	// streamsPerSourceMax bounds a sandbox's TCP connections to the forwarder, and
	// streamIdle how long one may be silent.
	streamsPerSourceMax = 4
	streamIdle          = 5 * time.Second
	// troubleRest keeps a socket that always fails from filling the log.
	troubleRest = time.Second
	// datagramMax is the largest UDP answer: it fits any path unfragmented.
	datagramMax = 1232
)

// forwarder answers the name queries of sandboxes from a cache and the upstreams.
// It is bounded in all directions; what is past a bound is dropped unread, as on a
// lossy network, and resolvers ask again.
type forwarder struct {
	log       *slog.Logger
	upstreams *upstreams
	cache     *cache
	blocked   func(netip.Addr) bool

	queries *quota
	streams *quota
}

func newForwarder(servers []string, log *slog.Logger, blocked func(netip.Addr) bool) *forwarder {
	return &forwarder{
		log: log, blocked: blocked,
		upstreams: newUpstreams(servers),
		cache:     newCache(),
		queries:   newQuota(queriesMax, queriesPerSourceMax),
		streams:   newQuota(queriesMax, streamsPerSourceMax),
	}
}

// serveUDP answers datagrams until ctx ends, which closes conn.
func (f *forwarder) serveUDP(ctx context.Context, conn *net.UDPConn) error {
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	var group sync.WaitGroup
	defer group.Wait()
	buf := make([]byte, dns.MaxMsgSize)
	for {
		size, from, err := conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			f.rest(ctx, "name query not read", err)
			continue
		}
		source := from.Addr().Unmap()
		if !f.queries.enter(source) {
			continue
		}
		packet := append([]byte(nil), buf[:size]...)
		group.Go(func() {
			defer f.queries.leave(source)
			if answer := f.answer(ctx, packet, dns.MinMsgSize); answer != nil {
				// A sandbox that is gone misses nothing.
				_, _ = conn.WriteToUDPAddrPort(answer, from)
			}
		})
	}
}

// serveTCP answers queries over connections until ctx ends, which closes listener.
func (f *forwarder) serveTCP(ctx context.Context, listener *net.TCPListener) error {
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	var group sync.WaitGroup
	defer group.Wait()
	for {
		conn, err := listener.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			f.rest(ctx, "name query not accepted", err)
			continue
		}
		source := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
		if !f.streams.enter(source) {
			_ = conn.Close()
			continue
		}
		group.Go(func() {
			defer f.streams.leave(source)
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
			f.stream(ctx, conn, source)
		})
	}
}

// rest tells of a socket's trouble, such as too few descriptors, and lets it pass.
func (f *forwarder) rest(ctx context.Context, what string, err error) {
	f.log.Warn(what, "error", err)
	select {
	case <-ctx.Done():
	case <-time.After(troubleRest):
	}
}

// stream answers the queries of one connection, one after the other.
func (f *forwarder) stream(ctx context.Context, conn net.Conn, source netip.Addr) {
	for {
		_ = conn.SetDeadline(time.Now().Add(streamIdle + queryTimeout)) // fails when closed
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		packet := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, packet); err != nil {
			return
		}
		if !f.queries.enter(source) {
			return
		}
		answer := f.answer(ctx, packet, dns.MaxMsgSize)
		f.queries.leave(source)
		if answer == nil {
			return
		}
		head := binary.BigEndian.AppendUint16(nil, uint16(len(answer)))
		if _, err := conn.Write(append(head, answer...)); err != nil {
			return
		}
	}
}

// answer gives the packet that answers packet, of at most size bytes or what the
// query itself allows; nil when it is not a query at all.
func (f *forwarder) answer(ctx context.Context, packet []byte, size int) []byte {
	query := new(dns.Msg)
	if err := query.Unpack(packet); err != nil || query.Response {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	reply, hidden := f.reply(ctx, query)
	reply.Id, reply.Question = query.Id, query.Question
	reply.Response, reply.RecursionAvailable = true, true
	reply.RecursionDesired = query.RecursionDesired
	reply.Authoritative = false
	if opt := query.IsEdns0(); opt != nil {
		size = max(size, min(int(opt.UDPSize()), datagramMax))
		reply.SetEdns0(datagramMax, opt.Do())
		if hidden {
			explainBlocked(reply)
		}
	}
	reply.Compress = true
	reply.Truncate(size)
	out, err := reply.Pack()
	if err != nil {
		return nil
	}
	return out
}

// reply decides what a query gets; hidden tells that every address in the answer was
// left out.
func (f *forwarder) reply(ctx context.Context, query *dns.Msg) (r *dns.Msg, hidden bool) {
	if query.Opcode != dns.OpcodeQuery {
		return empty(dns.RcodeNotImplemented), false
	}
	if len(query.Question) != 1 {
		return empty(dns.RcodeFormatError), false
	}
	q := query.Question[0]
	if r := localReply(q); r != nil {
		return r, false
	}
	key := keyOf(query)
	r = f.cache.get(key)
	if r == nil {
		var err error
		if r, err = f.upstreams.ask(ctx, query); err != nil {
			f.log.Debug("name not resolved", "name", q.Name, "error", err)
			return empty(dns.RcodeServerFailure), false
		}
		f.cache.put(key, r)
	}
	return f.withoutBlocked(r)
}

// withoutBlocked leaves out addresses that sandboxes cannot reach: the program
// learns at once what a connection would only tell later, and nothing of how the
// host's private network is laid out.
func (f *forwarder) withoutBlocked(r *dns.Msg) (out *dns.Msg, hidden bool) {
	out = empty(r.Rcode)
	addresses, left := 0, 0
	for _, rr := range r.Answer {
		if a, ok := rr.(*dns.A); ok {
			addresses++
			if addr, ok := netip.AddrFromSlice(a.A); !ok || f.blocked(addr.Unmap()) {
				continue
			}
			left++
		}
		if _, ok := rr.(*dns.AAAA); ok {
			continue // only in answers to other types: there is no IPv6 in a sandbox
		}
		out.Answer = append(out.Answer, rr)
	}
	if addresses > 0 && left == 0 {
		return empty(r.Rcode), true
	}
	out.Ns = r.Ns
	return out, false
}

// explainBlocked says in the answer why it is empty (RFC 8914).
func explainBlocked(reply *dns.Msg) {
	opt := reply.IsEdns0()
	opt.Option = append(opt.Option, &dns.EDNS0_EDE{
		InfoCode: dns.ExtendedErrorCodeBlocked, ExtraText: "address is not public",
	})
}

// quota counts what is under way, in all and by source.
type quota struct {
	most, mostEach int

	mu   sync.Mutex // guards all, each
	all  int
	each map[netip.Addr]int
}

func newQuota(most, mostEach int) *quota {
	return &quota{most: most, mostEach: mostEach, each: map[netip.Addr]int{}}
}

// enter counts one more for source, unless a bound is reached.
func (q *quota) enter(source netip.Addr) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.all >= q.most || q.each[source] >= q.mostEach {
		return false
	}
	q.all++
	q.each[source]++
	return true
}

func (q *quota) leave(source netip.Addr) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all--
	if q.each[source]--; q.each[source] == 0 {
		delete(q.each, source)
	}
}
