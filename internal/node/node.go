// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api"
	"github.com/dayfly-faas/dayfly/internal/blob"
	"github.com/dayfly-faas/dayfly/internal/blob/notice"
	"github.com/dayfly-faas/dayfly/internal/build"
	"github.com/dayfly-faas/dayfly/internal/bundle"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/catalog"
	"github.com/dayfly-faas/dayfly/internal/clock"
	"github.com/dayfly-faas/dayfly/internal/config"
	"github.com/dayfly-faas/dayfly/internal/egress"
	"github.com/dayfly-faas/dayfly/internal/egress/courier"
	"github.com/dayfly-faas/dayfly/internal/gateway"
	"github.com/dayfly-faas/dayfly/internal/gateway/crowd"
	"github.com/dayfly-faas/dayfly/internal/gateway/journal"
	"github.com/dayfly-faas/dayfly/internal/invoke"
	"github.com/dayfly-faas/dayfly/internal/kv"
	"github.com/dayfly-faas/dayfly/internal/logs"
	"github.com/dayfly-faas/dayfly/internal/pool"
	"github.com/dayfly-faas/dayfly/internal/queue"
	"github.com/dayfly-faas/dayfly/internal/rollout"
	"github.com/dayfly-faas/dayfly/internal/sandbox/process"
	"github.com/dayfly-faas/dayfly/internal/scheduler"
	"github.com/dayfly-faas/dayfly/internal/store"
	"github.com/dayfly-faas/dayfly/internal/telemetry"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
	"github.com/dayfly-faas/dayfly/internal/topic"
	"github.com/dayfly-faas/dayfly/internal/trigger"
	"github.com/dayfly-faas/dayfly/internal/trigger/timer"
)

// Parts that satisfy interfaces of others, held by the compiler.
var (
	_ invoke.Executor = (*pool.Pool)(nil)
	_ invoke.Resolver = (*catalog.Catalog)(nil)
	_ invoke.Recorder = (*logs.Logs)(nil)
	_ invoke.Tracer   = (*telemetry.Telemetry)(nil)
	_ pool.Network    = (*egress.Network)(nil)
	_ pool.Bundles    = (*bundle.Store)(nil)
	_ pool.Runtimes   = (*toolchain.Set)(nil)
	_ pool.Lines      = (*logs.Logs)(nil)
	_ gateway.Invoker = (*invoke.Invoker)(nil)
	_ rollout.Builder = (*build.Builder)(nil)
	_ rollout.Prober  = (*pool.Pool)(nil)
)

// Node is one dayfly.
type Node struct {
	cfg Config
	log *slog.Logger

	bus       *bus.Bus
	catalog   *catalog.Catalog
	logs      *logs.Logs
	values    *kv.Values
	objects   *blob.Store
	notices   *notice.Board
	bundles   *bundle.Store
	runtimes  *toolchain.Set
	driver    *process.Driver
	network   *egress.Network
	callbacks *courier.Client // for URLs that users name
	telemetry *telemetry.Telemetry
	pool      *pool.Pool
	invoker   *invoke.Invoker
	queue     *queue.Queue
	topic     *topic.Topic
	triggers  *trigger.Triggers
	clock     *clock.Clock
	timer     *timer.Timer
	deployer  *rollout.Deployer
	scheduler *scheduler.Scheduler
	s3        s3Door
	accesses  *journal.Journal // nil: none
	clients   *crowd.Crowd     // of the public doors
	secure    secureDoor       // the public door with TLS
	routing   routing
	public    *gateway.Gateway // behind the door gateway
	gateway   door
	api       door

	management *api.API // behind the door api, and behind those inside boxes

	closers []func() error // what is open, in the order of opening
}

// New checks the configuration; it opens nothing.
func New(cfg Config, log *slog.Logger) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Node{cfg: cfg, log: log}, nil
}

