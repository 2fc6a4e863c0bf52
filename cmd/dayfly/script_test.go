// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

	"github.com/rogpeppe/go-internal/testscript"
)

// Bounds of what a story waits for: a loaded machine with two processors is slow, but
// what takes longer than these is stuck.
const (
	startTimeout = 30 * time.Second
	stopTimeout  = 45 * time.Second // the node drains for 30 s at most
	waitTimeout  = 30 * time.Second
	httpTimeout  = time.Minute
)

// binary is the folder of the dayfly that the stories drive, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "dayfly-test-")
	if err == nil {
		build := exec.Command("go", "build", "-o", filepath.Join(dir, "dayfly"), ".")
		build.Stderr = os.Stderr
		err = build.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "build dayfly:", err)
		os.Exit(1)
	}
	binary = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// TestScripts runs one user story a file. Beside the commands of testscript, a story
// has those of docs in testdata/script/README.
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("the stories start whole nodes: they need more than ten seconds")
	}
	skipUnlessAble(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Condition: func(name string) (bool, error) {
			return name == "root" && os.Geteuid() == 0, nil
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", binary+":"+env.Getenv("PATH"))
			env.Setenv("DAYFLY_DATA", filepath.Join(env.WorkDir, "data"))
			env.Values["node"] = &node{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"up": cmdUp, "down": cmdDown, "hup": cmdHup, "killup": cmdKillUp, "dayfly": cmdDayfly,
			"fails": cmdFails, "http": cmdHTTP, "wait-for": cmdWaitFor,
		},
	})
}

// skipUnlessAble asks the program itself whether functions can run on this machine.
func skipUnlessAble(t *testing.T) {
	t.Helper()
	doctor := exec.Command(filepath.Join(binary, "dayfly"), "doctor")
	doctor.Env = []string{"PATH=" + os.Getenv("PATH"), "DAYFLY_DATA=" + t.TempDir()}
	out, err := doctor.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && strings.Contains(string(out), "functions cannot run") {
		t.Skipf("no story can be told on this machine:\n%s", out)
	}
	if err != nil {
		t.Fatalf("dayfly doctor: %v\n%s", err, out)
	}
}

// node is the dayfly that a story started.
type node struct {
	cmd  *exec.Cmd
	log  *os.File
	dead chan error
}

// cmdUp starts a node on free ports: up [-as UID] [FLAGS]. It sets GATEWAY, DAYFLY_URL
// and DAYFLY_TOKEN.
func cmdUp(ts *testscript.TestScript, neg bool, args []string) {
	n := ts.Value("node").(*node)
	if n.cmd != nil {
		ts.Fatalf("a node is up already")
	}
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if len(args) > 1 && args[0] == "-as" {
		attr.Credential = as(ts, args[1])
		args = args[2:]
	}
	log, err := os.OpenFile(ts.MkAbs("up.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	args = append([]string{"up", "--json", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--s3", "127.0.0.1:0",
		"--stems", "1"}, args...)
	n.cmd = exec.Command(filepath.Join(binary, "dayfly"), args...)
	n.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + ts.Getenv("WORK"),
		"DAYFLY_DATA=" + ts.Getenv("DAYFLY_DATA"), "TMPDIR=" + ts.Getenv("TMPDIR")}
	n.cmd.Dir, n.cmd.Stderr, n.log = ts.Getenv("WORK"), log, log
	n.cmd.SysProcAttr = attr
	out, err := n.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(n.cmd.Start())
	n.dead = make(chan error, 1)
	told := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		told <- line
		n.dead <- n.cmd.Wait()
	}()
	ts.Defer(func() { n.stop(syscall.SIGKILL) })
	select {
	case line := <-told:
		ready(ts, neg, line)
	case <-time.After(startTimeout):
		ts.Fatalf("the node is not up after %s:\n%s", startTimeout, ts.ReadFile("up.log"))
	}
}

