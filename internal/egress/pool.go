// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
)

const (
	// reapEvery is how often retired slots are looked at. The kernel takes apart
	// namespaces in batches, some 20 ms after their last process and descriptor.
	reapEvery = 100 * time.Millisecond
	// reapGrace is how long a retired slot may keep its link before it is cut:
	// cutting waits for every processor while all other changes to devices wait.
	reapGrace = time.Second
	// makeRetry keeps a host that refuses namespaces from being asked all the time.
	makeRetry = time.Second
)

// slot is one namespace: made, then ready, taken, retired, and its number free again.
type slot struct {
	number int
	ns     *os.File // the taker's after take
}

// pool makes namespaces ahead of need and gives their numbers, hence addresses,
// a long rest between uses: the one unused for longest comes next.
type pool struct {
	log     *slog.Logger
	gateway *gateway
	mtu     func() int
	low     int

	ready  chan *slot
	making chan struct{} // one token for each maker
	wake   chan struct{}

	mu      sync.Mutex // guards free, retired, closed
	free    []int
	retired []retiree
	closed  bool
}

type retiree struct {
	number int
	since  time.Time
}

func newPool(cfg Config, log *slog.Logger, g *gateway, mtu func() int) *pool {
	size := min(cfg.PoolSize, cfg.SlotsMax)
	p := &pool{
		log: log, gateway: g, mtu: mtu,
		low:    max(size/2, 1),
		ready:  make(chan *slot, size),
		making: make(chan struct{}, makersMax),
		wake:   make(chan struct{}, 1),
	}
	for i := range cfg.SlotsMax {
		p.free = append(p.free, i)
	}
	return p
}

// take gives a ready slot, or makes one.
func (p *pool) take(ctx context.Context) (*slot, error) {
	select {
	case s := <-p.ready:
		p.refill()
		return s, nil
	default:
	}
	p.refill()
	select {
	case s := <-p.ready:
		return s, nil
	case p.making <- struct{}{}:
		defer func() { <-p.making }()
		return p.make()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a network namespace: %w", ctx.Err())
	}
}

// refill asks fill for more once few are left.
func (p *pool) refill() {
	if len(p.ready) >= p.low {
		return
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// fill keeps the pool full until ctx ends.
func (p *pool) fill(ctx context.Context) error {
	failing := false
	for {
		err := p.top(ctx)
		var retry <-chan time.Time
		if err != nil {
			retry = time.After(makeRetry)
			if !failing && dayfly.KindOf(err) != dayfly.KindExhausted {
				p.log.Error("network namespaces not made ahead", "error", err)
			}
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-p.wake:
		case <-retry:
		}
	}
}

// top makes namespaces until the pool is full.
func (p *pool) top(ctx context.Context) error {
	for len(p.ready) < cap(p.ready) {
		select {
		case p.making <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		s, err := p.make()
		<-p.making
		if err != nil {
			return err
		}
		select {
		case p.ready <- s:
		case <-ctx.Done():
			p.discard(s)
			return nil
		}
	}
	return nil
}

// make makes a namespace of the number that rested longest.
func (p *pool) make() (*slot, error) {
	number, err := p.number()
	if err != nil {
		return nil, err
	}
	ns, err := inNew(func(*os.File) error { return p.furnish(number) })
	s := &slot{number: number, ns: ns}
	if err != nil {
		p.discard(s)
		return nil, fmt.Errorf("make network of a sandbox: %w", err)
	}
	return s, nil
}

func (p *pool) number() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0, dayfly.Errorf(dayfly.KindUnavailable, "the network of sandboxes is closed")
	}
	if len(p.free) == 0 {
		err := dayfly.Errorf(dayfly.KindExhausted, "every network namespace is in use")
		err.RetryAfter = reapGrace
		return 0, err
	}
	number := p.free[0]
	p.free = p.free[1:]
	return number, nil
}

// furnish runs inside the new namespace: loopback, one link with its address, and
// the way out by the gateway. Loopback keeps ::1, the link has no IPv6.
func (p *pool) furnish(number int) error {
	err := writeSwitch("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1")
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("turn off IPv6: %w", err)
	}
	// Programs made for containers often listen on port 80; the namespace is theirs alone.
	if err := writeSwitch("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0"); err != nil {
		return fmt.Errorf("let programs listen on low ports: %w", err)
	}
	links, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open routing socket: %w", err)
	}
	defer links.Close()
	if err := linkUp(links, 1); err != nil {
		return err
	}
	err = veth{
		name: slotLink, index: slotLinkIndex, mac: slotMAC,
		peerName: fmt.Sprintf("slot%d", number), peerIndex: peerIndexBase + number,
		peerMAC: gatewayMAC, peerNS: p.gateway.ns, mtu: p.mtu(),
	}.add()
	if err != nil {
		return err
	}
	claim := p.gateway.claim
	err = join(links, slotLinkIndex, claim.slotAddr(number), claim.gatewayAddr(), gatewayMAC)
	if err != nil {
		return err
	}
	if err := p.gateway.connectSlot(number); err != nil {
		return err
	}
	return awaitRunning(links, slotLinkIndex)
}

// retire takes back a slot whose namespace is, or soon will be, gone.
func (p *pool) retire(s *slot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retired = append(p.retired, retiree{s.number, time.Now()})
}

// discard closes a namespace nobody has seen.
func (p *pool) discard(s *slot) {
	if s.ns != nil {
		_ = s.ns.Close() // a descriptor of a namespace has nothing to flush
	}
	p.retire(s)
}

// reap frees the numbers of retired slots once their links are gone.
func (p *pool) reap(ctx context.Context) error {
	tick := time.NewTicker(reapEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			p.mu.Lock()
			waiting := p.retired
			p.retired = nil
			p.mu.Unlock()
			gone, left := p.sift(waiting, now)
			p.mu.Lock()
			p.free = append(p.free, gone...)
			p.retired = append(p.retired, left...)
			p.mu.Unlock()
		}
	}
}

// sift tells the retired slots that are gone from those that are not yet, and cuts
// those that had their time.
func (p *pool) sift(waiting []retiree, now time.Time) (gone []int, left []retiree) {
	for _, r := range waiting {
		if p.gateway.slotGone(r.number) {
			gone = append(gone, r.number)
			continue
		}
		if now.Sub(r.since) > reapGrace {
			if err := p.gateway.cutSlot(r.number); err != nil {
				p.log.Warn("slot not removed, trying again", "slot", r.number, "error", err)
			}
		}
		left = append(left, r)
	}
	return gone, left
}

// close discards what is ready; nothing is made afterwards.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	for {
		select {
		case s := <-p.ready:
			_ = s.ns.Close()
		default:
			return
		}
	}
}