// Run serves until ctx ends, then drains and stops.
//
//	1 open the ground: bus, catalog, logs     4 open the doors
//	2 open the mechanisms: boxes, network     5 serve until ctx ends
//	3 build the engine and the flow           6 drain, and close in reverse
func (n *Node) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, n.close()) }()
	for _, step := range []struct {
		name string
		open func(context.Context) error
	}{
		{"data folder", n.openFolder}, {"bus", n.openGround}, {"sandbox", n.openMechanisms},
		{"engine", n.buildEngine}, {"queue", n.openQueue}, {"triggers", n.openTriggers}, {"crons", n.openTimer},
		{"S3 door", n.openS3}, {"routing", n.openRouting},
		{"doors", n.buildDoors}, {"TLS", n.openTLS}, {"access log", n.openAccessLog}, {"clients", n.boundClients},
	} {
		if err := step.open(ctx); err != nil {
			return fmt.Errorf("open %s: %w", step.name, err)
		}
	}
	return n.serve(ctx)
}

// heapGoal is what this process tries to stay below: past it the embedded server's
// caches of recent messages give way. Ten times what an idle node uses.
const heapGoal = 400 << 20

// gcPercent lets the heap, a few megabytes when idle, grow to three times what is live
// before it is collected: a busy node collects half as often, for ten megabytes.
const gcPercent = 200

func (n *Node) openFolder(context.Context) error {
	debug.SetMemoryLimit(heapGoal)
	debug.SetGCPercent(gcPercent)
	dir, err := filepath.Abs(n.cfg.DataDir)
	if err != nil {
		return fmt.Errorf("find data folder: %w", err)
	}
	n.cfg.DataDir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return dayfly.Errorf(dayfly.KindInvalid, "the data folder cannot be made: %w", err)
	}
	return nil
}

func (n *Node) openGround(ctx context.Context) error {
	n.makeClock()
	n.bus = bus.New(bus.Config{Dir: n.cfg.DataDir, SyncInterval: n.cfg.SyncInterval,
		SyncAlways: n.cfg.SyncAlways}, n.component("bus"))
	if err := n.bus.Open(ctx); err != nil {
		return err
	}
	n.onClose(n.bus.Close)
	records := store.New(n.bus, bus.BucketCatalog, n.component("store"))
	if err := records.Open(ctx); err != nil {
		return err
	}
	n.catalog = catalog.New(records, n.component("catalog"))
	if err := n.catalog.Open(ctx); err != nil {
		return err
	}
	n.onClose(func() error { n.catalog.Close(); return nil })
	n.logs = logs.New(logs.Config{}, n.bus, n.component("logs"))
	if err := n.logs.Open(ctx); err != nil {
		return err
	}
	n.onClose(n.logs.Close)
	if err := n.openTopic(ctx); err != nil {
		return err
	}
	if err := n.openValues(ctx); err != nil {
		return err
	}
	if err := n.openObjects(ctx); err != nil {
		return err
	}
	var err error
	n.bundles, err = bundle.New(bundle.Config{Dir: n.path("cache", "bundles")}, n.component("bundle"),
		n.bus.Objects(bus.BucketBundles))
	if err != nil {
		return err
	}
	n.onClose(n.bundles.Close)
	n.telemetry = telemetry.New(telemetry.Config{ServiceVersion: n.cfg.Version, Node: n.id(),
		TraceEndpoint: n.cfg.TraceEndpoint, TraceSampleRatio: n.cfg.TraceSampleRatio}, n.component("telemetry"))
	n.onClose(n.telemetry.Close)
	return nil
}

func (n *Node) openMechanisms(ctx context.Context) error {
	n.runtimes = toolchain.New(toolchain.Config{Homes: n.cfg.Homes, Path: n.cfg.Path,
		CacheFile: n.path("cache", "runtimes.json")}, n.component("toolchain"))
	var err error
	n.driver, err = process.New(process.Config{RunDir: n.path("run"), CgroupName: n.cgroupName()},
		n.component("sandbox"))
	if err != nil {
		return err
	}
	n.onClose(n.driver.Close)
	n.network = egress.New(egress.Config{}, n.component("egress"))
	if err := n.network.Open(ctx); err != nil {
		return err
	}
	n.onClose(n.network.Close)
	n.callbacks = courier.New(n.cfg.CallbackAllow, n.network.Blocks)
	return nil
}