// as lets another user reach what a node needs, and become it.
func as(ts *testscript.TestScript, id string) *syscall.Credential {
	uid, err := strconv.ParseUint(id, 10, 32)
	ts.Check(err)
	work, data := ts.Getenv("WORK"), ts.Getenv("DAYFLY_DATA")
	for _, dir := range []string{binary, filepath.Dir(work), work} {
		ts.Check(os.Chmod(dir, 0o755))
	}
	ts.Check(os.MkdirAll(data, 0o700))
	for _, dir := range []string{data, ts.Getenv("TMPDIR")} {
		ts.Check(os.Chown(dir, int(uid), int(uid)))
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
}

// ready reads where the node listens and waits until it answers.
func ready(ts *testscript.TestScript, neg bool, line string) {
	var at struct {
		Gateway string `json:"gateway_url"`
		API     string `json:"api_url"`
	}
	err := json.Unmarshal([]byte(line), &at)
	if neg {
		if err == nil {
			ts.Fatalf("the node is up, and should not be")
		}
		return
	}
	if err != nil {
		ts.Fatalf("the node did not come up: %s", ts.ReadFile("up.log"))
	}
	resp, err := http.Get(at.API + "/health")
	ts.Check(err)
	resp.Body.Close()
	token, err := os.ReadFile(filepath.Join(ts.Getenv("DAYFLY_DATA"), "token"))
	ts.Check(err)
	ts.Setenv("GATEWAY", at.Gateway)
	ts.Setenv("DAYFLY_URL", at.API)
	ts.Setenv("DAYFLY_TOKEN", strings.TrimSpace(string(token)))
}

// cmdDown stops the node as a supervisor does, and wants it to end well: down.
func cmdDown(ts *testscript.TestScript, neg bool, _ []string) {
	err := ts.Value("node").(*node).stop(syscall.SIGTERM)
	if (err != nil) != neg {
		ts.Fatalf("the node ended with %v:\n%s", err, ts.ReadFile("up.log"))
	}
}

// cmdHup tells the node that its access log was moved away: hup.
func cmdHup(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(ts.Value("node").(*node).cmd.Process.Signal(syscall.SIGHUP))
}

// cmdKillUp ends the node as a crash does: killup.
func cmdKillUp(ts *testscript.TestScript, _ bool, _ []string) {
	_ = ts.Value("node").(*node).stop(syscall.SIGKILL) // it does not end well
}

func (n *node) stop(signal syscall.Signal) error {
	if n.cmd == nil {
		return nil
	}
	defer func() { n.cmd = nil }()
	defer n.log.Close()
	_ = n.cmd.Process.Signal(signal) // gone already: Wait tells
	select {
	case err := <-n.dead:
		return err
	case <-time.After(stopTimeout):
		_ = n.cmd.Process.Kill()
		<-n.dead
		return errors.New("it did not end in time")
	}
}

// cmdDayfly runs the command line: dayfly ARGS.
func cmdDayfly(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec("dayfly", args...)
	if (err != nil) != neg {
		ts.Fatalf("dayfly %s: %v", strings.Join(args, " "), err)
	}
}

// cmdFails wants a certain exit code: fails CODE dayfly ARGS.
func cmdFails(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fails CODE PROGRAM [ARGS]")
	}
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || strconv.Itoa(exit.ExitCode()) != args[0] {
		ts.Fatalf("%s: %v, want exit code %s", strings.Join(args[1:], " "), err, args[0])
	}
}

// cmdHTTP makes a request: http [-status N] [-H 'K: V'] [-d BODY] METHOD URL. Its body
// becomes stdout, its head stderr, and INVOCATION the call that it was.
func cmdHTTP(ts *testscript.TestScript, neg bool, args []string) {
	status, body, header := 200, "", http.Header{}
	for len(args) > 1 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-status":
			n, err := strconv.Atoi(args[1])
			ts.Check(err)
			status = n
		case "-d":
			body = args[1]
		case "-H":
			name, value, _ := strings.Cut(args[1], ":")
			header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		default:
			ts.Fatalf("http: unknown flag %s", args[0])
		}
		args = args[2:]
	}
	if neg || len(args) != 2 {
		ts.Fatalf("usage: http [-status N] [-H HEADER] [-d BODY] METHOD URL")
	}
	ctx, cancel := context.WithTimeout(context.Background(), httpTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, args[0], args[1], strings.NewReader(body))
	ts.Check(err)
	req.Header, req.Host = header, header.Get("Host")
	resp, err := http.DefaultTransport.RoundTrip(req) // a redirect is an answer
	ts.Check(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	ts.Check(err)
	_, err = ts.Stdout().Write(text)
	ts.Check(err)
	ts.Check(resp.Header.Write(ts.Stderr()))
	ts.Setenv("INVOCATION", resp.Header.Get("X-Dayfly-Invocation"))
	ts.Setenv("EVENT", resp.Header.Get("X-Dayfly-Event"))
	if resp.StatusCode != status {
		ts.Fatalf("%s answered %s, want %d:\n%s\n%s", args[1], resp.Status, status, text,
			ts.ReadFile("up.log"))
	}
}

// cmdWaitFor repeats a command until its output matches: wait-for REGEXP PROGRAM [ARGS].
func cmdWaitFor(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: wait-for REGEXP PROGRAM [ARGS]")
	}
	want, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	for deadline := time.Now().Add(waitTimeout); ; time.Sleep(20 * time.Millisecond) {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && want.MatchString(ts.ReadFile("stdout")) != neg {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s: no such output in %s", strings.Join(args[1:], " "), waitTimeout)
		}
	}
}
