// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// durableRounds is how often each kind of event is pushed under the trace.
	durableRounds = 20
	// traceTimeout bounds the wait until the node is traced, and for the trace's end.
	traceTimeout = time.Minute
)

const durableManifest = `functions:
  forced: {source: ./idle, durability: always}
  plain: {source: ./idle}
queues:
  safe: {durability: always}
  loose: {}
`

// TestAlwaysIsOnTheDiskBeforeTheAnswer reads the node's system calls: the answer to an event
// of durability always is written only when the block with the event in it was forced to
// the disk, and no other answer waits for the disk.
func TestAlwaysIsOnTheDiskBeforeTheAnswer(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a whole node is started and traced")
	}
	skipUnlessAble(t)
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("NOT PROVEN that durability always waits for the disk: strace is missing (scripts/setup installs it)")
	}
	// The server's own syncs are far apart, so that those seen are for somebody.
	w := &crashWorld{t: t, dir: t.TempDir(), http: &http.Client{Timeout: time.Minute},
		more: []string{"--sync", "1m"}}
	w.start()
	w.deployDurable()
	trace := w.trace()
	for _, tt := range []struct {
		name, stream, path string
		event              bool
		forced             bool
	}{
		{"a function with always", "WORK", "/function/forced", true, true},
		{"a function without", "WORK", "/function/plain", true, false},
		{"a queue with always", "EVENTS", "/v1/projects/default/queues/safe/messages", false, true},
		{"a queue without", "EVENTS", "/v1/projects/default/queues/loose/messages", false, false},
	} {
		for range durableRounds {
			url, header := w.api+tt.path, http.Header{"Authorization": {"Bearer " + w.token}}
			if tt.event {
				url, header = w.gateway+tt.path, http.Header{"X-Dayfly-Invoke": {"async"}}
			}
			status, err := w.ask(t.Context(), http.MethodPost, url, header, "an event")
			if err != nil || status/100 != 2 {
				t.Fatalf("%s: answered %d, %v", tt.name, status, err)
			}
		}
		answers := trace.answers(t, durableRounds)
		for i, calls := range answers {
			wrote, forced, syncs := judge(calls, tt.stream)
			if !wrote || forced != tt.forced || !tt.forced && syncs > 0 {
				t.Errorf("%s, event %d: written %v, forced before the answer %v (want %v), %d syncs:\n%s",
					tt.name, i, wrote, forced, tt.forced, syncs, strings.Join(calls, "\n"))
				break
			}
		}
	}
}

// deployDurable deploys, and pauses the functions: what executes would sync for itself.
func (w *crashWorld) deployDurable() {
	w.t.Helper()
	folder := filepath.Join(w.dir, "app")
	w.check(os.MkdirAll(filepath.Join(folder, "idle"), 0o755))
	w.check(os.WriteFile(filepath.Join(folder, "idle", "app.py"),
		[]byte("# SPDX-License-Identifier: Apache-2.0\ndef handler(event, context):\n    return {}\n"), 0o644))
	w.check(os.WriteFile(filepath.Join(folder, "dayfly.yaml"), []byte(durableManifest), 0o644))
	for _, args := range [][]string{{"deploy", folder}, {"pause", "forced"}, {"pause", "plain"}} {
		cmd := exec.Command(filepath.Join(binary, "dayfly"), args...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "DAYFLY_DATA=" + filepath.Join(w.dir, "data")}
		if out, err := cmd.CombinedOutput(); err != nil {
			w.t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
}

// tracing is the trace of a node as it grows.
type tracing struct {
	path string
	read int // lines that were looked at
}

// trace begins to trace the node, and returns when its answers are seen.
func (w *crashWorld) trace() *tracing {
	w.t.Helper()
	tr := &tracing{path: filepath.Join(w.dir, "trace")}
	cmd := exec.Command("strace", "-f", "-qq", "-y", "-s", "64", "-e", "signal=none",
		"-e", "trace=write,writev,pwrite64,fsync,fdatasync,sync_file_range", "-o", tr.path,
		"-p", strconv.Itoa(w.cmd.Process.Pid))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said strings.Builder
	cmd.Stderr = &said
	w.check(cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is ended by a signal
	}()
	w.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it lets go of the node
		<-ended
	})
	for until := time.Now().Add(traceTimeout); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		select {
		case <-ended:
			w.t.Skipf("NOT PROVEN that durability always waits for the disk: strace cannot trace here: %s", &said)
		default:
		}
		if _, err := w.ask(w.t.Context(), http.MethodGet, w.api+"/v1/nothing", nil, ""); err != nil {
			w.t.Fatal(err)
		}
		if lines := tr.lines(w.t); len(lines) > 0 && strings.Contains(strings.Join(lines, "\n"), "HTTP/1.1 4") {
			w.warm(tr)
			return tr
		}
	}
	w.t.Fatalf("the node was not traced within %s: %s", traceTimeout, &said)
	return nil
}

