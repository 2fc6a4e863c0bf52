// SPDX-License-Identifier: Apache-2.0

package pool_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/pool"
)

// drawing answers with a draw of every random source that comes with Python.
const drawing = `
import os, random, secrets, tempfile, uuid, json
def handler(event, context):
    more = {}
    if event["rawPath"] == "/tls":  # dear to import
        import ssl
        more["ssl"] = ssl.RAND_bytes(16).hex()
    return json.dumps({**more,
        "random": repr(random.random()), "bits": str(random.getrandbits(64)),
        "own": repr(random.Random().random()), "system": repr(random.SystemRandom().random()),
        "secrets": secrets.token_hex(16), "urandom": os.urandom(16).hex(),
        "uuid4": str(uuid.uuid4()), "uuid1": str(uuid.uuid1()),
        "tempfile": tempfile.mktemp(),
        "shuffle": str(random.sample(range(1 << 40), 2))})
`

// untilForked makes cold starts until one is forked, and gives its answer.
func untilForked(t *testing.T, p *pool.Pool, rev *dayfly.Revision) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		p.Evict(rev.Function)
		rec, _, err := call(t.Context(), p, rev)
		if err != nil {
			t.Fatal(err)
		}
		if rec.Cold == dayfly.ColdFork {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no call was forked, the last was %q; zygotes: %+v", rec.Cold, p.Zygotes())
		}
	}
}

func TestForksDrawDifferentRandomNumbers(t *testing.T) {
	t.Parallel()
	forks := 100
	if testing.Short() {
		forks = 20
	}
	p, dir := realPool(t, 0)
	rev := realRevision(t, dir, "drawing", map[string]string{"app.py": drawing}, nil)
	untilForked(t, p, rev)
	seen := map[string]bool{}
	made := 0
	for deadline := time.Now().Add(3 * time.Minute); made < forks; {
		p.Evict(rev.Function)
		path := "/"
		if made%20 == 0 {
			path = "/tls"
		}
		rec, body, err := callPath(t.Context(), p, rev, path)
		if err != nil {
			t.Fatal(err)
		}
		if rec.Cold != dayfly.ColdFork { // between a zygote and its successor
			if time.Now().After(deadline) {
				t.Fatalf("only %d calls were forked", made)
			}
			continue
		}
		made++
		draws := map[string]string{}
		if err := json.Unmarshal([]byte(body), &draws); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		for source, draw := range draws {
			if seen[source+draw] {
				t.Fatalf("fork %d drew %s from %s, which another had", made, draw, source)
			}
			seen[source+draw] = true
		}
	}
}

func TestEachProjectHasItsOwnZygote(t *testing.T) {
	t.Parallel()
	p, dir := realPool(t, 0)
	code := map[string]string{"app.py": "def handler(e, c): return 'ok'\n"}
	for _, project := range []dayfly.ProjectName{"one", "two"} {
		rev := realRevision(t, dir, "f-"+string(project), code, nil)
		rev.Function.Project = project
		untilForked(t, p, rev)
	}
	list := p.Zygotes()
	if len(list) != 2 || list[0].Project != "one" || list[1].Project != "two" {
		t.Errorf("zygotes are %+v, want one of each project", list)
	}
}

func TestWhatCannotBeForkedIsBooted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *fakeCall) { c.answer("ok") }) // a driver without zygotes
	p := newPool(t, w, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	rec, body, err := call(ctx, p, revision("f", nil))
	if err != nil || body != "ok" || rec.Cold != dayfly.ColdBoot {
		t.Errorf("cold %q, body %q, %v; want a boot", rec.Cold, body, err)
	}
}

