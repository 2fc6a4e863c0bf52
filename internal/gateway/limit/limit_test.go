// SPDX-License-Identifier: Apache-2.0

package limit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/expression"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/limit"
	"github.com/dayfly-faas/dayfly/internal/store"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// fresh is a limiter that writes nothing.
func fresh() *limit.Limiter { return limit.New(limit.Config{}, quiet(), nil) }

func compile(t testing.TB, l *limit.Limiter, limits front.Limits) *limit.Rule {
	t.Helper()
	r, err := l.Compile("default", "GET /x", &limits)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// from is a request from an address, with headers as name, value, ….
func from(address string, header ...string) *expression.Input {
	r := httptest.NewRequest("GET", "/x", nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return &expression.Input{Request: r, Address: address}
}

// many takes n times and gives how many passed.
func many(r *limit.Rule, now time.Time, n int, in *expression.Input) int {
	passed := 0
	for range n {
		if _, err := r.Take(now, in, nil); err == nil {
			passed++
		}
	}
	return passed
}

func rate(text string) front.Limits { return front.Limits{Rate: []front.Rate{{Limit: text}}} }

func quota(text string) front.Limits { return front.Limits{Quota: []front.Rate{{Limit: text}}} }

func TestABucketFillsEvenly(t *testing.T) {
	t.Parallel()
	now := time.Now()
	r := compile(t, fresh(), front.Limits{Rate: []front.Rate{{Limit: "10/s", Burst: 3}}})
	in := from("192.0.2.1")
	for i, step := range []struct {
		later time.Duration
		tries int
		want  int
	}{{0, 10, 3}, {99 * time.Millisecond, 5, 0}, {time.Millisecond, 5, 1}, {200 * time.Millisecond, 5, 2},
		{time.Hour, 10, 3}} {
		now = now.Add(step.later)
		if got := many(r, now, step.tries, in); got != step.want {
			t.Errorf("step %d: %d passed, want %d", i, got, step.want)
		}
	}
}

func TestWhatPassesInALongTimeIsTheLimit(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"3/s", "7/m", "1000/s", "100/10s", "999999/day"} {
		r := compile(t, fresh(), rate(text))
		count, per, err := front.Rate{Limit: text}.Parse()
		if err != nil {
			t.Fatal(err)
		}
		now, in, passed := time.Now(), from("192.0.2.1"), 0
		tick := per / time.Duration(count) / 3
		for at := time.Duration(0); at < per && passed < 50_000; at += tick {
			passed += many(r, now.Add(at), 1, in)
			if most := float64(count) * (1 + float64(at)/float64(per)); float64(passed) > math.Ceil(most) {
				t.Fatalf("%s: %d passed within %v, of at most %.0f", text, passed, at, most)
			}
		}
		if passed < int(min(2*count, 50_000))-2 && passed < 50_000 {
			t.Errorf("%s: %d passed in %v", text, passed, per)
		}
	}
}

func TestLimitsAreExactWhenManyComeAtOnce(t *testing.T) {
	t.Parallel()
	limits := front.Limits{Rate: []front.Rate{{Limit: "1000/h"}}, Quota: []front.Rate{{Limit: "700/day"}}}
	r := compile(t, fresh(), limits)
	now := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	var passed atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { passed.Add(int64(many(r, now, 500, from("192.0.2.1")))) })
	}
	all.Wait()
	if passed.Load() != 700 {
		t.Errorf("%d passed, want 700", passed.Load())
	}
	// What the quota refused was not taken from the rate.
	rates := compile(t, fresh(), rate("1000/h"))
	if got := many(rates, now, 2000, from("192.0.2.1")); got != 1000 {
		t.Errorf("%d passed the rate alone, want 1000", got)
	}
	if got := refusal(t, r, now, from("192.0.2.1")); got.Message != "the quota of 700/day is used up" {
		t.Errorf("refused by: %v", got)
	}
}

func refusal(t *testing.T, r *limit.Rule, now time.Time, in *expression.Input) *dayfly.Error {
	t.Helper()
	_, err := r.Take(now, in, nil)
	var e *dayfly.Error
	if !errors.As(err, &e) || e.Kind != dayfly.KindExhausted {
		t.Fatalf("Take gave %v", err)
	}
	return e
}

