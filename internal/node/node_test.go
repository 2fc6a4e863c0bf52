// SPDX-License-Identifier: Apache-2.0

package node_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	_ "github.com/dayfly-faas/dayfly/internal/airlock" // the test binary is also the airlock
	"github.com/dayfly-faas/dayfly/internal/manifest"
	"github.com/dayfly-faas/dayfly/internal/node"
)

// running is a node with its doors open.
type running struct {
	t       testing.TB
	dir     string
	gateway string
	client  *client.Client
	stop    func() error
}

// start runs a node on a folder until the test ends, or stop is called.
func start(t testing.TB, dir string) *running {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: sandboxes with limits")
	}
	cfg := node.DefaultConfig()
	cfg.DataDir, cfg.Listen, cfg.API = dir, "127.0.0.1:0", "127.0.0.1:0"
	cfg.MemoryBytes, cfg.StemsPerRuntime, cfg.DrainTimeout = 2<<30, 2, 10*time.Second
	urls := make(chan [2]string, 1)
	cfg.Started = func(gateway, api string) { urls <- [2]string{gateway, api} }
	n, err := node.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	r := &running{t: t, dir: dir, stop: sync.OnceValue(func() error { cancel(); return <-ended })}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("node ended with %v", err)
		}
	})
	select {
	case u := <-urls:
		r.gateway = u[0]
		token, err := os.ReadFile(filepath.Join(dir, "token"))
		if err != nil {
			t.Fatal(err)
		}
		if r.client, err = client.New(client.Options{URL: u[1], Token: strings.TrimSpace(string(token))}); err != nil {
			t.Fatal(err)
		}
	case err := <-ended:
		t.Fatalf("node did not start: %v", err)
	case <-time.After(30 * time.Second):
		t.Fatal("node did not start within 30 s")
	}
	return r
}

// deploy makes code live as a Python handler.
func (r *running) deploy(name, code string, settings client.Settings) (*client.Outcome, error) {
	r.t.Helper()
	file := filepath.Join(r.t.TempDir(), "app.py")
	if err := os.WriteFile(file, []byte(code), 0o644); err != nil {
		r.t.Fatal(err)
	}
	source, err := client.OpenSource(file)
	if err != nil {
		r.t.Fatal(err)
	}
	defer source.Close()
	if _, err := r.client.Upload(r.t.Context(), source); err != nil {
		r.t.Fatal(err)
	}
	ref := dayfly.FunctionRef{Project: dayfly.DefaultProject, Name: dayfly.FunctionName(name)}
	return r.client.Deploy(r.t.Context(), client.DeployRequest{Function: ref, Source: source.Digest, Settings: settings}, nil)
}

func (r *running) mustDeploy(name, code string, settings client.Settings) {
	r.t.Helper()
	if _, err := r.deploy(name, code, settings); err != nil {
		r.t.Fatalf("deploy %s: %v", name, err)
	}
}

func (r *running) get(name string) (int, string) {
	resp, err := http.Get(r.gateway + "/function/" + name)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(body)
}

func saying(text string) string {
	return fmt.Sprintf("def handler(event, context):\n    return %q\n", text)
}

func TestSwitchUnderLoadFailsNoCall(t *testing.T) {
	r := start(t, t.TempDir())
	r.mustDeploy("f", saying("v1"), client.Settings{})
	var calls, bad atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				status, body := r.get("f")
				calls.Add(1)
				if status != 200 || !strings.HasPrefix(body, "v") {
					bad.Add(1)
					t.Errorf("call during a switch = %d %q", status, body)
				}
			}
		})
	}
	for v := 2; v <= 6; v++ {
		before := calls.Load()
		for calls.Load() < before+50 { // the old revision is under load
			time.Sleep(time.Millisecond)
		}
		r.mustDeploy("f", saying(fmt.Sprint("v", v)), client.Settings{})
		if _, body := r.get("f"); body != fmt.Sprint("v", v) {
			t.Errorf("call after revision %d went live = %q", v, body)
		}
	}
	cancel()
	wg.Wait()
	t.Logf("%d calls over 5 switches, %d failed", calls.Load(), bad.Load())
}

func TestBrokenDeployLeavesTheOldRevisionServing(t *testing.T) {
	r := start(t, t.TempDir())
	r.mustDeploy("f", saying("good"), client.Settings{})
	_, err := r.deploy("f", "import nothing_of_that_name\ndef handler(e, c): return 1\n", client.Settings{})
	if err == nil || !strings.Contains(err.Error(), "nothing_of_that_name") {
		t.Errorf("deploy of broken code = %v, want an error that names the module", err)
	}
	if status, body := r.get("f"); status != 200 || body != "good" {
		t.Errorf("call after a broken deploy = %d %q, want the old revision", status, body)
	}
	if _, err := r.deploy("new", "def handler(e, c: return 1\n", client.Settings{}); err == nil {
		t.Error("deploy of code that does not parse went well")
	}
	if status, _ := r.get("new"); status != 404 {
		t.Errorf("function whose first deploy failed answers %d, want 404", status)
	}
}

