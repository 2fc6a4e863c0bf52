// SPDX-License-Identifier: Apache-2.0

package sandboxtest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
)

func (s *suite) testLimits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T){
		"memory past the limit is told as such": s.limitsMemory,
		"what is in /tmp counts as memory":      s.limitsMemoryOfFiles,
		"processes, files and /tmp are bounded": s.limitsCounts,
		"limits of a running box change":        s.changesLimits,
		"processor time is rationed":            s.limitsCPU,
		"usage is told":                         s.tellsUsage,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

func (s *suite) limitsMemory(t *testing.T) {
	s.need(t, "cgroup memory")
	spec := script(`x = bytearray(256 << 20); print("not reached")`)
	spec.Limits.MemoryBytes = 64 << 20
	got := s.run(t, spec)
	if !got.exit.OOM || got.exit.Signal != "killed" || got.out != "" {
		t.Errorf("exit %+v after printing %q, want killed, out of memory", got.exit, got.out)
	}
	if u := got.box.Usage(); u.OOMKills == 0 || u.MemoryPeakBytes > 65<<20 {
		t.Errorf("Usage() = %+v", u)
	}
}

func (s *suite) limitsMemoryOfFiles(t *testing.T) {
	s.need(t, "cgroup memory")
	spec := script(`
f = open("/tmp/big", "wb")
for i in range(256): f.write(bytes(1 << 20))
print("not reached")`)
	spec.Limits.MemoryBytes = 64 << 20
	if got := s.run(t, spec); !got.exit.OOM || got.out != "" {
		t.Errorf("exit %+v after printing %q, want out of memory", got.exit, got.out)
	}
}

func (s *suite) limitsCounts(t *testing.T) {
	spec := script(`
def fork():
    n = 0
    while n < 100:
        if os.fork() == 0: time.sleep(1000)
        n += 1
    return n
def files():
    while True: held.append(os.open("/dev/null", os.O_RDONLY))
held = []
tell("files", files)
print(len(held) + 4)
for f in held: os.close(f)
f = open("/tmp/big", "wb")
def fill():
    while True: f.write(bytes(1 << 16)); f.flush()
tell("tmp", fill)
print(os.stat("/tmp/big").st_size >> 20)
tell("fork", fork)
print(len([p for p in os.listdir("/proc") if p.isdigit()]))
`)
	spec.Limits = dayfly.Limits{Pids: 20, Files: 40, TmpBytes: 8 << 20}
	want := "files EMFILE\n40\ntmp ENOSPC\n8\nfork EAGAIN\n20\n"
	got := s.run(t, spec).out
	if !s.given["cgroup pids"] { // then other boxes of the user may count, too
		want, got = want[:strings.Index(want, "fork")], got[:strings.Index(got, "fork")]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("guest printed (-want +got):\n%s", diff)
	}
}

func (s *suite) changesLimits(t *testing.T) {
	spec := script(`
def command():
    global held
    c = os.read(3, 1)
    try:
        if c == b"m": held = bytearray(100 << 20)
        if c == b"t": open("/tmp/big", "wb").write(bytes(4 << 20))
        if c == b"f":
            if os.fork() == 0: time.sleep(1000)
        os.write(3, b"+")
    except OSError: os.write(3, b"-")
    return c
os.write(3, b"R")
while command(): pass
`)
	spec.Limits = dayfly.Limits{MemoryBytes: 32 << 20, TmpBytes: 1 << 20, Pids: 1}
	b := s.start(t, spec)
	expect(t, b, "R")
	send(t, b, "tf")
	expect(t, b, "--")
	wide := dayfly.Limits{MemoryBytes: 256 << 20, TmpBytes: 16 << 20, Pids: 50, CPUMilli: 2000}
	if err := b.SetLimits(wide); err != nil {
		t.Fatal(err)
	}
	send(t, b, "tfm")
	expect(t, b, "+++")
	wide.Pids = 2
	if err := b.SetLimits(wide); err != nil {
		t.Fatal(err)
	}
	send(t, b, "f")
	expect(t, b, "-")
}

func (s *suite) limitsCPU(t *testing.T) {
	s.need(t, "cgroup cpu")
	spec := script(`
end = time.monotonic() + 1
while time.monotonic() < end: pass
`)
	spec.Limits.CPUMilli = 100
	got := s.run(t, spec)
	if u := got.box.Usage(); u.CPU > 400*time.Millisecond {
		t.Errorf("a tenth of a processor for a second gave %v", u.CPU)
	}
}

func (s *suite) tellsUsage(t *testing.T) {
	b := s.start(t, script(`
x = bytearray(64 << 20)
for i in range(0, len(x), 4096): x[i] = 1
end = time.process_time() + 0.05
while time.process_time() < end: pass
os.write(3, b"R"); os.read(3, 1)
`))
	expect(t, b, "R")
	u := b.Usage()
	if s.given["cgroup memory"] && (u.MemoryBytes < 64<<20 || u.MemoryPeakBytes < u.MemoryBytes) {
		t.Errorf("Usage() = %+v after taking 64Mi", u)
	}
	if s.given["cgroup cpu"] && u.CPU < 50*time.Millisecond {
		t.Errorf("Usage() = %+v after 50ms of work", u)
	}
	if s.given["cgroup pids"] && u.Pids != 1 {
		t.Errorf("Usage() = %+v with one process", u)
	}
	send(t, b, "x")
	wait(t, b)
	if last := b.Usage(); last.CPU < 50*time.Millisecond || last.MemoryPeakBytes < u.MemoryPeakBytes {
		t.Errorf("Usage() = %+v after the end, was %+v", last, u)
	}
}
