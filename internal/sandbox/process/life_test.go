// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/sandbox/process"
)

// Roles of this test's executable when it is started again, as its first argument.
const (
	roleNode     = "node"     // holds boxes until it is killed
	roleRootless = "rootless" // runs tests without root
)

func TestMain(m *testing.M) {
	role := ""
	if len(os.Args) > 1 {
		role = os.Args[1]
	}
	switch role {
	case roleNode:
		nodeMain(os.Args[2], os.Args[3])
	case roleRootless:
		if process.NeedsUserNamespace() {
			status, err := process.EnterUserNamespace()
			check(err)
			os.Exit(status)
		}
		os.Args = append(os.Args[:1], os.Args[2:]...)
	}
	os.Exit(m.Run())
}

// census counts what boxes could leave behind.
type census struct {
	Processes, Files, Cgroups, Mounts int
}

func takeCensus(t *testing.T, cgroup string) census {
	t.Helper()
	var c census
	procs, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range procs {
		b, _ := os.ReadFile(p)
		c.Processes += len(strings.Fields(string(b)))
	}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	c.Files = len(files)
	filepath.WalkDir("/sys/fs/cgroup", func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && strings.Contains(path, cgroup+"/") {
			c.Cgroups++
		}
		return nil
	})
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	c.Mounts = strings.Count(string(mounts), "\n")
	return c
}

func TestNothingLeaks(t *testing.T) {
	boxes := 200
	if testing.Short() {
		boxes = 20
	}
	cgroup := "dayfly-test-leak-" + strconv.Itoa(os.Getpid())
	d := open(t, cgroup)
	cycle(t, d, 8) // whatever is made once is made now
	before := settled(t, cgroup, nil)
	cycle(t, d, boxes)
	after := settled(t, cgroup, &before)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("after %d boxes (-before +after):\n%s", boxes, diff)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if c := takeCensus(t, cgroup); c.Cgroups != 0 {
		t.Errorf("%d control groups are left after Close", c.Cgroups)
	}
}

// settled takes a census when it equals want, or has not changed for a while: groups
// are made ahead and removed later by goroutines.
func settled(t *testing.T, cgroup string, want *census) census {
	last := takeCensus(t, cgroup)
	for same, deadline := 0, time.Now().Add(10*time.Second); time.Now().Before(deadline); {
		if want != nil && last == *want || want == nil && same == 5 {
			break
		}
		<-time.After(20 * time.Millisecond)
		now := takeCensus(t, cgroup)
		same++
		if now != last {
			same = 0
		}
		last = now
	}
	return last
}

// cycle starts boxes, four at a time, uses and ends them in different ways.
func cycle(t *testing.T, d sandbox.Driver, n int) {
	t.Helper()
	dir := t.TempDir()
	tokens := make(chan struct{}, 4)
	for i := range n {
		tokens <- struct{}{}
		go func() {
			defer func() { <-tokens }()
			spec := sandbox.Spec{ID: dayfly.InstanceID("leak-" + strconv.Itoa(i))}
			if i%4 != 0 {
				spec.Argv = []string{"/bin/sleep", "1000"}
			}
			if i%4 == 3 {
				spec.Argv[0] = "/no/such/program"
			}
			b, err := d.Start(t.Context(), spec)
			if err != nil {
				if i%4 != 3 {
					t.Error(err)
				}
				return
			}
			if err := b.Attach(t.Context(), dir, "/var/task"); err != nil {
				t.Error(err)
			}
			if _, err := b.Dial(t.Context(), 80); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Error(err)
			}
			b.Control().Close()
			b.Kill()
			<-b.Done()
		}()
	}
	for range cap(tokens) {
		tokens <- struct{}{}
	}
}

// TestKilledNode holds two promises: boxes end with their node, however it ends, and
// the next node of the same name removes what is left.
func TestKilledNode(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("boxes need root")
	}
	cgroup := "dayfly-test-killed-" + strconv.Itoa(os.Getpid())
	node := exec.Command("/proc/self/exe", roleNode, t.TempDir(), cgroup)
	node.Stderr = os.Stderr
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	defer node.Process.Kill()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("read from node: %v", err)
	}
	if c := takeCensus(t, cgroup); c.Cgroups == 0 {
		t.Fatal("the node has no control groups")
	}
	node.Process.Kill()
	node.Wait()

	deadline := time.Now().Add(10 * time.Second)
	for _, f := range strings.Fields(line) {
		pid, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		for runs(pid) {
			if time.Now().After(deadline) {
				t.Fatalf("process %d outlived its node", pid)
			}
			<-time.After(time.Millisecond)
		}
	}
	d := open(t, cgroup)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if c := takeCensus(t, cgroup); c.Cgroups != 0 {
		t.Errorf("%d control groups are left", c.Cgroups)
	}
}