// looking answers with all that a process can tell of how it is confined.
const looking = `
import gc, json, os, signal, socket, sys, threading
def status():
    keep = ("Uid", "Gid", "Groups", "NSpid", "Threads", "SigBlk", "SigIgn", "SigCgt", "CapInh", "CapPrm",
        "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters", "Umask", "CoreDumping")
    lines = dict(l.split(":", 1) for l in open("/proc/self/status"))
    return {k: lines[k].split() for k in keep if k in lines}
def files():
    kinds = {}
    for fd in os.listdir("/proc/self/fd"):
        try:
            kinds[fd] = os.readlink("/proc/self/fd/" + fd).split(":")[0]
        except OSError:
            pass # of the listing itself
    return kinds
def own(name):
    try:
        open("/proc/self/" + name).close()
        return "readable"
    except OSError as e:
        return str(e)
def killed():
    got = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: got.set())
    t = threading.Thread(target=lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1))
    t.start(); t.join()
    return got.wait(60)
def handler(event, context):
    return json.dumps({
        "status": status(), "files": files(), "environment": dict(os.environ),
        "mounts": sorted(" ".join(l.split()[3:6]) for l in open("/proc/self/mountinfo")),
        "limits": open("/proc/self/limits").read(), "folder": os.getcwd(), "pid": os.getpid(),
        "parent": os.getppid(), "session": os.getsid(0), "host": socket.gethostname(),
        "argv": sys.argv, "path": sys.path, "flags": str(sys.flags), "gc": gc.isenabled(),
        "own": {n: own(n) for n in ("maps", "environ", "mem", "fd/1", "stat", "oom_score_adj")},
        "outside": sorted(os.listdir("/")), "interfaces": sorted(n for _, n in socket.if_nameindex()),
        "score": open("/proc/self/oom_score_adj").read(), "names": sorted(os.listdir("/proc/self/ns")),
        "killed": killed(), "main": sorted(vars(sys.modules["__main__"])),
    }, sort_keys=True)
`

func TestForkIsConfinedAsABootIs(t *testing.T) {
	t.Parallel()
	p, dir := realPool(t, 0)
	rev := realRevision(t, dir, "looking", map[string]string{"app.py": looking}, nil)
	told := map[dayfly.ColdStart]map[string]any{}
	for deadline := time.Now().Add(time.Minute); told[dayfly.ColdFork] == nil; {
		if time.Now().After(deadline) {
			t.Fatalf("no call was forked; zygotes: %+v", p.Zygotes())
		}
		p.Evict(rev.Function)
		rec, body, err := call(t.Context(), p, rev)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]any{}
		if err := json.Unmarshal([]byte(body), &seen); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		told[rec.Cold] = seen
	}
	if told[dayfly.ColdBoot] == nil {
		t.Fatal("the first call was not booted: there is nothing to compare with")
	}
	if diff := cmp.Diff(told[dayfly.ColdBoot], told[dayfly.ColdFork]); diff != "" {
		t.Errorf("a fork differs from a boot (-boot +fork):\n%s", diff)
	}
}

// zygotesOf gives the processes that are zygotes of this one.
func zygotesOf(t *testing.T) (pids []int) {
	t.Helper()
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, child := range strings.Fields(string(text)) {
			line, _ := os.ReadFile("/proc/" + child + "/cmdline")
			status, _ := os.ReadFile("/proc/" + child + "/status")
			if strings.Contains(string(line), "\x00zygote\x00") && strings.Contains(string(status), "\nUid:\t0") {
				pid, _ := strconv.Atoi(child)
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// Not parallel: it looks for zygotes among all that this process has.
func TestCallsGoOnWithoutTheZygote(t *testing.T) {
	for name, blow := range map[string]syscall.Signal{
		"it was killed": syscall.SIGKILL, "it is stuck": syscall.SIGSTOP,
	} {
		t.Run(name, func(t *testing.T) {
			p, dir := realPool(t, 0)
			rev := realRevision(t, dir, "f", map[string]string{"app.py": "def handler(e, c): return 'ok'\n"}, nil)
			untilForked(t, p, rev)
			for _, pid := range zygotesOf(t) {
				syscall.Kill(pid, blow)
			}
			if _, body, err := call(t.Context(), p, rev); err != nil || body != "ok" {
				t.Errorf("the instance that it had forked: %q, %v", body, err)
			}
			p.Evict(rev.Function)
			rec, body, err := call(t.Context(), p, rev)
			if err != nil || body != "ok" || rec.Cold != dayfly.ColdBoot {
				t.Errorf("cold %q, body %q, %v; want a boot", rec.Cold, body, err)
			}
			if r := p.Zygotes(); len(r) != 1 || r[0].Why == "" {
				t.Errorf("zygotes are told as %+v, want why there is none", r)
			}
			for deadline := time.Now().Add(time.Minute); len(zygotesOf(t)) > 0; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the zygote is still there")
				}
			}
		})
	}
}
