// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
)

const (
	// syncIntervalDefault is the longest time that an acknowledged write may be
	// missing after a loss of power. At 100 ms a write costs what it costs without
	// any syncing; syncing each one is twelve times slower.
	syncIntervalDefault = 100 * time.Millisecond
	// startTimeout bounds Open. Starting takes milliseconds, recovering a directory
	// with a million messages after a crash some seconds.
	startTimeout = time.Minute
	// stopTimeout bounds Close. The server needs about ten milliseconds for each
	// durable consumer it has.
	stopTimeout = 10 * time.Second
	// memoryBytesMax bounds streams held in memory; the platform has none of its
	// own, the server wants some for its bookkeeping.
	memoryBytesMax = 64 << 20
	// consumersPerStreamMax lifts the server's limit of 1,000, which one durable
	// consumer per function would reach.
	consumersPerStreamMax = 200_000
)

// Config says where the bus keeps its data and how hard it holds on to it.
type Config struct {
	// Dir is the data directory; it is created when missing. The bus uses its
	// entries "jetstream" and "lock".
	Dir string
	// SyncInterval is how often written data is forced to the disk: what a loss of
	// power may cost. Default 100 ms.
	SyncInterval time.Duration
	// SyncAlways forces each write to the disk before it is acknowledged, in place of
	// SyncInterval: a loss of power costs nothing then, and each write ten times as much.
	SyncAlways bool
	// MaxStoreBytes bounds what streams with bounds take on disk together. Zero is
	// three quarters of what is free when the bus is opened.
	MaxStoreBytes int64
	// ServerName names this server; it must differ between the nodes of a
	// cluster. Default "dayfly".
	ServerName string
}

// Validate reports the first field that cannot be used.
func (c *Config) Validate() error {
	switch {
	case c.Dir == "":
		return dayfly.Errorf(dayfly.KindInvalid, "the data directory is not set")
	case c.SyncInterval < 0:
		return dayfly.Errorf(dayfly.KindInvalid, "sync interval %s is negative", c.SyncInterval)
	case c.MaxStoreBytes < 0:
		return dayfly.Errorf(dayfly.KindInvalid, "store limit of %d bytes is negative", c.MaxStoreBytes)
	}
	return nil
}

// Bus is an embedded server and the connections to it. Its methods may be called
// from any goroutine.
type Bus struct {
	cfg  Config
	log  *slog.Logger
	room room

	mu   sync.Mutex // guards open
	open *session
}

// session is what Open takes and Close frees.
type session struct {
	lock    *os.File
	server  *server.Server
	budget  int64 // what streams may take together
	conns   []*nats.Conn
	records jetstream.JetStream
	bulk    jetstream.JetStream
	work    jetstream.JetStream
	reads   jetstream.JetStream

	syncMu  sync.Mutex // guards syncers
	syncers map[string]*syncer
}

// New makes a bus. It opens nothing.
func New(cfg Config, log *slog.Logger) *Bus {
	if cfg.SyncInterval == 0 {
		cfg.SyncInterval = syncIntervalDefault
	}
	if cfg.ServerName == "" {
		cfg.ServerName = "dayfly"
	}
	return &Bus{cfg: cfg, log: log}
}

// Open takes the data directory, starts the server on it and connects to it.
func (b *Bus) Open(ctx context.Context) error {
	if err := b.cfg.Validate(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open != nil {
		return errors.New("open bus: it is open already")
	}
	if err := os.MkdirAll(b.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("create data directory: %w", err)
	}
	lock, err := lockDir(b.cfg.Dir)
	if err != nil {
		return err
	}
	start := time.Now()
	s := &session{lock: lock}
	if err := b.start(ctx, s); err != nil {
		return errors.Join(err, s.close())
	}
	b.open = s
	b.log.Info("bus opened", "dir", b.cfg.Dir, "took", time.Since(start))
	return nil
}

// Close ends the connections and the server, and lets go of the directory.
func (b *Bus) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		return nil
	}
	s := b.open
	b.open = nil
	return s.close()
}

// start runs the server and connects to it. What it took so far is in s, also when
// it fails.
func (b *Bus) start(ctx context.Context, s *session) error {
	words := &journal{log: b.log}
	srv, err := server.NewServer(b.options())
	if err != nil {
		return fmt.Errorf("make bus server: %w", err)
	}
	srv.SetLoggerV2(words, false, false, false)
	s.server = srv
	if err := serve(ctx, srv, words); err != nil {
		return fmt.Errorf("start bus server in %s: %w", b.cfg.Dir, err)
	}
	if s.budget, err = budgetOf(b.cfg.Dir, b.cfg.MaxStoreBytes, srv); err != nil {
		return err
	}
	if s.records, err = b.connect(s, "records"); err != nil {
		return err
	}
	if s.bulk, err = b.connect(s, "bulk"); err != nil {
		return err
	}
	if s.work, err = b.connect(s, "work"); err != nil {
		return err
	}
	s.reads, err = b.connect(s, "reads")
	return err
}

