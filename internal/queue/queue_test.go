// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/logs"
	"github.com/dayfly-faas/dayfly/internal/queue/outcome"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

func TestMain(m *testing.M) {
	if child() {
		return
	}
	goleak.VerifyTestMain(m)
}

// world is what a queue needs around it: a real bus, and functions that are Go.
type world struct {
	t   testing.TB
	dir string
	log *slog.Logger
	bus bus.Config // its folder is dir

	mu    sync.Mutex // guards what follows
	specs map[dayfly.FunctionName]*dayfly.Spec
	funcs map[dayfly.FunctionName]function
	calls []call
	infos map[dayfly.EventID]*dayfly.EventInfo
	life  map[dayfly.EventID][]dayfly.EventState
}

// function answers a call.
type function func(ctx context.Context, c call) (*dayfly.Result, error)

// call is one invocation as a function saw it.
type call struct {
	Function dayfly.FunctionName
	Event    dayfly.EventID
	Attempt  int
	Batch    int
	Header   http.Header
	Body     string
	At       time.Time
}

func newWorld(t testing.TB) *world {
	return &world{t: t, dir: t.TempDir(), log: slog.New(slog.DiscardHandler),
		specs: map[dayfly.FunctionName]*dayfly.Spec{}, funcs: map[dayfly.FunctionName]function{},
		infos: map[dayfly.EventID]*dayfly.EventInfo{}, life: map[dayfly.EventID][]dayfly.EventState{}}
}

// deploy makes a function; retries are quick unless change says otherwise.
func (w *world) deploy(name dayfly.FunctionName, f function, change ...func(*dayfly.Spec)) dayfly.FunctionRef {
	spec := dayfly.DefaultSpec()
	spec.Retry.BackoffMin, spec.Retry.BackoffMax = time.Millisecond, 5*time.Millisecond
	for _, c := range change {
		c(&spec)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.specs[name], w.funcs[name] = &spec, f
	return ref(name)
}

func ref(name dayfly.FunctionName) dayfly.FunctionRef {
	return dayfly.FunctionRef{Project: dayfly.DefaultProject, Name: name}
}

func (w *world) remove(name dayfly.FunctionName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.specs, name)
}

// Resolve implements Resolver.
func (w *world) Resolve(ref dayfly.FunctionRef, _ dayfly.AliasName) (*dayfly.Revision, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	spec := w.specs[ref.Name]
	if spec == nil {
		return nil, dayfly.Errorf(dayfly.KindNotFound, "function %s not found", ref)
	}
	return &dayfly.Revision{ID: ref.Revision(1), Function: ref, Number: 1, Spec: *spec}, nil
}

// Invoke implements Invoker.
func (w *world) Invoke(ctx context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
	body, err := io.ReadAll(inv.Request.Body)
	if err != nil {
		return nil, err
	}
	c := call{inv.Function.Name, inv.Event, inv.Attempt, inv.Batch, inv.Request.Header, string(body), time.Now()}
	w.mu.Lock()
	w.calls = append(w.calls, c)
	f := w.funcs[inv.Function.Name]
	w.mu.Unlock()
	return f(ctx, c)
}

// Event implements Journal.
func (w *world) Event(info *dayfly.EventInfo) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.infos[info.ID] = info
	w.life[info.ID] = append(w.life[info.ID], info.State)
}

// FindEvent implements Journal.
func (w *world) FindEvent(_ context.Context, id dayfly.EventID) (*dayfly.EventInfo, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if info := w.infos[id]; info != nil {
		return info, nil
	}
	return nil, dayfly.Errorf(dayfly.KindNotFound, "event %s not found", id)
}

// Events implements Journal.
func (w *world) Events(context.Context, logs.EventQuery) ([]dayfly.EventInfo, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []dayfly.EventInfo
	for _, info := range w.infos {
		list = append(list, *info)
	}
	return list, nil
}

// KeptUntil implements Journal: nothing is kept.
func (w *world) KeptUntil() time.Time { return time.Time{} }

// Unended implements Journal: nothing is kept.
func (w *world) Unended(context.Context) ([]*dayfly.EventInfo, error) { return nil, nil }

// EventUnlessTold implements Journal.
func (w *world) EventUnlessTold(info *dayfly.EventInfo) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.infos[info.ID] == nil {
		w.infos[info.ID] = info
	}
}

// Flush implements Journal.
func (w *world) Flush(context.Context) {}

