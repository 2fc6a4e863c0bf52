// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	// soakDefault is how many cold starts the test makes; DAYFLY_SOAK=10000 makes as many as
	// a release wants.
	soakDefault = 240
	// soakWarmup is how many come before the first census: what is made once is made then.
	soakWarmup = 48
	// soakers start and end instances at once.
	soakers = 4
	// soakPatience is how long what ended may take to be gone.
	soakPatience = 2 * time.Minute
	// The node keeps idle connections, threads and goroutines of its own, which come and go;
	// a leak shows in a multiple of the rounds.
	soakFiles, soakThreads, soakGoroutines = 24, 24, 100
	// soakZygotes is how many processes the node may keep that instances are forked from, each
	// in a box of its own.
	soakZygotes = 3
	// soakMemory is how many KiB the node may grow: the logs' rings fill.
	soakMemory = 96 << 10
)

// soakFunctions end their instances in every way, or leave something behind in them.
var soakFunctions = map[string]struct {
	code, settings string
	status         int
}{
	"well":  {"def handler(event, context):\n    return {'statusCode': 200}\n", "", 200},
	"exits": {"import os\ndef handler(event, context):\n    os._exit(3)\n", "", 502},
	"hog": {"def handler(event, context):\n    held = []\n    while True:\n        held.append(b'x' * 1000000)\n",
		"memory: 64Mi", 502},
	"late": {"import time\ndef handler(event, context):\n    time.sleep(60)\n", "timeout: 200ms", 504},
	"leaver": {`import os, socket, subprocess, threading, time
kept = []
def handler(event, context):
    for _ in range(5):
        if os.fork() == 0:
            os.setsid()
            time.sleep(600)
            os._exit(0)
    kept.append(subprocess.Popen(["sleep", "600"]))
    kept.extend(socket.create_server(("127.0.0.1", 0)) for _ in range(20))
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    with open("/tmp/left", "wb") as f:
        f.write(b"x" * 4000000)
    return {'statusCode': 200}
`, "", 200},
}

// soakCensus counts what instances could leave behind on the host.
type soakCensus struct {
	Processes, Cgroups, Mounts, Folders int // but for zygotes
	Files, Threads, Goroutines, Memory  int // about; Memory in KiB
}

// TestSoakLeavesNothing starts and ends instances in every way, and counts before and after;
// then the node is killed, and the next one finds nothing of it either.
func TestSoakLeavesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: hundreds of cold starts")
	}
	skipUnlessAble(t)
	rounds := soakDefault
	if text := os.Getenv("DAYFLY_SOAK"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("DAYFLY_SOAK: %v", err)
		}
		rounds = n
	}
	// Without a stock of stems what is there at rest does not depend on the demand before.
	w := &soakWorld{crashWorld: &crashWorld{t: t, dir: t.TempDir(), more: []string{"--stems", "0"},
		http: &http.Client{Timeout: time.Minute}}}
	w.start()
	fresh := w.take()
	w.deploy()
	w.soak(soakWarmup)
	before := w.rests(fresh)
	w.soak(rounds)
	before.Processes, before.Cgroups, before.Folders = fresh.Processes, fresh.Cgroups, fresh.Folders
	after := w.rests(before)
	t.Logf("%d cold starts: %+v before, %+v after", w.colds.Load(), before, after)
	if int(w.colds.Load()) < soakWarmup+rounds {
		t.Errorf("%d cold starts, want at least %d", w.colds.Load(), soakWarmup+rounds)
	}

	w.leave()
	old := w.descendants()
	if len(old) <= fresh.Processes+soakZygotes {
		t.Fatalf("%d processes when the node is killed: no instance is there", len(old))
	}
	w.check(w.cmd.Process.Signal(syscall.SIGKILL))
	_ = w.cmd.Wait()
	w.start()
	w.rests(fresh)
	for pid, began := range old {
		if startOf(pid) == began {
			t.Errorf("process %d of the killed node is still there", pid)
		}
	}
}

// soakWorld is a node whose remains are counted.
type soakWorld struct {
	*crashWorld
	colds atomic.Int64
}

func (w *soakWorld) deploy() {
	w.t.Helper()
	manifest := "functions:\n"
	for name, f := range soakFunctions {
		folder := filepath.Join(w.dir, "app", name)
		w.check(os.MkdirAll(folder, 0o755))
		w.check(os.WriteFile(filepath.Join(folder, "app.py"), []byte(f.code), 0o644))
		manifest += "  " + name + ":\n    source: ./" + name + "\n"
		if f.settings != "" {
			manifest += "    " + f.settings + "\n"
		}
	}
	w.check(os.WriteFile(filepath.Join(w.dir, "app", "dayfly.yaml"), []byte(manifest), 0o644))
	cmd := exec.Command(filepath.Join(binary, "dayfly"), "deploy", filepath.Join(w.dir, "app"))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "DAYFLY_DATA=" + filepath.Join(w.dir, "data")}
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("deploy: %v\n%s", err, out)
	}
}

// soak makes that many cold starts.
func (w *soakWorld) soak(rounds int) {
	w.t.Helper()
	names := make([]string, 0, len(soakFunctions))
	for name := range soakFunctions {
		names = append(names, name)
	}
	var next atomic.Int64
	var group sync.WaitGroup
	for range soakers {
		group.Go(func() {
			for n := next.Add(1); n <= int64(rounds); n = next.Add(1) {
				w.round(names[int(n)%len(names)])
			}
		})
	}
	group.Wait()
}