// serve starts srv and waits until it is ready, or ctx or the start timeout ends.
func serve(ctx context.Context, srv *server.Server, words *journal) error {
	started := make(chan error, 1)
	go func() {
		srv.Start()
		switch why := words.failure(); {
		case why != "":
			started <- errors.New(why)
		case !srv.ReadyForConnections(startTimeout):
			started <- fmt.Errorf("not ready after %s", startTimeout)
		default:
			started <- nil
		}
	}()
	select {
	case err := <-started:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (b *Bus) options() *server.Options {
	return &server.Options{
		ServerName:             b.cfg.ServerName,
		DontListen:             true,
		NoSigs:                 true,
		DisableJetStreamBanner: true,
		JetStream:              true,
		StoreDir:               filepath.Clean(b.cfg.Dir),
		SyncInterval:           b.cfg.SyncInterval,
		SyncAlways:             b.cfg.SyncAlways,
		JetStreamMaxStore:      unbounded,
		JetStreamMaxMemory:     memoryBytesMax,
		JetStreamLimits:        server.JSLimitOpts{DefaultMaxConsumers: consumersPerStreamMax},
		MaxPayload:             MessageBytesMax,
	}
}

// connect opens one connection inside the process. A slow reader on one of them
// does not hold up what travels on another.
func (b *Bus) connect(s *session, name string) (jetstream.JetStream, error) {
	conn, err := nats.Connect("", nats.Name("dayfly "+name),
		nats.InProcessServer(s.server),
		nats.MaxReconnects(-1),
		nats.IgnoreDiscoveredServers(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			b.log.Warn("bus connection faltered", "connection", name, "error", err)
		}))
	if err != nil {
		return nil, fmt.Errorf("connect %s to bus: %w", name, err)
	}
	s.conns = append(s.conns, conn)
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("use bus connection %s: %w", name, err)
	}
	return js, nil
}

// close frees what the session took, in the reverse order.
func (s *session) close() error {
	for _, conn := range s.conns {
		conn.Close()
	}
	if s.server != nil {
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			s.server.Shutdown()
			s.server.WaitForShutdown()
		}()
		select {
		case <-stopped:
		case <-time.After(stopTimeout):
			// The lock stays taken: the server may still be writing.
			return fmt.Errorf("stop bus server: not done after %s", stopTimeout)
		}
	}
	if err := unlock(s.lock); err != nil {
		return fmt.Errorf("release data directory: %w", err)
	}
	return nil
}

// JetStream gives the connection for small, quick requests: records and watches.
func (b *Bus) JetStream() (jetstream.JetStream, error) {
	s, err := b.session()
	if err != nil {
		return nil, err
	}
	return s.records, nil
}

// Bulk gives the connection for much data: logs and objects.
func (b *Bus) Bulk() (jetstream.JetStream, error) {
	s, err := b.session()
	if err != nil {
		return nil, err
	}
	return s.bulk, nil
}

// Work gives the connection for events on their way: neither logs nor objects hold
// them up.
func (b *Bus) Work() (jetstream.JetStream, error) {
	s, err := b.session()
	if err != nil {
		return nil, err
	}
	return s.work, nil
}

// Reads gives the connection for reading many messages at once, which holds up what else
// travels on it.
func (b *Bus) Reads() (jetstream.JetStream, error) {
	s, err := b.session()
	if err != nil {
		return nil, err
	}
	return s.reads, nil
}

// KeyValue opens a bucket of records, creating it when missing.
func (b *Bus) KeyValue(ctx context.Context, bucket string) (jetstream.KeyValue, error) {
	js, err := b.JetStream()
	if err != nil {
		return nil, err
	}
	kv, err := js.CreateOrUpdateKeyValue(ctx, recordBucket(bucket))
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", bucket, err)
	}
	return kv, nil
}

// LogStream opens the stream of logs with these bounds, creating it when missing.
func (b *Bus) LogStream(ctx context.Context, bounds Bounds) (jetstream.Stream, error) {
	return b.Stream(ctx, logStream(bounds))
}

// Stream opens a stream of subjects.go, creating it when missing and giving it the
// bounds of cfg when it has others. Where the disk is too small for those of all streams it
// gets its part of what there is.
func (b *Bus) Stream(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	js, err := b.Bulk()
	if err != nil {
		return nil, err
	}
	if cfg.MaxBytes, err = b.fitted(ctx, js, cfg.Name, cfg.MaxBytes); err != nil {
		return nil, fmt.Errorf("find room for stream %s: %w", cfg.Name, err)
	}
	stream, err := js.CreateOrUpdateStream(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", cfg.Name, err)
	}
	return stream, nil
}

func (b *Bus) session() (*session, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		return nil, dayfly.Errorf(dayfly.KindUnavailable, "the bus is not open")
	}
	return b.open, nil
}
