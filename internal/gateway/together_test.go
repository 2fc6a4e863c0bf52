// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/catalog"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway"
	"github.com/dayfly-faas/dayfly/internal/gateway/crowd"
	"github.com/dayfly-faas/dayfly/internal/gateway/limit"
	"github.com/dayfly-faas/dayfly/internal/store"
)

// counting is a listener whose connections count what is written to them.
type counting struct {
	net.Listener
	writes atomic.Int64
}

// Accept implements net.Listener.
func (l *counting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return countingConn{c, l}, err
}

type countingConn struct {
	net.Conn
	l *counting
}

// Write implements net.Conn.
func (c countingConn) Write(p []byte) (int, error) {
	c.l.writes.Add(1)
	return c.Conn.Write(p)
}

// sited serves a site of files through a listener that counts.
func sited(t *testing.T, files map[string][]byte) (url string, writes *atomic.Int64) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	log := slog.New(slog.DiscardHandler)
	b := bus.New(bus.Config{Dir: t.TempDir()}, log)
	if err := b.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	counts := store.New(b, bus.BucketLimits, log)
	if err := counts.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	limiter := limit.New(limit.Config{}, log, counts)
	if err := limiter.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	of := &catalog.Front{Project: "shop", Version: 1, Front: &front.Front{Hosts: []string{"127.0.0.1"},
		Routes: map[string]front.Route{"/{path...}": {Site: &front.Site{Digest: "sha256:00"}}}}}
	g := gateway.New(answers, gateway.Async{}, log, gateway.Deps{Catalog: shows{of}, Limiter: limiter,
		Folder: func(context.Context, dayfly.Digest) (string, error) { return dir, nil }})
	if err := g.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &counting{Listener: l}
	server := g.Server()
	many := crowd.New(crowd.Config{Connections: 10}, log)
	many.Guard(server)
	go func() { _ = server.Serve(many.Listen(c)) }()
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + l.Addr().String(), &c.writes
}

// A small file and its head are one write; a large one comes whole, and the connection
// serves what follows.
func TestSmallFilesAreSentInOnePiece(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{"empty.txt": {}, "small.bin": bytes.Repeat([]byte("s"), 4096),
		"middle.bin": bytes.Repeat([]byte("m"), 20_000), "large.bin": bytes.Repeat([]byte("l"), 3<<20)}
	url, writes := sited(t, files)
	client := &http.Client{Timeout: time.Minute}
	get := func(name string) {
		t.Helper()
		resp, err := client.Get(url + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		got, err := io.ReadAll(resp.Body)
		if err != nil || !bytes.Equal(got, files[name]) || resp.ContentLength != int64(len(files[name])) {
			t.Errorf("%s came as %d bytes of %d, %v", name, len(got), resp.ContentLength, err)
		}
	}
	for range 2 {
		for name := range files {
			get(name)
		}
	}
	before := writes.Load()
	get("small.bin")
	if n := writes.Load() - before; n != 1 {
		t.Errorf("a file of 4 KiB took %d writes", n)
	}
	resp, err := client.Head(url + "/small.bin")
	if err != nil || resp.ContentLength != 4096 {
		t.Errorf("HEAD gave %v, %v", resp, err)
	}
}
