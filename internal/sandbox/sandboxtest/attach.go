// SPDX-License-Identifier: Apache-2.0

package sandboxtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

func (s *suite) testAttach(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T){
		"code attached to a running box is seen, read-only": s.attaches,
		"code is attached to a held box":                    s.attachesHeld,
		"attach refuses what does not exist":                s.attachRefuses,
		"mounts show a path and nothing beside it":          s.mounts,
		"a writable mount takes files":                      s.mountsWritable,
		"a mount that cannot be made is an error":           s.mountRefuses,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// folder makes a folder that everyone can read, with one file.
func folder(t *testing.T, content string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o666); err != nil { // so that only the mount protects it
		t.Fatal(err)
	}
	return dir
}

func (s *suite) attaches(t *testing.T) {
	s.need(t, "code attach")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	spec := script(`
tell("before", lambda: os.listdir("/var/task"))
os.write(3, b"R"); os.read(3, 1)
tell("after", lambda: open("/var/task/file").read())
tell("write", lambda: open("/var/task/file", "a"))
tell("create", lambda: open("/var/task/new", "w"))
tell("remove", lambda: os.remove("/var/task/file"))
tell("chmod", lambda: os.chmod("/var/task/file", 0o777))
flags = [l.split()[3].split(",") for l in open("/proc/self/mounts") if l.split()[1] == "/var/task"]
print([f for f in ("ro", "nosuid", "nodev") if f in flags[0]])
`)
	spec.Stdout, spec.Stderr = w, w
	b := s.start(t, spec)
	w.Close()
	expect(t, b, "R")
	if err := b.Attach(t.Context(), folder(t, "code"), "/var/task"); err != nil {
		t.Fatal(err)
	}
	send(t, b, "x")
	wait(t, b)
	out := make([]byte, 4096)
	n, _ := r.Read(out)
	want := "before OK []\nafter OK code\nwrite EROFS\ncreate EROFS\nremove EROFS\nchmod EROFS\n" +
		"['ro', 'nosuid', 'nodev']\n"
	if diff := cmp.Diff(want, string(out[:n])); diff != "" {
		t.Errorf("guest printed (-want +got):\n%s", diff)
	}
}

func (s *suite) attachesHeld(t *testing.T) {
	s.need(t, "code attach")
	b := s.start(t, sandbox.Spec{})
	dir := folder(t, "#!/bin/sh\necho -n $1 >&3\n")
	os.Chmod(filepath.Join(dir, "file"), 0o755)
	if err := b.Attach(t.Context(), dir, "/var/task"); err != nil {
		t.Fatal(err)
	}
	if err := b.Exec(t.Context(), []string{"./file", "hello"}, nil, "/var/task"); err != nil {
		t.Fatal(err)
	}
	expect(t, b, "hello")
}

func (s *suite) attachRefuses(t *testing.T) {
	b := s.start(t, sandbox.Spec{})
	if err := b.Attach(t.Context(), "/no/such/folder", "/var/task"); err == nil {
		t.Error("Attach worked from a folder that does not exist")
	}
	if err := b.Attach(t.Context(), "/usr", "/no/such/target"); err == nil {
		t.Error("Attach worked to a folder that does not exist")
	}
}

func (s *suite) mounts(t *testing.T) {
	dir := folder(t, "content")
	spec := script(`
tell("folder", lambda: open("/root/.tool/versions/1/file").read())
tell("file", lambda: open("/opt/guest.py").read())
tell("beside", lambda: (os.listdir("/root"), os.listdir("/root/.tool"), os.listdir("/opt")))
tell("write folder", lambda: open("/root/.tool/versions/1/new", "w"))
tell("write file", lambda: open("/opt/guest.py", "w"))
tell("write beside", lambda: open("/opt/new", "w"))
`)
	spec.Mounts = []sandbox.Mount{
		{Source: dir, Target: "/root/.tool/versions/1"},
		{Source: filepath.Join(dir, "file"), Target: "/opt/guest.py"},
	}
	want := "folder OK content\nfile OK content\nbeside OK (['.tool'], ['versions'], ['guest.py'])\n" +
		"write folder EROFS\nwrite file EROFS\nwrite beside EROFS\n"
	if diff := cmp.Diff(want, s.run(t, spec).out); diff != "" {
		t.Errorf("guest printed (-want +got):\n%s", diff)
	}
}

func (s *suite) mountsWritable(t *testing.T) {
	dir := folder(t, "before")
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	spec := script(`
tell("write", lambda: open("/work/file", "w").write("after"))
tell("make", lambda: os.makedirs("/work/sub/a/b"))
tell("move", lambda: os.rename("/work/file", "/work/sub/a/file"))
tell("link", lambda: os.symlink("a/file", "/work/sub/link"))
tell("run", lambda: (open("/work/x", "w").write("#!/bin/sh\nexit 3\n"), os.chmod("/work/x", 0o755),
  os.waitstatus_to_exitcode(os.system("/work/x")))[2])
tell("file", lambda: open("/opt/log", "a").write("line"))
`)
	log := filepath.Join(folder(t, ""), "file")
	spec.Mounts = []sandbox.Mount{
		{Source: dir, Target: "/work", Writable: true}, {Source: log, Target: "/opt/log", Writable: true},
	}
	want := "write OK 5\nmake OK None\nmove OK None\nlink OK None\nrun OK 3\nfile OK 4\n"
	if diff := cmp.Diff(want, s.run(t, spec).out); diff != "" {
		t.Errorf("guest printed (-want +got):\n%s", diff)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "sub/link")); string(got) != "after" {
		t.Errorf("the host reads %q, %v", got, err)
	}
	if got, err := os.ReadFile(log); string(got) != "line" {
		t.Errorf("the host reads %q, %v", got, err)
	}
}

func (s *suite) mountRefuses(t *testing.T) {
	for name, m := range map[string]sandbox.Mount{
		"source missing":  {Source: "/no/such/source", Target: "/opt/x"},
		"source relative": {Source: "usr", Target: "/opt/x"},
		"target relative": {Source: "/usr", Target: "opt/x"},
		"target the root": {Source: "/usr", Target: "/"},
		"target /tmp":     {Source: "/usr", Target: "/tmp"},
		"target in /proc": {Source: "/usr", Target: "/proc/sys"},
		"target in /dev":  {Source: "/usr", Target: "/dev/../dev/x"},
		"target sealed":   {Source: "/usr", Target: "/usr/no/such/folder"},
	} {
		spec := sandbox.Spec{Argv: []string{"/bin/true"}, Mounts: []sandbox.Mount{m}}
		if _, err := s.try(t, spec); err == nil {
			t.Errorf("%s: Start worked", name)
		}
	}
}