// round calls a function that has no instance, and ends what it got.
func (w *soakWorld) round(name string) {
	status, err := w.ask(w.t.Context(), http.MethodGet, w.gateway+"/function/"+name, nil, "")
	if err != nil || status != soakFunctions[name].status {
		w.t.Errorf("%s answered %d, %v; want %d", name, status, err, soakFunctions[name].status)
		return
	}
	w.colds.Add(1)
	w.evict(name)
}

func (w *soakWorld) evict(name string) {
	header := http.Header{"Authorization": {"Bearer " + w.token}}
	status, err := w.ask(context.Background(), http.MethodPost,
		w.api+"/v1/projects/default/functions/"+name+"/evict", header, "")
	if err != nil || status != http.StatusOK {
		w.t.Errorf("evict %s: %d, %v", name, status, err)
	}
}

// leave leaves instances behind that run, and such as were left by their functions.
func (w *soakWorld) leave() {
	for _, name := range []string{"well", "leaver"} {
		if status, err := w.ask(w.t.Context(), http.MethodGet, w.gateway+"/function/"+name, nil, ""); status != 200 {
			w.t.Errorf("%s answered %d, %v", name, status, err)
		}
	}
}

// rests waits until the node holds no more than it held, and gives what it holds then.
func (w *soakWorld) rests(before soakCensus) soakCensus {
	w.t.Helper()
	var now soakCensus
	for until := time.Now().Add(soakPatience); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		for name := range soakFunctions {
			if before.Folders > 0 && w.colds.Load() > 0 {
				w.evict(name)
			}
		}
		w.http.CloseIdleConnections()
		now = w.take()
		if now.within(before) {
			return now
		}
	}
	w.t.Errorf("the node holds %+v, want at most %+v and little more", now, before)
	for pid := range w.descendants() {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		w.t.Logf("process %d: %q", pid, strings.ReplaceAll(string(line), "\x00", " "))
	}
	return now
}

func (c soakCensus) within(before soakCensus) bool {
	return c.Processes <= before.Processes+soakZygotes && c.Cgroups <= before.Cgroups+soakZygotes &&
		c.Mounts <= before.Mounts && c.Folders <= before.Folders+soakZygotes && c.Files <= before.Files+soakFiles &&
		c.Threads <= before.Threads+soakThreads && c.Goroutines <= before.Goroutines+soakGoroutines &&
		c.Memory <= before.Memory+soakMemory
}

func (w *soakWorld) take() soakCensus {
	w.t.Helper()
	data := filepath.Join(w.dir, "data")
	var c soakCensus
	c.Processes = len(w.descendants())
	sum := sha256.Sum256([]byte(data))
	group := "dayfly-" + hex.EncodeToString(sum[:4])
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && strings.Contains(path, group) {
			c.Cgroups++
		}
		return nil // what goes while it is looked at is gone
	})
	for _, file := range []string{"/proc/self/mounts", fmt.Sprintf("/proc/%d/mounts", w.cmd.Process.Pid)} {
		mounts, err := os.ReadFile(file)
		w.check(err)
		c.Mounts += strings.Count(string(mounts), data)
	}
	_ = filepath.WalkDir(filepath.Join(data, "run"), func(string, fs.DirEntry, error) error {
		c.Folders++
		return nil
	})
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", w.cmd.Process.Pid))
	w.check(err)
	c.Files = len(files)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid))
	w.check(err)
	c.Threads = numberAfter(string(status), "Threads:")
	c.Memory = numberAfter(string(status), "VmRSS:")
	c.Goroutines = numberAfter(w.metrics(), "go_goroutines")
	return c
}

func (w *soakWorld) metrics() string {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodGet, w.api+"/metrics", nil)
	w.check(err)
	req.Header.Set("Authorization", "Bearer "+w.token)
	res, err := w.http.Do(req)
	w.check(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	w.check(err)
	return string(text)
}

func numberAfter(text, name string) int {
	found := regexp.MustCompile(`(?m)^` + name + `\s+(\d+)`).FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(found[1])
	return n
}

// descendants gives the processes below the node, and when each began.
func (w *soakWorld) descendants() map[int]string {
	w.t.Helper()
	entries, err := os.ReadDir("/proc")
	w.check(err)
	children := map[int][]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if fields := statOf(pid); len(fields) > 1 {
			parent, _ := strconv.Atoi(fields[1])
			children[parent] = append(children[parent], pid)
		}
	}
	found := map[int]string{}
	for next := children[w.cmd.Process.Pid]; len(next) > 0; next = next[1:] {
		if began := startOf(next[0]); began != "" {
			found[next[0]] = began
		}
		next = append(next, children[next[0]]...)
	}
	return found
}

// statOf gives the fields of a process from its state on, or nil when it is gone.
func statOf(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
}

// startOf gives when a process began, in ticks since the boot; "" when it has ended.
func startOf(pid int) string {
	const startField = 19 // the 22nd of proc(5), less the two before the state
	if fields := statOf(pid); len(fields) > startField && fields[0] != "Z" {
		return fields[startField]
	}
	return ""
}