func TestOverloadIsRefusedEarlyAndEverythingTakenIsServed(t *testing.T) {
	r := start(t, t.TempDir())
	one, depth := int64(1), int64(4)
	settings := client.Settings{}
	settings.Instances = manifest.Instances{Max: &one}
	settings.Queue = manifest.Queue{Depth: &depth}
	r.mustDeploy("slow", "import time\ndef handler(e, c):\n    time.sleep(0.05)\n    return 'done'\n", settings)
	var served, refused, other atomic.Int64
	var wg sync.WaitGroup
	for range 60 {
		wg.Go(func() {
			resp, err := http.Get(r.gateway + "/function/slow")
			if err != nil {
				other.Add(1)
				return
			}
			defer resp.Body.Close()
			switch {
			case resp.StatusCode == 200:
				served.Add(1)
			case resp.StatusCode == 429 && resp.Header.Get("Retry-After") != "":
				refused.Add(1)
			default:
				other.Add(1)
			}
		})
	}
	wg.Wait()
	if served.Load() < 5 || refused.Load() == 0 || other.Load() != 0 {
		t.Errorf("60 calls at once: %d served, %d refused with Retry-After, %d otherwise", served.Load(), refused.Load(), other.Load())
	}
}

func TestStopWaitsForCallsInFlight(t *testing.T) {
	r := start(t, t.TempDir())
	r.mustDeploy("slow", "import time\ndef handler(e, c):\n    print('begun', flush=True)\n    time.sleep(0.5)\n    return 'done'\n", client.Settings{})
	answered := make(chan string, 1)
	go func() {
		status, body := r.get("slow")
		answered <- fmt.Sprint(status, " ", body)
	}()
	ref := dayfly.FunctionRef{Project: dayfly.DefaultProject, Name: "slow"}
	for line, err := range r.client.Logs(t.Context(), client.LogQuery{Function: ref, Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(line.Text, "begun") {
			break
		}
	}
	if err := r.stop(); err != nil {
		t.Errorf("stop = %v", err)
	}
	if got := <-answered; got != "200 done" {
		t.Errorf("call in flight at the stop = %s", got)
	}
}

func TestFunctionsSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir)
	first.mustDeploy("f", saying("still here"), client.Settings{})
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	second := start(t, dir)
	if status, body := second.get("f"); status != 200 || body != "still here" {
		t.Errorf("call after a restart = %d %q", status, body)
	}
}

func TestTwoNodesNeverShareAFolder(t *testing.T) {
	r := start(t, t.TempDir())
	cfg := node.DefaultConfig()
	cfg.DataDir, cfg.Listen, cfg.API = r.dir, "127.0.0.1:0", "127.0.0.1:0"
	n, err := node.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := n.Run(ctx); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second node on the folder = %v, want a refusal", err)
	}
	r.mustDeploy("f", saying("unharmed"), client.Settings{})
}

func TestRollbackGoesToThePreviousRevision(t *testing.T) {
	r := start(t, t.TempDir())
	ref := dayfly.FunctionRef{Project: dayfly.DefaultProject, Name: "f"}
	r.mustDeploy("f", saying("v1"), client.Settings{})
	if _, err := r.client.Rollback(t.Context(), ref, 0); dayfly.KindOf(err) != dayfly.KindConflict {
		t.Errorf("rollback of a first revision = %v, want a conflict", err)
	}
	r.mustDeploy("f", saying("v2"), client.Settings{})
	if _, err := r.client.Rollback(t.Context(), ref, 0); err != nil {
		t.Fatal(err)
	}
	if _, body := r.get("f"); body != "v1" {
		t.Errorf("call after rollback = %q, want v1", body)
	}
}

// BenchmarkWarmThroughHTTP measures trivial calls over 64 connections, the client's
// own work included.
func BenchmarkWarmThroughHTTP(b *testing.B) {
	r := start(b, b.TempDir())
	r.mustDeploy("f", saying("hello"), client.Settings{})
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	b.Cleanup(transport.CloseIdleConnections)
	b.SetParallelism(64 / runtime.GOMAXPROCS(0))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, _ := http.NewRequest(http.MethodGet, r.gateway+"/function/f", nil)
			resp, err := transport.RoundTrip(req)
			if err != nil {
				b.Error(err)
				return
			}
			if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "hello" {
				b.Errorf("answer = %q, %v", body, err)
			}
			_ = resp.Body.Close()
		}
	})
}