func TestQuotasAreOfWindows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ quota, now, end string }{
		{"2/m", "2030-05-05T10:11:12Z", "2030-05-05T10:12:00Z"},
		{"2/h", "2030-05-05T10:11:12Z", "2030-05-05T11:00:00Z"},
		{"2/day", "2030-05-05T10:11:12Z", "2030-05-06T00:00:00Z"},
		{"2/day", "2030-05-05T23:30:00-05:00", "2030-05-07T00:00:00Z"},
		{"2/month", "2030-12-31T10:11:12Z", "2031-01-01T00:00:00Z"},
		{"2/month", "2032-02-01T00:00:00Z", "2032-03-01T00:00:00Z"},
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		end, err2 := time.Parse(time.RFC3339, c.end)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		r := compile(t, fresh(), quota(c.quota))
		in := from("192.0.2.1")
		if got := many(r, now, 5, in); got != 2 {
			t.Errorf("%s at %s: %d passed", c.quota, c.now, got)
		}
		if got := refusal(t, r, now, in).RetryAfter; got != end.Sub(now) {
			t.Errorf("%s at %s: retry after %v, want %v", c.quota, c.now, got, end.Sub(now))
		}
		if got := many(r, end, 5, in); got != 2 {
			t.Errorf("%s at %s: %d passed in the next window", c.quota, c.end, got)
		}
	}
}

func TestWhoIsCounted(t *testing.T) {
	t.Parallel()
	key := func(id string) *auth.Principal {
		return &auth.Principal{Kind: auth.KindKeys, Name: "keys", Subject: id, Key: &auth.Key{ID: id}}
	}
	user := func(name string) *auth.Principal {
		return &auth.Principal{Kind: auth.KindJWT, Name: "jwt", Subject: name}
	}
	one := from("192.0.2.1")
	type caller struct {
		in *expression.Input
		as *auth.Principal
	}
	for _, c := range []struct {
		name     string
		by       string
		one, two caller
		same     bool
	}{
		{"addresses", "", caller{one, nil}, caller{from("192.0.2.2"), nil}, false},
		{"one address, whoever it is", "address", caller{one, key("a")}, caller{one, key("b")}, true},
		{"IPv6 by /64", "", caller{from("2001:db8::1"), nil}, caller{from("2001:db8::ffff:1"), nil}, true},
		{"IPv6 of two networks", "", caller{from("2001:db8:0:1::1"), nil}, caller{from("2001:db8:0:2::1"), nil}, false},
		{"IPv4 as IPv6", "", caller{one, nil}, caller{from("::ffff:192.0.2.1"), nil}, true},
		{"zones", "", caller{from("fe80::1%eth0"), nil}, caller{from("fe80::1%eth1"), nil}, true},
		{"keys", "key", caller{one, key("a")}, caller{one, key("b")}, false},
		{"one key, wherever it is", "key", caller{one, key("a")}, caller{from("192.0.2.2"), key("a")}, true},
		{"without a key, addresses", "key", caller{one, nil}, caller{from("192.0.2.2"), nil}, false},
		{"without a key, one address", "key", caller{one, nil}, caller{one, nil}, true},
		{"users", "user", caller{one, user("a")}, caller{one, user("b")}, false},
		{"one user", "user", caller{one, user("a")}, caller{from("192.0.2.2"), user("a")}, true},
		{"a user and a key of one name", "user", caller{one, user("a")}, caller{one, key("a")}, false},
		{"the route", "route", caller{one, user("a")}, caller{from("192.0.2.2"), user("b")}, true},
		{"an expression", `header["x-tenant"]`, caller{from("192.0.2.1", "X-Tenant", "a"), nil},
			caller{from("192.0.2.1", "X-Tenant", "b"), nil}, false},
		{"one value of it", `header["x-tenant"]`, caller{from("192.0.2.1", "X-Tenant", "a"), nil},
			caller{from("192.0.2.2", "X-Tenant", "a"), nil}, true},
		{"an expression that gives nothing", `header["x-tenant"]`, caller{one, nil}, caller{from("192.0.2.2"), nil}, false},
		{"a value like an address", `header["x-tenant"]`, caller{from("192.0.2.1", "X-Tenant", "\xc0\x00\x02\x01"), nil},
			caller{one, nil}, false},
		{"values that are no texts", `[1, size(header["x-tenant"])]`, caller{from("192.0.2.1", "X-Tenant", "a"), nil},
			caller{from("192.0.2.2", "X-Tenant", "bb"), nil}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := compile(t, fresh(), front.Limits{Rate: []front.Rate{{Limit: "1/h", By: c.by}}})
			now := time.Now()
			if _, err := r.Take(now, c.one.in, c.one.as); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Take(now, c.two.in, c.two.as); (err != nil) != c.same {
				t.Errorf("the second got %v; counted with the first: want %t", err, c.same)
			}
		})
	}
}

