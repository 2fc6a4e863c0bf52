// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/catalog"
)

// door is a server and where it listens.
type door struct {
	*http.Server
	listener net.Listener
}

// listen opens a door's address, and explains when that cannot be.
func listen(name, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, dayfly.Errorf(dayfly.KindConflict, "the %s cannot listen on %s: another program does", name, addr).
			WithHint("stop it, or choose another address; port 0 takes one that is free")
	case err != nil:
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the %s cannot listen on %s: %w", name, addr, err)
	}
	return l, nil
}

// gatewayURL is where functions are reached from this machine.
func (n *Node) gatewayURL(l net.Listener) string { return "http://" + reachable(l.Addr()) }

// reachable names an address that listens everywhere by one that can be called.
func reachable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsUnspecified() {
		return addr.String()
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// serve runs everything until ctx ends, then drains.
func (n *Node) serve(ctx context.Context) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	failed := make(chan error, 16)
	run := func(name string, f func(context.Context) error) {
		wg.Go(func() {
			if err := f(background); err != nil && background.Err() == nil {
				failed <- fmt.Errorf("run %s: %w", name, err)
			}
		})
	}
	unwatch := n.catalog.Watch(func(c catalog.Change) { n.follow(background, c) })
	run("bus", n.bus.Run)
	run("runtimes", n.runtimes.Run)
	run("egress", n.network.Run)
	run("logs", n.logs.Run)
	run("values", n.values.Run)
	run("objects", n.objects.Run)
	run("telemetry", n.telemetry.Run)
	run("pool", n.pool.Run)
	run("scheduler", n.scheduler.Run)
	run("queue", n.queue.Run)
	run("topic", n.topic.Run)
	run("triggers", n.triggers.Run)
	run("crons", n.timer.Run)
	run("sweeping", n.sweep)
	run("routes", n.public.RunFronts)
	run("limits", n.routing.limiter.Run)
	run("login secrets", n.routing.secrets.Run)
	run("login sessions", n.routing.sessions.Run)
	if n.accesses != nil {
		run("access log", n.accesses.Run)
	}
	run("gateway", n.gateway.run)
	run("TLS door", n.secure.run)
	run("management API", n.api.run)
	run("S3 door", n.s3.run)
	n.prepare(background)
	if n.cfg.Started != nil {
		n.cfg.Started(n.gatewayURL(n.gateway.listener), "http://"+reachable(n.api.listener.Addr()))
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	n.drain()
	unwatch()
	err = errors.Join(err, n.pool.Close())
	stop()
	wg.Wait()
	return err
}

// run serves until Shutdown.
func (d door) run(context.Context) error {
	if err := d.Serve(d.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// drain takes no more events, closes the doors and waits for calls in flight, the gateway's
// first: while it drains, the management API still tells what is going on.
func (n *Node) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), n.cfg.DrainTimeout)
	defer cancel()
	var events sync.WaitGroup
	events.Go(func() { n.queue.Drain(ctx) })
	defer events.Wait()
	shut := func(d door) {
		if err := d.Shutdown(ctx); err != nil {
			n.log.Warn("calls in flight were cut off", "after", n.cfg.DrainTimeout, "calls", n.invoker.Inflight())
			_ = d.Close()
		}
	}
	var public sync.WaitGroup // both ways in close at once
	public.Go(func() { shut(n.gateway) })
	if n.secure.certificates != nil {
		public.Go(func() { shut(n.secure.door) })
	}
	public.Wait()
	shut(n.api)
	for n.invoker.Inflight() > 0 && ctx.Err() == nil { // upgraded connections are not the server's to wait for
		time.Sleep(10 * time.Millisecond)
	}
	_ = n.s3.Close() // last: functions in flight may still read and write objects
}

// sweepPeriod is how often bundles that no revision uses are removed.
const sweepPeriod = time.Hour

// sweep removes bundles and sources that no revision names any more.
func (n *Node) sweep(ctx context.Context) error {
	tick := time.NewTicker(sweepPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		used := n.catalog.Bundles()
		swept, err := n.bundles.Sweep(ctx, func(d dayfly.Digest) bool { return used[d] })
		if err != nil && ctx.Err() == nil {
			n.log.Warn("unused bundles were not swept", "error", err)
		}
		if swept > 0 {
			n.log.Info("unused bundles were swept", "count", swept)
		}
	}
}

// follow keeps the pool in step with what is live.
func (n *Node) follow(ctx context.Context, c catalog.Change) {
	n.pool.Retire(c.Function, c.Live)
	if c.Live == nil {
		n.telemetry.Forget(c.Function)
		return
	}
	n.pool.Prepare(ctx, c.Live)
}

// prepare readies stems for what was live when the node started.
func (n *Node) prepare(ctx context.Context) {
	for _, f := range n.catalog.Functions("") {
		if rev, err := n.catalog.Resolve(f.FunctionRef, dayfly.LiveAlias); err == nil {
			n.pool.Prepare(ctx, rev)
		}
	}
}

func (n *Node) onClose(f func() error) { n.closers = append(n.closers, f) }

// close frees what was opened, in reverse.
func (n *Node) close() error {
	var errs []error
	for i := len(n.closers) - 1; i >= 0; i-- {
		errs = append(errs, n.closers[i]())
	}
	return errors.Join(errs...)
}
