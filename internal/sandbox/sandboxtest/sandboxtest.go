// SPDX-License-Identifier: Apache-2.0

package sandboxtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

const (
	python = "/usr/bin/python3"
	// patience bounds every wait of the suite: the machine may be busy.
	patience = 60 * time.Second
)

// NewDriver makes a driver that the suite closes.
type NewDriver func(t testing.TB) sandbox.Driver

// suite is one run against one driver.
type suite struct {
	driver sandbox.Driver
	given  map[string]bool // features
	serial *atomic.Int64
}

// Test runs the whole suite. Guests that need a feature which the driver does not give
// on this host are skipped, with its reason.
func Test(t *testing.T, newDriver NewDriver) {
	if _, err := os.Stat(python); err != nil {
		t.Skipf("guests need %s: %v", python, err)
	}
	s := &suite{driver: newDriver(t), given: make(map[string]bool), serial: new(atomic.Int64)}
	t.Cleanup(func() {
		if err := s.driver.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	for _, f := range s.driver.Features() {
		s.given[f.Name] = f.Given
		if f.Given == (f.Remedy != "") {
			t.Errorf("feature %q: given %v with remedy %q", f.Name, f.Given, f.Remedy)
		}
	}
	t.Run("contract", s.testContract)
	t.Run("attach", s.testAttach)
	t.Run("limits", s.testLimits)
	t.Run("network", s.testNetwork)
	t.Run("escape", s.testEscape)
	t.Run("hostile", s.testHostile)
	t.Run("close kills what is left", func(t *testing.T) {
		d := newDriver(t)
		b, err := d.Start(t.Context(), sandbox.Spec{ID: "left", Argv: []string{"/bin/sleep", "1000"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		wait(t, b)
		if _, err := d.Start(t.Context(), sandbox.Spec{ID: "late"}); err == nil {
			t.Error("a closed driver started a box")
		}
	})
}

// need skips a test when the driver does not give a feature on this host.
func (s *suite) need(t *testing.T, feature string) {
	t.Helper()
	if !s.given[feature] {
		t.Skipf("this host gives no %s", feature)
	}
}

// nextID names a box.
func (s *suite) nextID() dayfly.InstanceID {
	return dayfly.InstanceID(fmt.Sprintf("box-%d", s.serial.Add(1)))
}

// result is what a guest printed and how it ended.
type result struct {
	out  string
	exit sandbox.Exit
	box  sandbox.Box
}

// script is a Spec that runs Python code with the prelude's helpers.
func script(code string) sandbox.Spec {
	return sandbox.Spec{Argv: []string{python, "-I", "-S", "-c", prelude + code}}
}

// prelude gives scripts tell and refuse, ways to try something and print what came of
// it, and sys_, raw system calls by name.
const prelude = `
import os, sys, socket, errno, ctypes, time, signal, struct
libc = ctypes.CDLL(None, use_errno=True)
arm = os.uname().machine == "aarch64"
numbers = dict(clone=(56,220), clone3=(435,435), bpf=(321,280), userfaultfd=(323,282),
  perf_event_open=(298,241), io_uring_setup=(425,425), keyctl=(250,219), add_key=(248,217),
  request_key=(249,218), init_module=(175,105), finit_module=(313,273), delete_module=(176,106),
  kexec_load=(246,104), open_by_handle_at=(304,265), process_vm_readv=(310,270),
  process_vm_writev=(311,271), ptrace=(101,117), mount=(165,40), umount2=(166,39),
  pivot_root=(155,41), setns=(308,268), unshare=(272,97), swapon=(167,224),
  syslog=(103,116), sethostname=(170,161), settimeofday=(164,170), chroot=(161,51),
  open_tree=(428,428), move_mount=(429,429), fsopen=(430,430), fsmount=(432,432),
  mount_setattr=(442,442), pidfd_getfd=(438,438), kcmp=(312,272), acct=(163,89),
  quotactl=(179,60), mbind=(237,235), personality=(135,92), iopl=(172,-1))
def sys_(name, *args):
    ctypes.set_errno(0)
    r = libc.syscall(ctypes.c_long(numbers[name][arm]), *[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
    return "OK" if r >= 0 else errno.errorcode[ctypes.get_errno()]
def tell(name, f):
    try:
        print(name, "OK", f())
    except OSError as e:
        print(name, errno.errorcode.get(e.errno, e.errno))
    except Exception as e:
        print(name, type(e).__name__, e)
    sys.stdout.flush()
def refuse(name, f):
    try:
        f(); print(name, "OK")
    except OSError as e:
        print(name, "refused" if e.errno in (errno.EPERM, errno.EACCES, errno.EINVAL) else e)
    sys.stdout.flush()
`

// start starts a box that is killed when the test ends.
func (s *suite) start(t *testing.T, spec sandbox.Spec) sandbox.Box {
	t.Helper()
	b, err := s.try(t, spec)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	return b
}

// try is start for boxes that may be refused.
func (s *suite) try(t *testing.T, spec sandbox.Spec) (sandbox.Box, error) {
	t.Helper()
	if spec.ID == "" {
		spec.ID = s.nextID()
	}
	b, err := s.driver.Start(t.Context(), spec)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		b.Kill()
		wait(t, b)
		b.Control().Close()
	})
	return b, nil
}

// run runs a box to its end and returns what it printed.
func (s *suite) run(t *testing.T, spec sandbox.Spec) result {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	spec.Stdout, spec.Stderr = w, w
	b, err := s.try(t, spec)
	w.Close()
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	var out bytes.Buffer
	r.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(&out, r); err != nil {
		t.Fatalf("read what the guest printed: %v, after %q", err, out.String())
	}
	wait(t, b)
	return result{out.String(), b.Exit(), b}
}

// wait waits for a box's end.
func wait(t testing.TB, b sandbox.Box) {
	t.Helper()
	select {
	case <-b.Done():
	case <-time.After(patience):
		t.Fatalf("box %s did not end", b.ID())
	}
}

// expect reads exactly the given bytes from the guest.
func expect(t *testing.T, b sandbox.Box, want string) {
	t.Helper()
	b.Control().SetReadDeadline(time.Now().Add(patience))
	got := make([]byte, len(want))
	if _, err := io.ReadFull(b.Control(), got); err != nil {
		t.Fatalf("read %q from the guest: %v", want, err)
	}
	if string(got) != want {
		t.Fatalf("guest sent %q, want %q", got, want)
	}
}

// send writes to the guest.
func send(t *testing.T, b sandbox.Box, text string) {
	t.Helper()
	if _, err := io.WriteString(b.Control(), text); err != nil {
		t.Fatalf("write to the guest: %v", err)
	}
}

// hello is a guest that answers on descriptor 3: it sends R, then repeats every byte.
const hello = `
os.write(3, b"R")
while True:
    b = os.read(3, 1)
    if not b: break
    os.write(3, b)
`

// neighbour is a box that must keep answering whatever others do.
type neighbour struct {
	cancel  context.CancelFunc
	done    chan struct{}
	answers int
	slowest time.Duration
	err     error
}

// neighbour starts one and calls it ten times a second until stop.
func (s *suite) neighbour(t *testing.T) *neighbour {
	t.Helper()
	b := s.start(t, script(hello))
	expect(t, b, "R")
	ctx, cancel := context.WithCancel(t.Context())
	n := &neighbour{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(n.done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			n.ask(b)
			<-tick.C
		}
	}()
	return n
}

func (n *neighbour) ask(b sandbox.Box) {
	if n.err != nil {
		return
	}
	begin := time.Now()
	b.Control().SetDeadline(begin.Add(patience))
	if _, n.err = b.Control().Write([]byte("x")); n.err != nil {
		return
	}
	if _, n.err = io.ReadFull(b.Control(), make([]byte, 1)); n.err != nil {
		return
	}
	n.answers++
	n.slowest = max(n.slowest, time.Since(begin))
}

// slowestAnswer bounds a neighbour's answer, which takes 0.1 ms on a quiet machine.
// It is wide because test machines are busy; starvation shows as seconds.
const slowestAnswer = 2 * time.Second

// stop ends the calls and judges them.
func (n *neighbour) stop(t *testing.T) {
	t.Helper()
	n.cancel()
	<-n.done
	if n.err != nil {
		t.Errorf("the neighbour stopped answering: %v", n.err)
	}
	if n.answers == 0 || n.slowest > slowestAnswer {
		t.Errorf("the neighbour gave %d answers, the slowest in %v; want some, within %v",
			n.answers, n.slowest, slowestAnswer)
	}
	t.Logf("neighbour: %d answers, slowest %v", n.answers, n.slowest)
}