func (n *Node) buildEngine(context.Context) error {
	binary, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own executable: %w", err)
	}
	guests, err := n.installGuests()
	if err != nil {
		return err
	}
	n.pool = pool.New(pool.Config{Binary: binary, GuestDir: guests, GuestCache: n.path("cache", "guests"), MemoryBytes: n.cfg.MemoryBytes,
		StartsMax: n.cfg.StartsMax, StemsPerRuntime: n.cfg.StemsPerRuntime,
		ZygotesMax: n.cfg.ZygotesMax}, n.component("pool"),
		pool.Deps{Driver: n.driver, Network: n.network, Bundles: n.bundles, Runtimes: n.runtimes, Lines: n.logs,
			Doors: boxDoors{n}})
	builder := build.New(build.Config{Dir: n.path("cache", "build"), Binary: binary, Env: n.cfg.BuildEnv},
		n.component("build"), n.driver, n.network, n.runtimes, n.bundles)
	n.invoker = invoke.New(n.id(), n.catalog, n.pool, n.telemetry, n.logs, observer{n.telemetry})
	n.deployer = rollout.New(n.component("rollout"), n.catalog, builder, n.pool)
	n.scheduler = scheduler.New(n.component("scheduler"), n.pool, n.catalog)
	return n.gauges()
}

func (n *Node) buildDoors(ctx context.Context) error {
	token, err := config.Token(n.cfg.DataDir)
	if err != nil {
		return err
	}
	gatewayListener, err := listen("gateway", n.cfg.Listen)
	if err != nil {
		return err
	}
	n.onClose(func() error { _ = gatewayListener.Close(); return nil })
	apiListener, err := listen("management API", n.cfg.API)
	if err != nil {
		return err
	}
	n.onClose(func() error { _ = apiListener.Close(); return nil })
	n.public = gateway.New(n.invoker, n.async(apiListener), n.component("gateway"), n.gatewayDeps())
	management, err := api.New(api.Config{Token: token, Node: n.id(), Version: n.cfg.Version,
		GatewayURL: n.gatewayURL(gatewayListener)}, n.component("api"),
		n.apiDeps(n.gatewayURL(gatewayListener)))
	if err != nil {
		return err
	}
	n.management = management
	n.onClose(management.CloseBoxes)
	n.public.Mount(n.webhooks())
	if err := n.public.Settle(ctx); err != nil { // the other routes are shown; RunFronts tries again
		n.log.Error("routes could not be shown", "error", err)
	}
	n.clients = n.newCrowd()
	n.onClose(n.clients.Close)
	n.gateway = door{n.public.Server(), n.clients.Listen(gatewayListener)}
	n.api = door{&http.Server{Handler: management, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(n.component("api").Handler(), slog.LevelDebug)}, apiListener}
	n.api.RegisterOnShutdown(management.Close)
	return nil
}

func (n *Node) id() dayfly.NodeID {
	host, err := os.Hostname()
	if err != nil {
		host = "node"
	}
	return dayfly.NodeID(dayfly.SuggestName(host, "node"))
}

// cgroupName is the same for every start on a data folder, so that what a killed
// process left is found.
func (n *Node) cgroupName() string {
	sum := sha256.Sum256([]byte(n.cfg.DataDir))
	return "dayfly-" + hex.EncodeToString(sum[:4])
}

func (n *Node) path(parts ...string) string {
	return filepath.Join(append([]string{n.cfg.DataDir}, parts...)...)
}

func (n *Node) component(name string) *slog.Logger { return n.log.With("component", name) }