// warm pushes one event of each stream: the first of a stream forces folders, too.
func (w *crashWorld) warm(tr *tracing) {
	w.t.Helper()
	for url, header := range map[string]http.Header{
		w.gateway + "/function/forced":                      {"X-Dayfly-Invoke": {"async"}},
		w.api + "/v1/projects/default/queues/safe/messages": {"Authorization": {"Bearer " + w.token}},
	} {
		if _, err := w.ask(w.t.Context(), http.MethodPost, url, header, "warm"); err != nil {
			w.t.Fatal(err)
		}
		tr.answers(w.t, 1)
	}
}

// lines gives the whole lines of the trace.
func (tr *tracing) lines(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(tr.path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	return lines[:len(lines)-1]
}

// answers waits until so many more good answers were written, and gives the calls before each.
func (tr *tracing) answers(t *testing.T, count int) [][]string {
	t.Helper()
	for until := time.Now().Add(traceTimeout); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		var found [][]string
		lines, from := tr.lines(t), tr.read
		for i := from; i < len(lines) && len(found) < count; i++ {
			if strings.Contains(lines[i], `, "HTTP/1.1 20`) {
				found = append(found, lines[from:i])
				from = i + 1
			}
		}
		if len(found) == count {
			tr.read = from
			return found
		}
	}
	t.Fatalf("the trace has not %d more answers after %s", count, traceTimeout)
	return nil
}

var (
	// writeCall matches where the writing of a block begins, syncCall where its sync does.
	writeCall = regexp.MustCompile(`^(\d+) +p?writev?(?:64)?\(\d+<(\S+/streams/(\w+)/msgs/\d+\.blk)>`)
	syncCall  = regexp.MustCompile(`^(\d+) +f(?:data)?sync\(\d+<(\S+)>`)
	resumed   = regexp.MustCompile(`^(\d+) +<\.\.\. f(?:data)?sync resumed>.*= 0`)
	done      = regexp.MustCompile(`\) += 0$`)
)

// judge reads what a node did before an answer: whether it wrote to a block of the stream,
// whether every block that it wrote to was forced to the disk after that, and how many
// syncs there were at all. A sync counts once it has ended well.
func judge(calls []string, stream string) (wrote, forced bool, syncs int) {
	unforced := map[string]int{} // blocks, by the line of the last write
	under := map[string]struct {
		path string
		at   int
	}{} // syncs that have begun, by thread
	end := func(path string, begun int) {
		if at, ok := unforced[path]; ok && at < begun {
			delete(unforced, path)
		}
	}
	for i, call := range calls {
		if m := writeCall.FindStringSubmatch(call); m != nil && m[3] == stream {
			wrote, unforced[m[2]] = true, i
		} else if m := syncCall.FindStringSubmatch(call); m != nil {
			syncs++
			under[m[1]] = struct {
				path string
				at   int
			}{m[2], i}
			if done.MatchString(call) {
				end(m[2], i)
			}
		} else if m := resumed.FindStringSubmatch(call); m != nil {
			end(under[m[1]].path, under[m[1]].at)
		}
	}
	return wrote, wrote && len(unforced) == 0, syncs
}

func TestJudgeWantsTheSyncToEndWellAfterTheWrite(t *testing.T) {
	t.Parallel()
	const (
		write   = `7 pwrite64(9</d/streams/WORK/msgs/1.blk>, "x"..., 70, 0) = 70`
		other   = `7 write(9</d/streams/LOGS/msgs/1.blk>, "x"..., 70) = 70`
		sync    = `8 fsync(12</d/streams/WORK/msgs/1.blk>) = 0`
		second  = `8 fsync(12</d/streams/WORK/msgs/2.blk>) = 0`
		failed  = `8 fsync(12</d/streams/WORK/msgs/1.blk>) = -1 EIO (Input/output error)`
		begins  = `8 fdatasync(12</d/streams/WORK/msgs/1.blk> <unfinished ...>`
		ends    = `8 <... fdatasync resumed>)       = 0`
		endsBad = `8 <... fdatasync resumed>)       = -1 EIO (Input/output error)`
	)
	for _, tt := range []struct {
		name          string
		calls         []string
		wrote, forced bool
	}{
		{"in order", []string{write, sync}, true, true},
		{"in two parts", []string{write, begins, other, ends}, true, true},
		{"sync first", []string{sync, write}, true, false},
		{"written meanwhile", []string{write, begins, write, ends}, true, false},
		{"not ended", []string{write, begins}, true, false},
		{"failed", []string{write, failed}, true, false},
		{"failed at last", []string{write, begins, endsBad}, true, false},
		{"another block", []string{write, second}, true, false},
		{"another stream", []string{other, sync}, false, false},
	} {
		wrote, forced, _ := judge(tt.calls, "WORK")
		if wrote != tt.wrote || forced != tt.forced {
			t.Errorf("%s: wrote %v, forced %v; want %v, %v", tt.name, wrote, forced, tt.wrote, tt.forced)
		}
	}
}
