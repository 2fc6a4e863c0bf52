// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// crashesDefault keeps the test short; DAYFLY_CRASHES=300 kills as often as a
	// release wants.
	crashesDefault = 12
	// lifeMax is how long a node lives at most before it is killed, counted from when
	// it serves.
	lifeMax = 700 * time.Millisecond
	// pushers push at once, each one event after the other, in the ways of crash_ways_test.go.
	pushers = 9
	// settleTimeout is how long what was accepted may take to be executed: visibility
	// time-outs of what was under way at the last kill included.
	settleTimeout = 3 * time.Minute
	// underWayMax bounds what can be under way when a node is killed, and so what may
	// run twice for each kill: the instances of five functions, a batch in some.
	underWayMax = 250
)

// crashWorld is a node that is killed again and again, and what was asked of it.
type crashWorld struct {
	t    *testing.T
	dir  string
	cmd  *exec.Cmd
	http *http.Client
	more []string // flags of the node
	env  []string // of the node

	gateway, api, token string

	mu       sync.Mutex      // guards the rest
	accepted map[string]bool // by the identity in the body
	keyed    map[string]bool // identities that were pushed under a key, until accepted
	doubtful []string        // keyed ones that nobody knows to be accepted
	pushed   int
	steps    int // of the ordered queue that were accepted
}

// TestKilledAtRandomLosesNothing kills the node under load, at moments of no choice, and
// counts: what was accepted runs at least once, what runs twice was under way, and an
// effect that is written under a key is there once.
func TestKilledAtRandomLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the node is killed and started many times")
	}
	skipUnlessAble(t)
	crashes := crashesDefault
	if text := os.Getenv("DAYFLY_CRASHES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("DAYFLY_CRASHES: %v", err)
		}
		crashes = n
	}
	w := &crashWorld{t: t, dir: t.TempDir(), http: &http.Client{Timeout: 10 * time.Second},
		accepted: map[string]bool{}, keyed: map[string]bool{}}
	w.start()
	w.deploy()
	for i := range crashes {
		w.load(i)
		w.start()
		w.pushAgain()
	}
	runs := w.settle()
	var lost, unkeyed []string
	twice, ways := 0, map[string]int{}
	for id := range w.accepted {
		if runs[id] == 0 {
			lost = append(lost, id)
		}
	}
	for id, n := range runs {
		twice += max(0, n-1)
		ways[wayOf(id)] += max(0, n-1)
	}
	effects := w.values("effects")
	for id := range w.keyed {
		if effects[id] == "" {
			unkeyed = append(unkeyed, id)
		}
	}
	t.Logf("%d kills: %d pushed, %d accepted, %d ran, %d repetitions, %d keyed effects",
		crashes, w.pushed, len(w.accepted), len(runs), twice, len(effects))
	t.Logf("repetitions by way: %v", ways)
	if len(w.accepted) < 10*crashes {
		t.Errorf("only %d events were accepted between %d kills", len(w.accepted), crashes)
	}
	if len(lost) > 0 {
		t.Errorf("%d accepted events were lost: %.500q", len(lost), lost)
	}
	if len(unkeyed) > 0 {
		t.Errorf("%d keyed events had no effect: %.500q", len(unkeyed), unkeyed)
	}
	if twice > crashes*underWayMax {
		t.Errorf("%d repetitions after %d kills: more than can have been under way", twice, crashes)
	}
	w.oneEventForEachKey()
	w.inOrder()
	w.inTime()
	w.eachDueTimeOnce()
	w.nothingIsSaidToWait()
}

// start starts the node on the same data and waits until it serves.
func (w *crashWorld) start() {
	w.t.Helper()
	log, err := os.OpenFile(filepath.Join(w.dir, "up.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	w.check(err)
	defer log.Close()
	data := filepath.Join(w.dir, "data")
	flags := append([]string{"up", "--json", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0",
		"--s3", "127.0.0.1:0", "--stems", "1", "--data", data}, w.more...)
	w.cmd = exec.Command(filepath.Join(binary, "dayfly"), flags...)
	w.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir}, w.env...)
	w.cmd.Stderr = log
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := w.cmd.StdoutPipe()
	w.check(err)
	w.check(w.cmd.Start())
	cmd := w.cmd
	w.t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		text, _ := os.ReadFile(filepath.Join(w.dir, "up.log"))
		w.t.Fatalf("the node did not come up: %v\n%s", err, text)
	}
	var at struct {
		Gateway string `json:"gateway_url"`
		API     string `json:"api_url"`
	}
	w.check(json.Unmarshal([]byte(line), &at))
	token, err := os.ReadFile(filepath.Join(data, "token"))
	w.check(err)
	w.gateway, w.api, w.token = at.Gateway, at.API, strings.TrimSpace(string(token))
}

// deploy makes one function for each way in.
func (w *crashWorld) deploy() {
	w.t.Helper()
	folder := filepath.Join(w.dir, "app")
	for name, text := range crashFunctions() {
		w.check(os.MkdirAll(filepath.Join(folder, name), 0o755))
		w.check(os.WriteFile(filepath.Join(folder, name, "app.py"), []byte(text), 0o644))
	}
	w.check(os.WriteFile(filepath.Join(folder, "dayfly.yaml"), []byte(crashManifest), 0o644))
	deploy := exec.Command(filepath.Join(binary, "dayfly"), "deploy", folder)
	deploy.Env = []string{"PATH=" + os.Getenv("PATH"), "DAYFLY_DATA=" + filepath.Join(w.dir, "data")}
	if out, err := deploy.CombinedOutput(); err != nil {
		w.t.Fatalf("deploy: %v\n%s", err, out)
	}
}

