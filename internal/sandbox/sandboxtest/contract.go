// SPDX-License-Identifier: Apache-2.0

package sandboxtest

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

func (s *suite) testContract(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*testing.T){
		"a program gets its arguments, environment, folder and nothing else": s.inheritsNothing,
		"a program has no privileges":                                        s.hasNoPrivileges,
		"a program that cannot run is an error that says why":                s.saysWhyNot,
		"a held box runs one program":                                        s.execsOnce,
		"what a guest wrote before its end can be read after it":             s.keepsLastWords,
		"exit tells the status or the signal":                                s.tellsExit,
		"kill ends every process":                                            s.killsAll,
		"freeze stops and thaw continues":                                    s.freezes,
		"a canceled start is an error and leaves nothing":                    s.startCanceled,
		"many boxes start at once":                                           s.startsMany,
		"a box without outputs discards them":                                s.discards,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

func (s *suite) inheritsNothing(t *testing.T) {
	// The test itself has PATH and HOME: they would show.
	spec := script(`
print(sys.argv[1:], sorted(os.environ.items()), os.getcwd(), os.getpid())
print(sorted(int(f) for f in os.listdir("/proc/self/fd"))[:-1])
print(os.readlink("/proc/self/fd/0"), os.readlink("/proc/self/fd/3")[:6])
`)
	spec.Argv = append(spec.Argv, "one", "two words")
	spec.Env = []string{"LANG=C.UTF-8", "KEY=value=more"}
	spec.Dir = "/tmp"
	got := s.run(t, spec)
	want := "['one', 'two words'] [('KEY', 'value=more'), ('LANG', 'C.UTF-8')] /tmp 1\n" +
		"[0, 1, 2, 3]\n/dev/null socket\n"
	if diff := cmp.Diff(want, got.out); diff != "" {
		t.Errorf("guest printed (-want +got):\n%s", diff)
	}
}

func (s *suite) hasNoPrivileges(t *testing.T) {
	got := s.run(t, script(`
status = dict(l.split(":", 1) for l in open("/proc/self/status"))
for k in "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb":
    assert int(status[k], 16) == 0, (k, status[k])
assert status["NoNewPrivs"].strip() == "1"
assert status["Seccomp"].strip() == "2"
assert os.getuid() != 0 and os.geteuid() != 0 and os.getgid() != 0
import resource
assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
print("fine")
`))
	if got.out != "fine\n" {
		t.Errorf("guest printed %q", got.out)
	}
}

func (s *suite) saysWhyNot(t *testing.T) {
	dir := t.TempDir()
	os.Chmod(dir, 0o755)
	for name, content := range map[string]string{
		"plain": "hello", "lost": "#!/no/such/interpreter\n", "odd": "hello",
	} {
		mode := os.FileMode(0o755)
		if name == "plain" {
			mode = 0o644
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		program, folder, says string
	}{
		"missing":             {"/no/such/program", "", "does not exist"},
		"missing on the path": {"nosuchprogram", "", "does not exist"},
		"not executable":      {"/code/plain", "", "not executable"},
		"interpreter missing": {"/code/lost", "", "interpreter"},
		"no program":          {"/code/odd", "", "#!"},
		"folder missing":      {"/bin/true", "/nowhere", "/nowhere"},
	} {
		spec := sandbox.Spec{
			Argv: []string{c.program}, Dir: c.folder,
			Mounts: []sandbox.Mount{{Source: dir, Target: "/code"}},
		}
		_, err := s.try(t, spec)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: Start = %v, want an error that says %q", name, err, c.says)
		}
		if k := dayfly.KindOf(err); err != nil && k != dayfly.KindInvalid {
			t.Errorf("%s: kind %s, want invalid", name, k)
		}
		spec.Argv = nil
		b := s.start(t, spec)
		err = b.Exec(t.Context(), []string{c.program}, nil, c.folder)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: Exec = %v, want an error that says %q", name, err, c.says)
		}
	}
}

func (s *suite) execsOnce(t *testing.T) {
	b := s.start(t, sandbox.Spec{})
	if u := b.Usage(); u.Pids > 1 {
		t.Errorf("a held box has %d processes", u.Pids)
	}
	spec := script(`os.write(3, b"R"); print(os.environ["A"], os.getcwd()); os.read(3, 1)`)
	if err := b.Exec(t.Context(), spec.Argv, []string{"A=B"}, "/var/task"); err != nil {
		t.Fatal(err)
	}
	expect(t, b, "R")
	if err := b.Exec(t.Context(), spec.Argv, nil, "/"); err == nil {
		t.Error("a second Exec worked")
	}
	send(t, b, "x")
	wait(t, b)
	if b.Exit() != (sandbox.Exit{}) {
		t.Errorf("Exit() = %+v", b.Exit())
	}
	late := s.start(t, sandbox.Spec{})
	late.Kill()
	wait(t, late)
	if err := late.Exec(t.Context(), spec.Argv, nil, "/"); err == nil {
		t.Error("Exec worked after the end")
	}
}

