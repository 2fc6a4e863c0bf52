// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dayfly-faas/dayfly"
)

const (
	// poolSizeDefault covers the cold starts of about 20 ms on two processors.
	poolSizeDefault = 16
	// slotsMax is what a /20 block holds beside the gateway's own addresses.
	slotsMax = 4000
	// flowsDefault is about the open files that one function may have; 4000 such
	// sandboxes would need more than a host tracks, but never all do.
	flowsDefault = 1024
	// makersMax is small because the kernel makes devices one at a time anyway.
	makersMax = 2
	// lockDirDefault is cleared at boot, as everything it speaks of is.
	lockDirDefault = "/run/dayfly/net"
)

// Config says how large the network is and whom it asks for names. Its zero value
// is usable.
type Config struct {
	// PoolSize is how many namespaces are kept ready, 1 … 4000; 0 means 16. Each
	// costs the kernel about 200 KiB.
	PoolSize int
	// SlotsMax bounds the namespaces in use and ready together, 1 … 4000; 0 means
	// 4000.
	SlotsMax int
	// FlowsMax bounds the connections that one sandbox has open to the internet, 1
	// or more; 0 means 1024. Those past it are refused.
	FlowsMax int
	// Upstreams are the resolvers to ask, as address:port. Empty means those of
	// /etc/resolv.conf, read again whenever it changes.
	Upstreams []string
	// LockDir holds the files by which the dayfly processes of a machine share its
	// addresses. All of them must use the same; empty means /run/dayfly/net.
	LockDir string
}

func (c Config) withDefaults() Config {
	if c.PoolSize == 0 {
		c.PoolSize = poolSizeDefault
	}
	if c.SlotsMax == 0 {
		c.SlotsMax = slotsMax
	}
	if c.FlowsMax == 0 {
		c.FlowsMax = flowsDefault
	}
	if c.LockDir == "" {
		c.LockDir = lockDirDefault
	}
	return c
}

// Validate reports the first field out of its bounds.
func (c Config) Validate() error {
	for _, b := range []struct {
		field string
		value int
		max   int
	}{
		{"pool_size", c.PoolSize, slotsMax},
		{"slots_max", c.SlotsMax, slotsMax},
		{"flows_max", c.FlowsMax, 1 << 20},
	} {
		if b.value < 0 || b.value > b.max {
			return dayfly.Errorf(dayfly.KindInvalid, "egress %s is %d, must be between 1 and %d",
				b.field, b.value, b.max)
		}
	}
	for _, u := range c.Upstreams {
		if _, err := netip.ParseAddrPort(u); err != nil {
			return dayfly.Errorf(dayfly.KindInvalid, "egress upstream %q is not address:port", u)
		}
	}
	return nil
}

// Network makes network namespaces with a way to the internet. Its methods may be
// called from any goroutine; Open comes first, Close last.
type Network struct {
	cfg Config
	log *slog.Logger

	claim   *claim
	gateway *gateway
	rules   *rules
	pool    *pool
	names   *forwarder
	policy  atomic.Pointer[policy]
	host    hostPolicy

	mu      sync.Mutex // guards absence, closed
	absence *absence
	closed  bool
}

// absence says why there is no network for sandboxes.
type absence struct {
	reason string
	remedy string
}

// New makes a network; it touches nothing before Open.
func New(cfg Config, log *slog.Logger) *Network {
	n := &Network{cfg: cfg.withDefaults(), log: log}
	n.absence = &absence{reason: "the network of sandboxes is not open"}
	return n
}

// Open claims a block of addresses and sets up the gateway and the rules. A host
// that cannot give a network is no error: Acquire and Feature tell. It returns an
// error only for a wrong Config.
func (n *Network) Open(ctx context.Context) error {
	if err := n.cfg.Validate(); err != nil {
		return err
	}
	start := time.Now()
	if err := n.open(ctx); err != nil {
		n.dismantle()
		a := explainAbsence(err)
		n.setAbsence(a)
		n.log.Warn("sandbox network unavailable", "reason", a.reason, "remedy", a.remedy)
		return nil
	}
	n.setAbsence(nil)
	n.log.Info("sandbox network opened", "block", n.claim.block.String(),
		"interface", n.claim.name, "took", time.Since(start))
	return nil
}