// load pushes events until the node is killed under it.
func (w *crashWorld) load(crash int) {
	ctx, cancel := context.WithCancel(w.t.Context())
	var group sync.WaitGroup
	for pusher := range pushers {
		group.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				w.push(ctx, fmt.Sprintf("e-%d-%d-%d", crash, pusher, n), pusher%wayMax)
			}
		})
	}
	time.Sleep(time.Duration(rand.Int64N(int64(lifeMax))))
	w.check(w.cmd.Process.Signal(syscall.SIGKILL))
	_ = w.cmd.Wait()
	cancel()
	group.Wait()
}

// pushAgain pushes what has a key and may have been accepted or not: the key makes it one.
func (w *crashWorld) pushAgain() {
	doubtful := w.doubtful
	w.doubtful = nil
	for _, id := range doubtful {
		w.push(w.t.Context(), id, wayKeyed)
	}
	if len(w.doubtful) > 0 {
		w.t.Errorf("%d events with a key were not accepted by a node that serves", len(w.doubtful))
	}
}

func (w *crashWorld) ask(ctx context.Context, method, url string, header http.Header, body string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	w.check(err)
	req.Header = header
	res, err := w.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return 0, err
	}
	return res.StatusCode, nil
}

// settle waits until what was accepted has run, and gives how often each event did.
func (w *crashWorld) settle() map[string]int {
	w.t.Helper()
	runs := map[string]int{}
	for until := time.Now().Add(settleTimeout); time.Now().Before(until); time.Sleep(200 * time.Millisecond) {
		clear(runs)
		for id, count := range w.values("runs") {
			n, err := strconv.Atoi(count)
			w.check(err)
			runs[id] = n
		}
		missing := 0
		for id := range w.accepted {
			if runs[id] == 0 {
				missing++
			}
		}
		if missing == 0 {
			return runs
		}
	}
	return runs
}

// values gives what a bucket of values holds.
func (w *crashWorld) values(bucket string) map[string]string {
	w.t.Helper()
	found, after := map[string]string{}, ""
	for {
		url := w.api + "/v1/projects/default/kv/" + bucket + "?values=1&limit=1000&after=" + after
		req, err := http.NewRequest(http.MethodGet, url, nil)
		w.check(err)
		req.Header.Set("Authorization", "Bearer "+w.token)
		res, err := w.http.Do(req)
		w.check(err)
		var page struct {
			Values []struct {
				Key   string `json:"key"`
				Value []byte `json:"value"`
			} `json:"values"`
			Next string `json:"next"`
		}
		err = json.NewDecoder(res.Body).Decode(&page)
		res.Body.Close()
		w.check(err)
		for _, v := range page.Values {
			found[v.Key] = string(bytes.TrimSpace(v.Value))
		}
		if after = page.Next; after == "" {
			return found
		}
	}
}

// oneEventForEachKey pushes keys again: each is answered with what was accepted first.
func (w *crashWorld) oneEventForEachKey() {
	w.t.Helper()
	keys := slices.Sorted(maps.Keys(w.keyed))
	for _, id := range keys[:min(len(keys), 50)] {
		header := http.Header{"X-Dayfly-Invoke": {"async"}, "Idempotency-Key": {id},
			"Content-Type": {"application/json"}}
		req, err := http.NewRequest(http.MethodPost, w.gateway+"/function/called",
			strings.NewReader(fmt.Sprintf(`{"id":%q}`, id)))
		w.check(err)
		req.Header = header
		res, err := w.http.Do(req)
		w.check(err)
		var answer struct {
			Duplicate bool `json:"duplicate"`
		}
		err = json.NewDecoder(res.Body).Decode(&answer)
		res.Body.Close()
		w.check(err)
		if !answer.Duplicate {
			w.t.Errorf("key %s was accepted a second time", id)
		}
	}
}

// nothingIsSaidToWait looks at the lives of events: all have ended, and so their lives say.
func (w *crashWorld) nothingIsSaidToWait() {
	w.t.Helper()
	var waiting []string
	for until := time.Now().Add(settleTimeout); time.Now().Before(until); time.Sleep(200 * time.Millisecond) {
		waiting = append(w.lives("pending"), w.lives("delayed")...)
		if len(waiting) == 0 {
			return
		}
	}
	w.t.Errorf("%d events have ended and are said to wait: %.500q", len(waiting), waiting)
}

// lives gives what is told of the events in a state.
func (w *crashWorld) lives(state string) []string {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodGet, w.api+"/v1/events?limit=1000&state="+state, nil)
	w.check(err)
	req.Header.Set("Authorization", "Bearer "+w.token)
	res, err := w.http.Do(req)
	w.check(err)
	defer res.Body.Close()
	var answer struct {
		Events []json.RawMessage `json:"events"`
	}
	w.check(json.NewDecoder(res.Body).Decode(&answer))
	var list []string
	for _, event := range answer.Events {
		list = append(list, string(event))
	}
	return list
}

func (w *crashWorld) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}