// runs tells whether a process is neither gone nor a zombie that awaits its reaper.
func runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// nodeMain starts a held box, two with programs and a zygote with a fork, prints the numbers of all their
// processes and waits to be killed.
func nodeMain(dir, cgroup string) {
	d, err := process.New(process.Config{RunDir: dir, CgroupName: cgroup}, slog.Default())
	check(err)
	for _, argv := range [][]string{nil, {"/bin/sleep", "1000"}, {"/bin/sh", "-c", "sleep 1000 & wait"}} {
		_, err := d.Start(noContext(), sandbox.Spec{ID: "node", Argv: argv})
		check(err)
	}
	processes := 5 // the airlock and those of the boxes
	if _, err := os.Stat(interpreter); err == nil {
		z, err := d.Zygote(noContext(), zygoteSpec())
		check(err)
		_, err = z.Start(noContext(), sandbox.Spec{ID: "fork"})
		check(err)
		processes += 2
	}
	lists, err := filepath.Glob("/sys/fs/cgroup/*/" + cgroup + "/*/cgroup.procs")
	check(err)
	var pids []string
	for len(pids) < processes {
		pids = pids[:0]
		seen := make(map[string]bool)
		for _, l := range lists {
			b, err := os.ReadFile(l)
			check(err)
			for _, p := range strings.Fields(string(b)) {
				if !seen[p] {
					seen[p] = true
					pids = append(pids, p)
				}
			}
		}
	}
	fmt.Println(strings.Join(pids, " "))
	select {}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestAirlockEnds kills the airlock under the driver: boxes live on, and the next
// start brings a new one.
func TestAirlockEnds(t *testing.T) {
	d := newDriver(t)
	b, err := d.Start(t.Context(), sandbox.Spec{ID: "old", Argv: []string{"/bin/sh", "-c", "read x <&3; echo $x >&3"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range must(filepath.Glob("/proc/self/task/*/children")) {
		raw, _ := os.ReadFile(list)
		for _, pid := range strings.Fields(string(raw)) {
			name, _ := os.ReadFile("/proc/" + pid + "/cmdline")
			if n, err := strconv.Atoi(pid); err == nil && strings.HasPrefix(string(name), "dayfly-airlock") {
				syscall.Kill(n, syscall.SIGKILL)
			}
		}
	}
	next, err := d.Start(t.Context(), sandbox.Spec{ID: "new", Argv: []string{"/bin/true"}})
	if err != nil {
		t.Fatalf("Start after the airlock ended: %v", err)
	}
	<-next.Done()
	io.WriteString(b.Control(), "alive\n")
	got := make([]byte, 6)
	if _, err := io.ReadFull(b.Control(), got); err != nil || string(got) != "alive\n" {
		t.Errorf("the old box answers %q, %v", got, err)
	}
}

// TestDeadNodesAreRemoved makes what a killed node leaves, and what a living one has.
func TestDeadNodesAreRemoved(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("making control groups needs root")
	}
	bases := must(filepath.Glob("/sys/fs/cgroup/pids"))
	if len(bases) == 0 {
		bases = []string{"/sys/fs/cgroup"}
	}
	family := "dayflytest" + strconv.Itoa(os.Getpid())
	old := time.Now().Add(-time.Hour)
	dirs := make(map[string]string)
	for _, name := range []string{"dead", "living", "new"} {
		dirs[name] = filepath.Join(bases[0], family+"-"+name)
		for _, sub := range []string{"airlock", "1"} {
			dir := filepath.Join(dirs[name], sub)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Skipf("control groups cannot be made: %v", err)
			}
			defer os.Remove(dirs[name])
			defer os.Remove(dir)
		}
		if name != "new" {
			if err := os.Chtimes(dirs[name], old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	sleeper := exec.Command("/bin/sleep", "1000")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	defer sleeper.Wait()
	defer sleeper.Process.Kill()
	procs := filepath.Join(dirs["living"], "airlock/cgroup.procs")
	if err := os.WriteFile(procs, []byte(strconv.Itoa(sleeper.Process.Pid)), 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, family+"-self")
	for name, want := range map[string]bool{"dead": false, "living": true, "new": true} {
		if _, err := os.Stat(dirs[name] + "/1"); (err == nil) != want {
			t.Errorf("group of a %s node: %v, want kept %v", name, err, want)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