func (n *Network) open(ctx context.Context) error {
	host, err := readHost()
	if err != nil {
		return err
	}
	if n.claim, err = openClaim(ctx, n.cfg.LockDir, host.occupied); err != nil {
		return err
	}
	p := newPolicy(host)
	n.policy.Store(p)
	// The table comes before the link, so that nothing is ever open for a moment.
	if n.rules, err = openRules(n.claim, n.cfg.FlowsMax, p); err != nil {
		return err
	}
	if n.gateway, err = openGateway(n.claim, p.mtu); err != nil {
		return err
	}
	if err := n.claim.forward(p.uplinks); err != nil {
		return err
	}
	if err := n.rules.guard(n.claim.guarded()); err != nil {
		return err
	}
	n.pool = newPool(n.cfg, n.log, n.gateway, func() int { return n.policy.Load().mtu })
	n.names = newForwarder(n.cfg.Upstreams, n.log, func(a netip.Addr) bool {
		return n.policy.Load().blocks(a)
	})
	return nil
}

// Run keeps the pool filled, answers the sandboxes' name queries and follows the
// host's addresses and routes, until ctx ends.
func (n *Network) Run(ctx context.Context) error {
	if n.Absent() != nil {
		<-ctx.Done()
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return n.pool.fill(ctx) })
	group.Go(func() error { return n.pool.reap(ctx) })
	group.Go(func() error { return n.names.serveUDP(ctx, n.gateway.udp) })
	group.Go(func() error { return n.names.serveTCP(ctx, n.gateway.tcp) })
	group.Go(func() error { return n.follow(ctx) })
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("run sandbox network: %w", err)
	}
	return nil
}

// Acquire gives a network namespace with eth0 and loopback up, and the address of
// the name server to use in it. The caller closes ns; it calls release, once or
// more, when nothing runs in the namespace any more, and the slot is then destroyed.
// It fails with KindUnavailable where the host cannot give a network, and with
// KindExhausted when every slot is taken.
func (n *Network) Acquire(ctx context.Context) (
	ns *os.File, resolver string, release func(), err error,
) {
	if err := n.Absent(); err != nil {
		return nil, "", nil, err
	}
	s, err := n.pool.take(ctx)
	if err != nil {
		return nil, "", nil, err
	}
	return s.ns, n.claim.gatewayAddr().String(), sync.OnceFunc(func() { n.pool.retire(s) }), nil
}

// Absent is nil when there is a network, else the error that Acquire gives.
func (n *Network) Absent() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.absence == nil {
		return nil
	}
	err := dayfly.Errorf(dayfly.KindUnavailable, "sandboxes have no network: %s", n.absence.reason)
	if n.absence.remedy != "" {
		err = err.WithHint("%s", n.absence.remedy)
	}
	return err
}

// Feature tells whether this host gives sandboxes a network of their own, how or
// why not, and the remedy.
func (n *Network) Feature() (given bool, detail, remedy string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.absence != nil {
		return false, n.absence.reason, n.absence.remedy
	}
	detail = fmt.Sprintf("veth and nftables, addresses %s, interface %s",
		n.claim.block, n.claim.name)
	if n.rules.lacks != "" {
		detail += "; without " + n.rules.lacks
	}
	if chain := n.rules.hostile(); chain != "" {
		detail += fmt.Sprintf("; %s drops forwarded packets unless told otherwise", chain)
		remedy = "if functions cannot reach the internet, let the firewall forward what comes" +
			" from and goes to interfaces named dayfly*"
	}
	return true, detail, remedy
}

// Close removes the gateway, every namespace's link, the rules and what was changed
// on the host. Run must have returned.
func (n *Network) Close() error {
	n.mu.Lock()
	done := n.closed
	n.closed = true
	n.absence = &absence{reason: "the network of sandboxes is closed"}
	n.mu.Unlock()
	if done {
		return nil
	}
	return n.dismantle()
}

// dismantle frees what open took, in reverse, as far as it came.
func (n *Network) dismantle() error {
	var errs []error
	if n.pool != nil {
		n.pool.close()
	}
	if n.gateway != nil {
		errs = append(errs, n.gateway.close())
	}
	if n.rules != nil {
		errs = append(errs, n.rules.close())
	}
	if n.claim != nil {
		errs = append(errs, n.claim.close())
	}
	return errors.Join(errs...)
}

func (n *Network) setAbsence(a *absence) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.absence = a
}
