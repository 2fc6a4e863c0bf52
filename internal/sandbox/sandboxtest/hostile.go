// SPDX-License-Identifier: Apache-2.0

package sandboxtest

import (
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

// deathTimeout is how long a guest may take to run into the limit that ends it.
const deathTimeout = 20 * time.Second

// rampage is how long a guest that does not end by itself may run.
func rampage() time.Duration {
	if testing.Short() {
		return 250 * time.Millisecond
	}
	return 1500 * time.Millisecond
}

// hostile is a guest that takes all it can get.
type hostile struct {
	needs  string
	code   string
	limits dayfly.Limits
	dies   bool // the limit ends it, which may take long on a busy machine
	judge  func(t *testing.T, u sandbox.Usage, e sandbox.Exit)
}

// testHostile lets each loose while a neighbour answers; one after the other, so that
// each is judged by itself.
func (s *suite) testHostile(t *testing.T) {
	for name, h := range hostiles() {
		t.Run(name, func(t *testing.T) {
			s.need(t, h.needs)
			n := s.neighbour(t)
			spec := script(h.code)
			spec.Limits = h.limits
			b := s.start(t, spec)
			patience := rampage()
			if h.dies {
				patience = deathTimeout
			}
			select {
			case <-b.Done():
			case <-time.After(patience):
			}
			u := b.Usage()
			b.Kill()
			wait(t, b)
			n.stop(t)
			if h.judge != nil {
				h.judge(t, u, b.Exit())
			}
			if last := b.Usage(); last.Pids != 0 {
				t.Errorf("%d processes outlived their box", last.Pids)
			}
		})
	}
}

func hostiles() map[string]hostile {
	pidsWithin := func(n int64) func(*testing.T, sandbox.Usage, sandbox.Exit) {
		return func(t *testing.T, u sandbox.Usage, _ sandbox.Exit) {
			if u.Pids > n || u.Pids < n/2 {
				t.Errorf("%d processes, want many and at most %d", u.Pids, n)
			}
		}
	}
	memoryWithin := func(n int64) func(*testing.T, sandbox.Usage, sandbox.Exit) {
		return func(t *testing.T, u sandbox.Usage, _ sandbox.Exit) {
			if u.MemoryPeakBytes > n+n/16 {
				t.Errorf("peak of %d bytes, want at most %d", u.MemoryPeakBytes, n)
			}
		}
	}
	outOfMemory := func(t *testing.T, u sandbox.Usage, e sandbox.Exit) {
		memoryWithin(64<<20)(t, u, e)
		if !e.OOM {
			t.Errorf("Exit() = %+v, want out of memory", e)
		}
	}
	return map[string]hostile{
		"a fork bomb": {"cgroup pids", `
while True:
    try: os.fork()
    except OSError: pass`, dayfly.Limits{Pids: 64}, false, pidsWithin(64)},
		"a thread bomb": {"cgroup pids", `
import threading
while True:
    try: threading.Thread(target=time.sleep, args=(1000,)).start()
    except RuntimeError: time.sleep(0.01)`, dayfly.Limits{Pids: 64}, false, pidsWithin(64)},
		"a memory hog": {"cgroup memory", `
held = []
while True: held.append(bytearray(os.urandom(1 << 16) * 16))`,
			dayfly.Limits{MemoryBytes: 64 << 20}, true, outOfMemory},
		"many memory hogs": {"cgroup memory", `
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    try:
        if os.fork() == 0:
            x = bytearray(os.urandom(1 << 20) * 48); time.sleep(1000)
    except OSError: pass`, dayfly.Limits{MemoryBytes: 64 << 20, Pids: 32}, false, memoryWithin(64 << 20)},
		"a /tmp filler": {"cgroup memory", `
n = 0
while True:
    n += 1
    try: open("/tmp/%d" % n, "wb").write(bytes(1 << 20))
    except OSError: pass`, dayfly.Limits{MemoryBytes: 64 << 20, TmpBytes: 1 << 30}, true, outOfMemory},
		"a filler of small files": {"cgroup memory", `
n = 0
while True:
    n += 1
    try: os.mkdir("/tmp/%d" % n)
    except OSError: pass`, dayfly.Limits{MemoryBytes: 64 << 20, TmpBytes: 64 << 20}, false, memoryWithin(64 << 20)},
		"a /dev/shm filler": {"cgroup memory", `
f = open("/dev/shm/x", "wb")
while True:
    try: f.write(bytes(1 << 20)); f.flush()
    except OSError: f.close(); break
print(os.stat("/dev/shm/x").st_size); time.sleep(1000)`,
			dayfly.Limits{MemoryBytes: 256 << 20}, false, memoryWithin(128 << 20)},
		"a spinner on every processor": {"cgroup cpu", `
for i in range(7): os.fork()
while True: pass`, dayfly.Limits{CPUMilli: 500, Pids: 256}, false, func(t *testing.T, u sandbox.Usage, _ sandbox.Exit) {
			if u.CPU > rampage()*3/4+500*time.Millisecond {
				t.Errorf("half a processor for %v gave %v", rampage(), u.CPU)
			}
		}},
		"descriptor exhaustion": {"no_new_privs", `
for i in range(5): os.fork()
held = []
while True:
    try: held += socket.socketpair(socket.AF_UNIX)
    except OSError: time.sleep(0.01)`, dayfly.Limits{Files: 1024, Pids: 64}, false, nil},
		"a signal storm": {"no_new_privs", `
while True:
    for p in range(-1, 300):
        if p not in (0, 1, os.getpid()):
            try: os.kill(p, signal.SIGKILL)
            except OSError: pass`, dayfly.Limits{CPUMilli: 500}, false, nil},
		"a pipe and socket hoarder": {"cgroup memory", `
held = []
while True:
    try:
        r, w = os.pipe(); os.set_blocking(w, False); held += [r, w]
        while True: os.write(w, bytes(1 << 16))
    except BlockingIOError: pass
    except OSError: time.sleep(0.01)`, dayfly.Limits{MemoryBytes: 64 << 20}, false, memoryWithin(64 << 20)},
	}
}