func TestHeadersTellHowLimitsStand(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 5, 5, 23, 59, 0, 0, time.UTC)
	r := compile(t, fresh(), front.Limits{
		Rate:  []front.Rate{{Limit: "10/s", Burst: 20}, {Limit: "600/m", By: "route"}},
		Quota: []front.Rate{{Limit: "3/day"}},
	})
	heads := func() map[string]string {
		v, err := r.Take(now, from("192.0.2.1"), nil)
		h := http.Header{}
		v.Header(h)
		return map[string]string{"policy": h.Get("RateLimit-Policy"), "limit": h.Get("RateLimit"),
			"error": fmt.Sprint(err)}
	}
	policy := `"rate";q=20;w=2, "rate2";q=600;w=60, "day";q=3;w=86400`
	for i, want := range []string{
		`"rate";r=19;t=1, "rate2";r=599;t=1, "day";r=2;t=60`,
		`"rate";r=18;t=1, "rate2";r=598;t=1, "day";r=1;t=60`,
		`"rate";r=17;t=1, "rate2";r=597;t=1, "day";r=0;t=60`,
	} {
		if diff := cmp.Diff(map[string]string{"policy": policy, "limit": want, "error": "<nil>"}, heads()); diff != "" {
			t.Errorf("request %d (-want +got):\n%s", i, diff)
		}
	}
	want := map[string]string{"policy": policy, "limit": `"rate";r=17;t=1, "rate2";r=597;t=1, "day";r=0;t=60`,
		"error": "the quota of 3/day is used up"}
	if diff := cmp.Diff(want, heads()); diff != "" {
		t.Errorf("a refusal (-want +got):\n%s", diff)
	}
}