// seen gives the calls of a function so far.
func (w *world) seen(name dayfly.FunctionName) []call {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []call
	for _, c := range w.calls {
		if c.Function == name {
			list = append(list, c)
		}
	}
	return list
}

// open opens a queue over the world's data, which executes when run is called.
func (w *world) open(change ...func(*Config, *Deps)) *running {
	w.t.Helper()
	w.bus.Dir = w.dir
	b := bus.New(w.bus, w.log)
	if err := b.Open(context.Background()); err != nil {
		w.t.Fatalf("open bus: %v", err)
	}
	cfg, deps := Config{}, Deps{Bus: b, Resolver: w, Invoker: w, Journal: w}
	for _, c := range change {
		c(&cfg, &deps)
	}
	q, err := New(cfg, w.log, deps)
	if err == nil {
		err = q.Open(context.Background())
	}
	if err != nil {
		w.t.Fatalf("open queue: %v", err)
	}
	r := &running{Queue: q, bus: b, t: w.t, ended: make(chan error, 1)}
	w.t.Cleanup(r.close)
	return r
}

// running is a queue and what it stands on.
type running struct {
	*Queue
	bus   *bus.Bus
	t     testing.TB
	stop  context.CancelFunc
	ended chan error
	once  sync.Once
}

func (r *running) run() *running {
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	go func() { r.ended <- r.Run(ctx) }()
	return r
}

// close stops it as a node does.
func (r *running) close() {
	r.once.Do(func() {
		if r.stop != nil {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			r.Drain(ctx)
			r.stop()
			if err := <-r.ended; err != nil {
				r.t.Errorf("Run: %v", err)
			}
		}
		if err := r.bus.Close(); err != nil {
			r.t.Errorf("close bus: %v", err)
		}
	})
}

func answer200(context.Context, call) (*dayfly.Result, error) { return status(200), nil }

func status(code int) *dayfly.Result {
	return &dayfly.Result{Status: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("answer"))}
}

// within polls until ok holds.
func within(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if ok() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatalf("%s: not within 30s", what)
}

func (w *world) state(id dayfly.EventID) dayfly.EventState {
	info, err := w.FindEvent(context.Background(), id)
	if err != nil {
		return ""
	}
	return info.State
}

func (w *world) reaches(id dayfly.EventID, want dayfly.EventState) *dayfly.EventInfo {
	w.t.Helper()
	within(w.t, fmt.Sprintf("event %s becomes %s", id, want), func() bool { return w.state(id) == want })
	info, _ := w.FindEvent(context.Background(), id)
	return info
}

func httpCall(body string) *Call {
	return &Call{Method: "POST", Path: "/", Header: http.Header{"X-Given": {"1"}}, Body: []byte(body)}
}

func (r *running) push(p Push) dayfly.EventID {
	r.t.Helper()
	accepted, err := r.Push(r.t.Context(), p)
	if err != nil {
		r.t.Fatalf("Push: %v", err)
	}
	return accepted.ID
}

// empty tells whether nothing is kept any more.
func (r *running) empty() bool {
	for _, s := range []interface {
		left(context.Context) uint64
	}{streamOf{r.work}, streamOf{r.later}} {
		if s.left(context.Background()) > 0 {
			return false
		}
	}
	return true
}

func TestEventsAreExecuted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.deploy("f", answer200)
	q := w.open().run()
	id := q.push(Push{Function: f, Source: dayfly.SourceAsync, Call: httpCall("hello")})
	info := w.reaches(id, dayfly.EventDone)
	calls := w.seen("f")
	if len(calls) != 1 || calls[0].Body != "hello" || calls[0].Event != id || calls[0].Attempt != 1 {
		t.Fatalf("calls = %+v, want one with hello", calls)
	}
	h := calls[0].Header
	if h.Get("X-Dayfly-Event") != string(id) || h.Get("X-Dayfly-Attempt") != "1" || h.Get("X-Given") != "1" {
		t.Errorf("header = %v, want the event, its attempt and what was given", h)
	}
	if len(info.Attempts) != 1 || info.Attempts[0].Status != 200 || info.Bytes != 5 || info.Ended.IsZero() {
		t.Errorf("info = %+v", info)
	}
	within(t, "the streams are empty", q.empty)
}

