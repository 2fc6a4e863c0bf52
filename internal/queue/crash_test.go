// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

// The test binary is also the process that is killed: with these set it works on a data
// folder until it is done, or dead.
const (
	childDir   = "QUEUE_TEST_DIR"   // the folder
	childPoint = "QUEUE_TEST_POINT" // "NAME:N": kill at the Nth time at that point
	childLoad  = "QUEUE_TEST_LOAD"  // "1": push until killed; "0": finish what there is
	childEnds  = "QUEUE_TEST_ENDS"  // "1": kill when all that was pushed has ended
)

// streamOf counts what a stream holds.
type streamOf struct{ jetstream.Stream }

func (s streamOf) left(ctx context.Context) uint64 {
	info, err := s.Info(ctx)
	if err != nil {
		return 1
	}
	return info.State.Msgs
}

// child is what the process that is killed does; it tells whether this is one.
func child() bool {
	dir := os.Getenv(childDir)
	if dir == "" {
		return false
	}
	c := &childRun{dir: dir}
	if err := c.run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

type childRun struct {
	dir      string
	q        *Queue
	effects  *os.File // "BODY EVENT NANOSECONDS" of each execution that succeeded
	accepted *os.File // "BODY EVENT" of each push that returned
	intents  *os.File // "BODY" of each keyed push before it is made
}

func (c *childRun) run() error {
	var err error
	for name, f := range map[string]**os.File{"effects": &c.effects, "accepted": &c.accepted, "intents": &c.intents} {
		if *f, err = os.OpenFile(filepath.Join(c.dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
			return err
		}
	}
	log := slog.New(slog.DiscardHandler)
	b := bus.New(bus.Config{Dir: c.dir}, log)
	if err := b.Open(context.Background()); err != nil {
		return err
	}
	defer func() { _ = b.Close() }()
	w := &world{dir: c.dir, log: log, specs: map[dayfly.FunctionName]*dayfly.Spec{},
		funcs: map[dayfly.FunctionName]function{}, infos: map[dayfly.EventID]*dayfly.EventInfo{},
		life: map[dayfly.EventID][]dayfly.EventState{}}
	c.functions(w)
	if c.q, err = New(Config{}, log, Deps{Bus: b, Resolver: w, Invoker: w, Journal: w, Poster: &posts{}}); err != nil {
		return err
	}
	c.q.fault = killAt(os.Getenv(childPoint))
	if err := c.q.Open(context.Background()); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- c.q.Run(ctx) }()
	switch {
	case os.Getenv(childEnds) != "":
		return c.end()
	case os.Getenv(childLoad) != "":
		c.load(os.Getenv(childLoad) == "1")
	default:
		c.story()
	}
	c.finish()
	cancel()
	return <-ended
}

// killAt gives a hook that ends the process as kill -9 does.
func killAt(point string) func(string) {
	name, nth, ok := strings.Cut(point, "#")
	if !ok {
		return func(string) {}
	}
	n, _ := strconv.ParseInt(nth, 10, 64)
	var seen atomic.Int64
	return func(at string) {
		if at == name && seen.Add(1) == n {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
}

// functions deploys one of each kind.
func (c *childRun) functions(w *world) {
	effect := func(e call) {
		_, _ = fmt.Fprintf(c.effects, "%s %s %d\n", strings.Fields(e.Body + " -")[0], e.Event, time.Now().UnixNano())
	}
	ok := func(_ context.Context, e call) (*dayfly.Result, error) {
		effect(e)
		return status(200), nil
	}
	w.deploy("ok", ok)
	w.deploy("told", ok, func(s *dayfly.Spec) {
		s.Destinations.OnSuccess = &dayfly.Destination{URL: "http://there.example/"}
	})
	w.deploy("chain", ok, func(s *dayfly.Spec) { s.Destinations.OnSuccess = &dayfly.Destination{Function: "last"} })
	w.deploy("last", func(_ context.Context, e call) (*dayfly.Result, error) {
		e.Body = "last"
		effect(e)
		return status(200), nil
	})
	w.deploy("second", func(_ context.Context, e call) (*dayfly.Result, error) {
		if e.Attempt < 2 {
			return status(500), nil
		}
		effect(e)
		return status(200), nil
	})
	w.deploy("third", func(_ context.Context, e call) (*dayfly.Result, error) {
		if e.Attempt < 3 {
			return status(500), nil
		}
		effect(e)
		return status(200), nil
	})
	w.deploy("fatal", func(_ context.Context, e call) (*dayfly.Result, error) {
		if !c.mended() {
			return status(400), nil
		}
		effect(e)
		return status(200), nil
	})
	w.deploy("f", ok, fromQueue(dayfly.QueueTrigger{}))
}

// push accepts an event and writes down that it did.
func (c *childRun) push(p Push, body string) {
	p.Call = httpCall(body)
	if p.Key != "" {
		_, _ = fmt.Fprintln(c.intents, body)
	}
	a, err := c.q.Push(context.Background(), p)
	if err == nil {
		_, _ = fmt.Fprintln(c.accepted, body, a.ID)
	}
}

// story pushes one of each kind, and redrives what died.
func (c *childRun) story() {
	for i, name := range []dayfly.FunctionName{"ok", "told", "chain", "second", "fatal"} {
		c.push(Push{Function: ref(name), Key: "key-" + string(name)}, fmt.Sprintf("keyed-%s", name))
		c.push(Push{Function: ref(name)}, fmt.Sprintf("plain-%s-%d-%d", name, i, time.Now().UnixNano()))
		c.push(Push{Function: ref(name), Key: "later-" + string(name), After: time.Now().Add(20 * time.Millisecond)},
			fmt.Sprintf("later-%s", name))
	}
	many := []Push{message("", 1), message("", 2), message("", 3)}
	_, _ = c.q.PushAll(context.Background(), many)
	for !c.mended() && c.lettersLeft() < 1 {
		time.Sleep(time.Millisecond)
	}
	_ = os.WriteFile(filepath.Join(c.dir, "mended"), nil, 0o600)
}

// end executes an event that needs several attempts, and one that was buried twice, as a
// crash between the burial and the removal does; when both have ended it dies. One of each
// kind stays, so that the files of the streams do.
func (c *childRun) end() error {
	now := time.Now()
	c.push(Push{Function: ref("ok"), After: now.Add(time.Hour)}, "stays")
	c.push(Push{Function: ref("third")}, "third")
	e := &work.Entry{ID: dayfly.NewEventID(now), Function: ref("ok"), Source: dayfly.SourceAsync, Accepted: now,
		Call: &work.Call{Kind: dayfly.RequestHTTP, Method: "POST", Path: "/"}, Body: []byte("buried")}
	stays := *e
	stays.ID = dayfly.NewEventID(now)
	for _, one := range []*work.Entry{&stays, e, e} {
		if err := c.q.bury(context.Background(), one); err != nil {
			return err
		}
	}
	if n, err := c.q.Redrive(context.Background(), Letters{ID: e.ID}); n != 1 || err != nil {
		return fmt.Errorf("%d letters were redriven: %w", n, err)
	}
	for len(lines(filepath.Join(c.dir, "effects"))) < 2 ||
		(streamOf{c.q.work}).left(context.Background()) > 0 || (streamOf{c.q.later}).left(context.Background()) > 1 {
		time.Sleep(time.Millisecond)
	}
	return syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

// mended tells whether the function that always fails does so no more.
func (c *childRun) mended() bool {
	_, err := os.Stat(filepath.Join(c.dir, "mended"))
	return err == nil
}

func (c *childRun) lettersLeft() int {
	list, err := c.q.subjects(context.Background(), Letters{})
	if err != nil {
		return 0
	}
	return len(list)
}

// finish waits until nothing is left, and redrives what died meanwhile.
func (c *childRun) finish() {
	for {
		for !(&running{Queue: c.q}).empty() {
			time.Sleep(time.Millisecond)
		}
		if c.lettersLeft() == 0 {
			return
		}
		if _, err := c.q.Redrive(context.Background(), Letters{}); err != nil {
			panic(err)
		}
	}
}

// load repeats what keyed pushes the last process left in doubt, and pushes until the
// process is killed.
func (c *childRun) load(more bool) {
	sure := lines(filepath.Join(c.dir, "accepted"))
	for body := range lines(filepath.Join(c.dir, "intents")) {
		if _, ok := sure[body]; !ok {
			c.push(Push{Function: ref("ok"), Key: body}, body)
		}
	}
	if !more {
		return
	}
	fmt.Println("loaded")
	var wg sync.WaitGroup
	for worker := range 6 {
		wg.Go(func() {
			for i := 0; ; i++ {
				body := fmt.Sprintf("%d-%d-%d", os.Getpid(), worker, i)
				switch i % 4 {
				case 0:
					c.push(Push{Function: ref("ok"), Key: body}, body)
				case 1:
					c.push(Push{Function: ref("second")}, body)
				case 2:
					c.push(Push{Function: ref("ok"), After: time.Now().Add(rand.N(50 * time.Millisecond))}, body)
				default:
					c.push(Push{Function: ref("told")}, body)
				}
			}
		})
	}
	wg.Wait()
}

// lines reads a file of "BODY REST" lines; each body's rests are in order.
func lines(path string) map[string][]string {
	found := map[string][]string{}
	f, err := os.Open(path)
	if err != nil {
		return found
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		body, rest, _ := strings.Cut(s.Text(), " ")
		found[body] = append(found[body], rest)
	}
	return found
}

// start runs the child until it ends or kill says so; it tells how it ended.
func start(t *testing.T, kill func(*exec.Cmd), env ...string) error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if kill != nil {
		_, _ = bufio.NewReader(out).ReadString('\n')
		kill(cmd)
	}
	watchdog := time.AfterFunc(60*time.Second, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	return cmd.Wait()
}

func killed(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
}

// points are all places before and after a write; a test checks that there are no others.
var points = []string{"push:before", "push:after", "pushall:before", "pushall:after", "key:before", "key:after",
	"key:accept", "later:before", "later:after", "attempt:before", "attempt:after", "retry:between", "dead:before",
	"dead:after", "destination:before", "destination:after", "post:before", "post:after", "redrive:before",
	"redrive:between", "finish:before", "finish:after"}

func TestEveryPointIsEnumerated(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`\.fault\("([^"]+)"\)`).FindAllSubmatch(text, -1) {
			found[string(m[1])] = true
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(found)), slices.Sorted(slices.Values(points))); diff != "" {
		t.Errorf("points in the code, and in this test (-code +test):\n%s", diff)
	}
}

func TestNothingIsLostAtAnyPoint(t *testing.T) {
	t.Parallel()
	for _, point := range points {
		for _, nth := range []int{1, 3} {
			if nth > 1 && testing.Short() {
				continue
			}
			t.Run(fmt.Sprint(point, " ", nth), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				err := start(t, nil, childDir+"="+dir, childPoint+"="+point+"#"+strconv.Itoa(nth))
				if !killed(err) && (err != nil || nth == 1) {
					t.Fatalf("the process ended with %v, want it killed at %s", err, point)
				}
				if err := start(t, nil, childDir+"="+dir); err != nil {
					t.Fatalf("the next process: %v", err)
				}
				effects := lines(filepath.Join(dir, "effects"))
				for body, ids := range lines(filepath.Join(dir, "accepted")) {
					if len(effects[body]) == 0 {
						t.Errorf("%s was accepted as %v and never executed", body, ids)
					}
				}
				for body := range lines(filepath.Join(dir, "intents")) {
					if n := len(events(effects[body])); n != 1 {
						t.Errorf("%s was pushed with one key and became %d events", body, n)
					}
				}
				for body, rest := range effects {
					// Once before the kill and once after it; where the machine is slow, once more because
					// an acknowledgement came late.
					if n := len(rest); n > 3 && body != "last" && !strings.HasPrefix(body, "{") {
						t.Errorf("%s was executed %d times", body, n)
					}
				}
			})
		}
	}
}

func TestKilledLaterWhatEndedDoesNotComeBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := start(t, nil, childDir+"="+dir, childEnds+"=1"); !killed(err) {
		t.Fatalf("the process ended with %v", err)
	}
	b := bus.New(bus.Config{Dir: dir}, slog.New(slog.DiscardHandler))
	if err := b.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, cfg := range []jetstream.StreamConfig{bus.LaterStream(), bus.DeadStream()} {
		stream, err := b.Stream(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if n := (streamOf{stream}).left(t.Context()); n != 1 {
			t.Errorf("%s has %d messages, want the one that did not end", cfg.Name, n)
		}
	}
}

// events gives the identities in "EVENT NANOSECONDS" lines.
func events(rests []string) map[string]bool {
	ids := map[string]bool{}
	for _, rest := range rests {
		id, _, _ := strings.Cut(rest, " ")
		ids[id] = true
	}
	return ids
}

// crashes is how often the process is killed under load; QUEUE_CRASHES gives another.
func crashes() int {
	if n, err := strconv.Atoi(os.Getenv("QUEUE_CRASHES")); err == nil {
		return n
	}
	if testing.Short() {
		return 4
	}
	return 30
}

// underWay is how long before the end of a process an execution may have ended whose event
// is executed once more: its acknowledgement was on its way.
const underWay = time.Second

func TestNothingIsLostUnderLoad(t *testing.T) {
	dir := t.TempDir()
	var ends []time.Time
	for range crashes() {
		err := start(t, func(cmd *exec.Cmd) {
			time.Sleep(20*time.Millisecond + rand.N(250*time.Millisecond))
			ends = append(ends, time.Now())
			_ = cmd.Process.Kill()
		}, childDir+"="+dir, childLoad+"=1")
		if !killed(err) {
			t.Fatalf("the process ended with %v", err)
		}
	}
	if err := start(t, nil, childDir+"="+dir, childLoad+"=0"); err != nil {
		t.Fatalf("the last process: %v", err)
	}
	effects, accepted := lines(filepath.Join(dir, "effects")), lines(filepath.Join(dir, "accepted"))
	repeated, lost, executed := 0, 0, 0
	for body := range accepted {
		if len(effects[body]) == 0 {
			lost++
		}
	}
	for body, rests := range effects {
		executed += len(rests)
		repeated += len(rests) - 1
		if len(events(rests)) != 1 {
			t.Errorf("%s became events %v", body, rests)
		}
		for _, rest := range rests[:len(rests)-1] {
			if !before(ends, rest) {
				t.Errorf("%s was executed again though its attempt had ended long before: %v", body, rests)
			}
		}
	}
	t.Logf("%d crashes: %d accepted, %d executed, %d of them again, %d lost", len(ends), len(accepted), executed, repeated, lost)
	if lost > 0 || len(accepted) == 0 {
		t.Errorf("%d of %d accepted events were lost", lost, len(accepted))
	}
}

// before tells whether an execution ended shortly before one of the ends.
func before(ends []time.Time, rest string) bool {
	_, text, _ := strings.Cut(rest, " ")
	nanos, _ := strconv.ParseInt(text, 10, 64)
	at := time.Unix(0, nanos)
	for _, end := range ends {
		if !at.After(end.Add(underWay)) && end.Sub(at) < underWay {
			return true
		}
	}
	return false
}