func TestALimitIsKeptWhenTheRouteIsPublishedAnew(t *testing.T) {
	t.Parallel()
	l, now := fresh(), time.Now()
	many(compile(t, l, rate("5/h")), now, 5, from("192.0.2.1"))
	if got := many(compile(t, l, rate("5/h")), now, 5, from("192.0.2.1")); got != 0 {
		t.Errorf("%d passed after the route was published anew", got)
	}
	other, err := l.Compile("other", "GET /x", &front.Limits{Rate: []front.Rate{{Limit: "5/h"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := many(other, now, 9, from("192.0.2.1")); got != 5 {
		t.Errorf("another project has %d", got)
	}
}

func TestHowManyAtOnce(t *testing.T) {
	t.Parallel()
	l := fresh()
	first := compile(t, l, front.Limits{Concurrency: 3})
	var leave []func()
	for range 2 {
		end, ok := first.Enter()
		if !ok {
			t.Fatal("refused too early")
		}
		leave = append(leave, end)
	}
	second := compile(t, l, front.Limits{Concurrency: 3}) // those inside still count
	end, ok := second.Enter()
	if !ok {
		t.Fatal("the third was refused")
	}
	if _, ok := second.Enter(); ok {
		t.Error("the fourth was let in")
	}
	leave[0]()
	if _, ok := first.Enter(); !ok {
		t.Error("nobody came in after one left")
	}
	end()
	leave[1]()
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limits front.Limits
		want   string
	}{
		{front.Limits{Rate: []front.Rate{{Limit: "1/month", Burst: 1000}}}, "rate.0.burst"},
		{front.Limits{Quota: []front.Rate{{Limit: "1/day", By: "no such variable"}}}, "quota.0.by"},
		{front.Limits{Rate: []front.Rate{{Limit: "1/s"}, {Limit: "1/s", By: "body.user"}}}, "rate.1.by"},
	} {
		_, err := fresh().Compile("default", "GET /x", &c.limits)
		var p *front.Problem
		if !errors.As(err, &p) || len(err.Error()) < len(c.want) || err.Error()[:len(c.want)] != c.want {
			t.Errorf("Compile gave %v, want a problem of %s", err, c.want)
		}
	}
}

// opened gives an open bus.
func opened(t testing.TB, dir string) *bus.Bus {
	t.Helper()
	b := bus.New(bus.Config{Dir: dir}, quiet())
	if err := b.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

func counts(t testing.TB, b *bus.Bus) *store.Store {
	t.Helper()
	s := store.New(b, bus.BucketLimits, quiet())
	if err := s.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestQuotasSurviveARestart(t *testing.T) {
	t.Parallel()
	b := opened(t, t.TempDir())
	t.Cleanup(func() { _ = b.Close() })
	s := counts(t, b)
	now := time.Now()
	limits := quota("1000000/month")

	first := limit.New(limit.Config{Node: "one"}, quiet(), s)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- first.Run(ctx) }()
	r := compile(t, first, limits)
	for i := range 300 {
		many(r, now, i, from(fmt.Sprintf("192.0.2.%d", i)))
	}
	// What a kill leaves behind is what was written by itself, soon after.
	deadline := time.Now().Add(60 * time.Second)
	for left(t, s, "one", limits, now) != 1000000-299-1 {
		if time.Now().After(deadline) {
			t.Fatalf("nothing was written: %d left", left(t, s, "one", limits, now))
		}
		time.Sleep(20 * time.Millisecond)
	}
	many(r, now, 1, from("192.0.2.299"))
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := left(t, s, "one", limits, now); got != 1000000-300-1 {
		t.Errorf("after an orderly end %d are left", got)
	}
	if got := left(t, s, "two", limits, now); got != 1000000-300-1 {
		t.Errorf("at another node %d are left", got)
	}
}

// left starts a limiter on what is written and gives how much is left for one address.
func left(t *testing.T, s *store.Store, node string, limits front.Limits, now time.Time) int64 {
	t.Helper()
	l := limit.New(limit.Config{Node: node}, quiet(), s)
	if err := l.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	v, err := compile(t, l, limits).Take(now, from("192.0.2.299"), nil)
	if err != nil {
		t.Fatal(err)
	}
	h, n := http.Header{}, int64(0)
	v.Header(h)
	if _, err := fmt.Sscanf(h.Get("RateLimit"), `"month";r=%d;`, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNodesTogetherLetThroughTheLimit(t *testing.T) {
	t.Parallel()
	b := opened(t, t.TempDir())
	t.Cleanup(func() { _ = b.Close() })
	js, err := b.Work()
	if err != nil {
		t.Fatal(err)
	}
	s := counts(t, b)
	const nodes = 3
	limits := front.Limits{Rate: []front.Rate{{Limit: "200/s", Burst: 20, By: "route"}},
		Quota: []front.Rate{{Limit: "100000/month", By: "route"}}}
	var rules []*limit.Rule
	for i := range nodes {
		l := limit.New(limit.Config{Node: fmt.Sprint("node", i), Exchange: limit.Joined{Conn: js.Conn()}}, quiet(), s)
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()
		t.Cleanup(func() {
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		rules = append(rules, compile(t, l, limits))
	}
	joined(t, rules)

	begin := time.Now()
	var passed [nodes]atomic.Int64
	var all sync.WaitGroup
	for i, r := range rules {
		all.Go(func() {
			for time.Since(begin) < 2*time.Second {
				passed[i].Add(int64(many(r, time.Now(), 1, from("192.0.2.1"))))
				time.Sleep(time.Millisecond) // the pace of callers
			}
		})
	}
	all.Wait()
	took, sum := time.Since(begin), int64(0)
	for i := range passed {
		sum += passed[i].Load()
	}
	// The limit, a burst, and what the others grant unheard: at most a burst each.
	exact := 200*took.Seconds() + 20
	t.Logf("%d passed in %v, %.0f would on one node; by node %d %d %d", sum, took, exact, passed[0].Load(),
		passed[1].Load(), passed[2].Load())
	if float64(sum) > exact+(nodes-1)*20+1 || float64(sum) < 0.8*exact {
		t.Errorf("%d passed in %v, want about %.0f", sum, took, exact)
	}
}

// joined waits until each limiter hears the others: one's grant is counted by all.
func joined(t *testing.T, rules []*limit.Rule) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for _, r := range rules {
		for {
			if _, err := r.Take(time.Now(), from("192.0.2.1"), nil); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
			if heard(t, rules) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("nodes do not hear each other")
			}
		}
	}
}

// heard tells whether all rules count the same of the quota, give or take the asking.
func heard(t *testing.T, rules []*limit.Rule) bool {
	t.Helper()
	least, most := int64(math.MaxInt64), int64(0)
	for _, r := range rules {
		v, err := r.Take(time.Now(), from("192.0.2.1"), nil)
		if err != nil {
			t.Fatal(err)
		}
		h, rest := http.Header{}, int64(0)
		v.Header(h)
		var ignored int64
		if _, err := fmt.Sscanf(h.Get("RateLimit"), `"rate";r=%d;t=%d, "month";r=%d;`, &ignored, &ignored, &rest); err != nil {
			t.Fatal(err)
		}
		least, most = min(least, rest), max(most, rest)
	}
	return most-least <= int64(len(rules))
}

func BenchmarkTake(b *testing.B) {
	for _, c := range []struct {
		name   string
		limits front.Limits
	}{
		{"rate", rate("1000000000/s")},
		{"quota", quota("1000000000/day")},
		{"both", front.Limits{Rate: rate("1000000000/s").Rate, Quota: quota("1000000000/day").Quota}},
	} {
		b.Run(c.name, func(b *testing.B) {
			r, in, now := compile(b, fresh(), c.limits), from("192.0.2.1"), time.Now()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Take(now, in, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