func (s *suite) keepsLastWords(t *testing.T) {
	b := s.start(t, script(`os.write(3, b"last words")`))
	wait(t, b)
	got, err := io.ReadAll(b.Control())
	if err != nil || string(got) != "last words" {
		t.Errorf("read %q, %v after the end", got, err)
	}
}

func (s *suite) tellsExit(t *testing.T) {
	for code, want := range map[string]sandbox.Exit{
		"sys.exit(7)": {Code: 7},
		"pass":        {},
		// The first process of a pid namespace cannot signal itself to death.
		"ctypes.string_at(0)": {Code: -1, Signal: "segmentation fault"},
	} {
		if got := s.run(t, script(code)).exit; got != want {
			t.Errorf("%s: Exit() = %+v, want %+v", code, got, want)
		}
	}
}

func (s *suite) killsAll(t *testing.T) {
	b := s.start(t, script(`
for i in range(10):
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(1000)
os.write(3, b"R")
time.sleep(1000)
`))
	expect(t, b, "R")
	if n := b.Usage().Pids; s.given["cgroup pids"] && n != 11 {
		t.Errorf("Usage().Pids = %d, want 11", n)
	}
	b.Kill()
	b.Kill()
	wait(t, b)
	b.Kill()
	if want := (sandbox.Exit{Code: -1, Signal: "killed"}); b.Exit() != want {
		t.Errorf("Exit() = %+v, want %+v", b.Exit(), want)
	}
	if u := b.Usage(); u.Pids != 0 || u.CPU == 0 {
		t.Errorf("Usage() after the end = %+v", u)
	}
	limits := dayfly.DefaultSpec().Limits
	_, dial := b.Dial(t.Context(), 80)
	for name, err := range map[string]error{
		"SetLimits": b.SetLimits(limits), "Freeze": b.Freeze(), "Thaw": b.Thaw(), "Dial": dial,
		"Attach": b.Attach(t.Context(), "/usr", "/var/task"),
	} {
		if err == nil {
			t.Errorf("%s worked after the end", name)
		}
	}
}

func (s *suite) freezes(t *testing.T) {
	s.need(t, "cgroup freezer")
	b := s.start(t, script(`
i = 0
os.write(3, b"R")
while True:
    i += 1
    m = open("/tmp/count", "w"); m.write(str(i)); m.close()
    if sys.stdin is None: break
    socket.socket(fileno=os.dup(3)).setblocking(False)
    try:
        if os.read(3, 1): os.write(3, b"%08d" % i)
    except BlockingIOError: pass
`))
	expect(t, b, "R")
	for range 2 {
		if err := b.Freeze(); err != nil {
			t.Fatal(err)
		}
	}
	before := b.Usage().CPU
	send(t, b, "x")
	b.Control().SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, err := b.Control().Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a frozen guest answered: %d bytes, %v", n, err)
	}
	if after := b.Usage().CPU; after-before > 5*time.Millisecond {
		t.Errorf("a frozen guest used %v of processor time", after-before)
	}
	for range 2 {
		if err := b.Thaw(); err != nil {
			t.Fatal(err)
		}
	}
	b.Control().SetReadDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(b.Control(), make([]byte, 8)); err != nil {
		t.Errorf("a thawed guest does not answer: %v", err)
	}
	if err := b.Freeze(); err != nil {
		t.Fatal(err)
	}
	b.Kill()
	wait(t, b) // frozen boxes die, too
}

func (s *suite) startCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if b, err := s.driver.Start(ctx, sandbox.Spec{ID: "canceled", Argv: []string{"/bin/true"}}); err == nil {
		b.Kill()
		t.Error("Start worked with a canceled context")
	}
}

func (s *suite) startsMany(t *testing.T) {
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			b, err := s.driver.Start(t.Context(), sandbox.Spec{
				ID: s.nextID(), Argv: []string{"/bin/sh", "-c", "exit 3"}})
			if err != nil {
				t.Errorf("Start: %v", err)
				return
			}
			<-b.Done()
			b.Control().Close()
			if b.Exit().Code != 3 {
				t.Errorf("Exit() = %+v", b.Exit())
			}
		})
	}
	wg.Wait()
}

func (s *suite) discards(t *testing.T) {
	b := s.start(t, script(`
print("x" * 1000000); sys.stderr.write("y" * 1000000); sys.stdout.flush()
os.write(3, os.readlink("/proc/self/fd/1").encode())`))
	wait(t, b)
	if got, _ := io.ReadAll(b.Control()); string(got) != "/dev/null" {
		t.Errorf("standard output is %q", got)
	}
}