func TestFailuresAreToldApart(t *testing.T) {
	t.Parallel()
	failing := func(code int) function {
		return func(context.Context, call) (*dayfly.Result, error) { return status(code), nil }
	}
	raising := func(context.Context, call) (*dayfly.Result, error) {
		r := status(502)
		r.Failure = &dayfly.Failure{Kind: dayfly.FailureException, Type: "Oops", Message: "no"}
		return r, nil
	}
	for name, tc := range map[string]struct {
		f      function
		calls  int
		reason dayfly.DeadReason
	}{
		"500 is tried again":   {failing(500), 3, dayfly.DeadAttempts},
		"429 is tried again":   {failing(429), 3, dayfly.DeadAttempts},
		"408 is tried again":   {failing(408), 3, dayfly.DeadAttempts},
		"425 is tried again":   {failing(425), 3, dayfly.DeadAttempts},
		"400 is fatal":         {failing(400), 1, dayfly.DeadFatal},
		"404 is fatal":         {failing(404), 1, dayfly.DeadFatal},
		"exceptions are tried": {raising, 3, dayfly.DeadAttempts},
		"refused input is fatal": {func(context.Context, call) (*dayfly.Result, error) {
			return nil, dayfly.Errorf(dayfly.KindInvalid, "no")
		}, 1, dayfly.DeadFatal},
		"redirects are successful": {failing(302), 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			f := w.deploy("f", tc.f)
			q := w.open().run()
			id := q.push(Push{Function: f, Call: httpCall("x")})
			if tc.reason == "" {
				w.reaches(id, dayfly.EventDone)
				return
			}
			info := w.reaches(id, dayfly.EventDead)
			if n := len(w.seen("f")); n != tc.calls || info.Reason != tc.reason || len(info.Attempts) != tc.calls {
				t.Errorf("%d calls, reason %s, %d attempts; want %d, %s", n, info.Reason, len(info.Attempts), tc.calls, tc.reason)
			}
			within(t, "the streams are empty", q.empty)
			letter, err := q.Letter(t.Context(), id)
			if err != nil || letter.Call == nil || string(letter.Call.Body) != "x" || letter.Reason != tc.reason {
				t.Errorf("Letter = %+v, %v", letter, err)
			}
		})
	}
}

func TestFaultsOfThePlatformAreNoAttempts(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]dayfly.Kind{"no capacity": dayfly.KindExhausted, "a fault": dayfly.KindInternal} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			n := 0
			f := w.deploy("f", func(context.Context, call) (*dayfly.Result, error) {
				if n++; n <= 4 { // one event, one attempt at a time
					return nil, dayfly.Errorf(kind, "not now")
				}
				return status(200), nil
			}, func(s *dayfly.Spec) { s.Retry.Attempts = 1 })
			q := w.open().run()
			info := w.reaches(q.push(Push{Function: f, Call: httpCall("")}), dayfly.EventDone)
			if len(info.Attempts) != 1 || info.Attempts[0].Number != 1 {
				t.Errorf("attempts = %+v, want one", info.Attempts)
			}
		})
	}
}

func TestRetriesDoNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.deploy("f", func(_ context.Context, c call) (*dayfly.Result, error) {
		if c.Body == "bad" && c.Attempt == 1 {
			return status(500), nil
		}
		return status(200), nil
	}, func(s *dayfly.Spec) { s.Retry.BackoffMin, s.Retry.BackoffMax = 200*time.Millisecond, time.Second })
	q := w.open().run()
	bad := q.push(Push{Function: f, Call: httpCall("bad")})
	good := q.push(Push{Function: f, Call: httpCall("good")})
	w.reaches(good, dayfly.EventDone)
	info := w.reaches(bad, dayfly.EventDone)
	if len(info.Attempts) != 2 || info.Attempts[0].Next.IsZero() || info.Attempts[1].Number != 2 {
		t.Errorf("attempts = %+v, want two", info.Attempts)
	}
}

func TestDelayedEventsAreOnTimeAndSurvive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.deploy("f", answer200)
	q := w.open().run()
	at := time.Now().Add(600 * time.Millisecond)
	id := q.push(Push{Function: f, Call: httpCall("x"), After: at})
	if s := w.state(id); s != dayfly.EventDelayed {
		t.Errorf("state = %s, want delayed", s)
	}
	q.close()
	q = w.open().run()
	w.reaches(id, dayfly.EventDone)
	calls := w.seen("f")
	if late := calls[0].At.Sub(at); len(calls) != 1 || late < 0 {
		t.Errorf("%d calls, the first %s late", len(calls), late)
	}
	within(t, "the streams are empty", q.empty)
}

func TestKeysAreAcceptedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, g := w.deploy("f", answer200), w.deploy("g", answer200)
	q := w.open().run()
	push := func(ref dayfly.FunctionRef, key string) Accepted {
		a, err := q.Push(t.Context(), Push{Function: ref, Key: key, Call: httpCall("x")})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	first := push(f, "k")
	w.reaches(first.ID, dayfly.EventDone)
	if again := push(f, "k"); !again.Duplicate || again.ID != first.ID {
		t.Errorf("second push = %+v, want a duplicate of %s", again, first.ID)
	}
	if other := push(f, "l"); other.Duplicate {
		t.Errorf("another key = %+v, want it accepted", other)
	}
	if other := push(g, "k"); other.Duplicate {
		t.Errorf("another function = %+v, want it accepted", other)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	fresh := map[dayfly.EventID]bool{}
	for range 20 {
		wg.Go(func() {
			a, err := q.Push(t.Context(), Push{Function: f, Key: "m", Call: httpCall("x")})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			fresh[a.ID] = fresh[a.ID] || !a.Duplicate
		})
	}
	wg.Wait()
	if len(fresh) != 1 {
		t.Errorf("20 pushes of a key at once gave %d events", len(fresh))
	}
}

func TestFullLanesRefuse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, g := w.deploy("f", answer200), w.deploy("g", answer200)
	q := w.open(func(c *Config, _ *Deps) { c.LaneMessagesMax = 3 }) // nothing executes
	for range 3 {
		q.push(Push{Function: f, Call: httpCall("x")})
	}
	_, err := q.Push(t.Context(), Push{Function: f, Call: httpCall("x")})
	var e *dayfly.Error
	if !errors.As(err, &e) || e.Kind != dayfly.KindExhausted || e.RetryAfter == 0 {
		t.Errorf("Push to a full lane = %v, want exhausted with a time", err)
	}
	q.push(Push{Function: g, Call: httpCall("x")})
	many := make([]Push, 5)
	for i := range many {
		many[i] = Push{Function: g, Event: &dayfly.Event{ID: fmt.Sprint(i), Source: "/s", Type: "t"}}
	}
	accepted, err := q.PushAll(t.Context(), many)
	if len(accepted) != 2 || dayfly.KindOf(err) != dayfly.KindExhausted {
		t.Errorf("PushAll of 5 where 2 fit = %d, %v", len(accepted), err)
	}
}

func TestBadPushesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.deploy("f", answer200)
	q := w.open()
	for name, tc := range map[string]struct {
		p    Push
		kind dayfly.Kind
	}{
		"no such function": {Push{Function: ref("nope"), Call: httpCall("")}, dayfly.KindNotFound},
		"nothing to do":    {Push{Function: f}, dayfly.KindInvalid},
		"too large":        {Push{Function: f, Call: httpCall(strings.Repeat("x", work.BodyBytesMax+1))}, dayfly.KindInvalid},
		"long key":         {Push{Function: f, Key: strings.Repeat("k", 257), Call: httpCall("")}, dayfly.KindInvalid},
		"odd id":           {Push{Function: f, ID: "a.b", Call: httpCall("")}, dayfly.KindInvalid},
		"far away":         {Push{Function: f, After: time.Now().Add(400 * 24 * time.Hour), Call: httpCall("")}, dayfly.KindInvalid},
		"odd callback":     {Push{Function: f, Callback: "ftp://x", Call: httpCall("")}, dayfly.KindInvalid},
		"credentials":      {Push{Function: f, Callback: "http://a:b@x", Call: httpCall("")}, dayfly.KindInvalid},
		"many headers": {Push{Function: f, Call: &Call{Header: http.Header{"A": {strings.Repeat("x", 100<<10)}}}},
			dayfly.KindInvalid},
		"a loop": {Push{Function: f, Event: &dayfly.Event{Extensions: map[string]string{outcome.ExtensionDepth: "17"}}},
			dayfly.KindInvalid},
	} {
		_, err := q.Push(t.Context(), tc.p)
		if dayfly.KindOf(err) != tc.kind {
			t.Errorf("%s: Push = %v, want kind %s", name, err, tc.kind)
		}
		if name == "too large" && !errors.Is(err, dayfly.ErrRequestTooLarge) {
			t.Errorf("%s: Push = %v, want ErrRequestTooLarge", name, err)
		}
	}
	if !q.empty() {
		t.Error("something was kept of what was refused")
	}
}

func readCloser(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }
