// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/expression"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/cache"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// door is a route with a cache in front of a target.
type door struct {
	t      *testing.T
	cache  *cache.Cache
	policy *cache.Policy
	target http.HandlerFunc
	calls  atomic.Int32
}

func open(t *testing.T, section front.Cache, target http.HandlerFunc) *door {
	t.Helper()
	c := cache.New(cache.Config{}, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = c.Close() })
	return &door{t: t, cache: c, policy: policyOf(t, c, "route", section), target: target}
}

func policyOf(t *testing.T, c *cache.Cache, route string, section front.Cache) *cache.Policy {
	t.Helper()
	p, err := c.Policy(route, "default", &section)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ask sends a request, with headers as name, value, …; a caller is named by the last one.
func (d *door) ask(method, url string, header ...string) *http.Response {
	return d.serve(httptest.NewRequest(method, url, nil), cache.Caller{}, header...)
}

func (d *door) serve(r *http.Request, caller cache.Caller, header ...string) *http.Response {
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	d.policy.Serve(w, r, &expression.Input{Request: r}, caller, func(w http.ResponseWriter, r *http.Request) {
		d.calls.Add(1)
		d.target(w, r)
	})
	return w.Result()
}

func body(t *testing.T, response *http.Response) string {
	t.Helper()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// said answers with headers, as name, value, …, and the number of the call.
func (d *door) said(header ...string) {
	d.target = func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Add(header[i], header[i+1])
		}
		_, _ = fmt.Fprintf(w, "answer %d", d.calls.Load())
	}
}

func TestWhatIsKept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		section front.Cache
		says    []string
		asks    []string
		kept    bool
	}{
		{"nothing said", front.Cache{}, nil, nil, false},
		{"max-age", front.Cache{}, []string{"Cache-Control", "max-age=60"}, nil, true},
		{"max-age in quotes", front.Cache{}, []string{"Cache-Control", `max-age="60"`}, nil, true},
		{"no number", front.Cache{}, []string{"Cache-Control", "max-age=sixty"}, nil, false},
		{"a negative number", front.Cache{}, []string{"Cache-Control", "max-age=-60"}, nil, false},
		{"s-maxage before max-age", front.Cache{}, []string{"Cache-Control", "max-age=60, s-maxage=0"}, nil, false},
		{"the least of two", front.Cache{}, []string{"Cache-Control", "max-age=60, max-age=0"}, nil, false},
		{"Expires", front.Cache{}, []string{"Expires", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}, nil, true},
		{"Expires of no time", front.Cache{TTL: quantity.Span(time.Minute)}, []string{"Expires", "0"}, nil, false},
		{"the route's time", front.Cache{TTL: quantity.Span(time.Minute)}, nil, nil, true},
		{"the answer counts before the route", front.Cache{TTL: quantity.Span(time.Minute)},
			[]string{"Cache-Control", "max-age=0"}, nil, false},
		{"no-store", front.Cache{TTL: quantity.Span(time.Minute)}, []string{"Cache-Control", "no-store, max-age=60"}, nil, false},
		{"in two lines", front.Cache{}, []string{"Cache-Control", "max-age=60", "Cache-Control", "no-store"}, nil, false},
		{"private", front.Cache{}, []string{"Cache-Control", "private, max-age=60"}, nil, false},
		{"private of a field", front.Cache{}, []string{"Cache-Control", `private="set-cookie, x", max-age=60`}, nil, false},
		{"a cookie", front.Cache{}, []string{"Cache-Control", "public, max-age=60", "Set-Cookie", "a=b"}, nil, false},
		{"Vary: *", front.Cache{}, []string{"Cache-Control", "max-age=60", "Vary", "*"}, nil, false},
		{"events", front.Cache{}, []string{"Cache-Control", "max-age=60", "Content-Type", "text/event-stream"}, nil, false},
		{"what is said to such caches alone", front.Cache{},
			[]string{"Cache-Control", "no-store", "CDN-Cache-Control", "max-age=60"}, nil, true},
		{"with Authorization", front.Cache{}, []string{"Cache-Control", "max-age=60"}, []string{"Authorization", "x"}, false},
		{"with Authorization, public", front.Cache{}, []string{"Cache-Control", "public, max-age=60"},
			[]string{"Authorization", "x"}, true},
		{"with Authorization, the route's time", front.Cache{TTL: quantity.Span(time.Minute)}, nil,
			[]string{"Authorization", "x"}, false},
		{"with a cookie, the route's time", front.Cache{TTL: quantity.Span(time.Minute)}, nil, []string{"Cookie", "a=b"}, false},
		{"with a cookie, max-age", front.Cache{}, []string{"Cache-Control", "max-age=60"}, []string{"Cookie", "a=b"}, true},
		{"clients do not decide", front.Cache{}, []string{"Cache-Control", "max-age=60"},
			[]string{"Cache-Control", "no-cache, no-store", "Pragma", "no-cache"}, true},
		{"no-cache is asked again", front.Cache{}, []string{"Cache-Control", "no-cache, max-age=60", "Etag", `"a"`}, nil, false},
		{"old already", front.Cache{}, []string{"Cache-Control", "max-age=60", "Age", "61"}, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := open(t, c.section, nil)
			d.said(c.says...)
			first := d.ask("GET", "/x", c.asks...)
			second := d.ask("GET", "/x", c.asks...)
			if got := body(t, second) == "answer 1"; got != c.kept {
				t.Errorf("kept: %t, want %t; Cache-Status %q, then %q", got, c.kept,
					first.Header["Cache-Status"], second.Header["Cache-Status"])
			}
		})
	}
}

func TestStatusesThatAreKept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		says   string
		kept   bool
	}{{200, "", true}, {301, "", true}, {302, "", false}, {302, "max-age=9", true}, {404, "", true}, {400, "", false},
		{500, "", false}, {401, "max-age=9", false}, {206, "max-age=9", false}, {204, "", true}} {
		t.Run(fmt.Sprint(c.status, c.says), func(t *testing.T) {
			t.Parallel()
			d := open(t, front.Cache{TTL: quantity.Span(time.Hour)}, nil)
			d.target = func(w http.ResponseWriter, _ *http.Request) {
				if c.says != "" {
					w.Header().Set("Cache-Control", c.says)
				}
				w.WriteHeader(c.status)
			}
			d.ask("GET", "/x")
			again := d.ask("GET", "/x")
			if got := d.calls.Load() == 1; got != c.kept || again.StatusCode != c.status {
				t.Errorf("kept %t, want %t; status %d", got, c.kept, again.StatusCode)
			}
		})
	}
}

func TestAnswersAreToldApart(t *testing.T) {
	t.Parallel()
	plain := front.Cache{TTL: quantity.Span(time.Minute)}
	for _, c := range []struct {
		name    string
		section front.Cache
		says    []string
		one     []string // URL, headers
		other   []string
		same    bool
	}{
		{"by host", plain, nil, []string{"http://a.example/x"}, []string{"http://b.example/x"}, false},
		{"not by the host's case", plain, nil, []string{"http://a.example/x"}, []string{"http://A.example/x"}, true},
		{"by scheme", plain, nil, []string{"http://a.example/x"}, []string{"https://a.example/x"}, false},
		{"by path", plain, nil, []string{"/x"}, []string{"/x/"}, false},
		{"by the escaped path", plain, nil, []string{"/x%2Fy"}, []string{"/x/y"}, false},
		{"by query", plain, nil, []string{"/x?a=1"}, []string{"/x?a=2"}, false},
		{"by parts that do not run together", plain, nil, []string{"/x?a=1"}, []string{"/x%3Fa=1"}, false},
		{"not by other parameters", front.Cache{TTL: plain.TTL, Query: front.List{"a"}}, nil,
			[]string{"/x?a=1&utm=1"}, []string{"/x?utm=2&a=1"}, true},
		{"by named parameters", front.Cache{TTL: plain.TTL, Query: front.List{"a"}}, nil,
			[]string{"/x?a=1"}, []string{"/x?a=2"}, false},
		{"by Vary", plain, []string{"Vary", "Accept-Language"}, []string{"/x", "Accept-Language", "de"},
			[]string{"/x", "Accept-Language", "en"}, false},
		{"not by other headers", plain, []string{"Vary", "Accept-Language"}, []string{"/x", "Accept", "a"},
			[]string{"/x", "Accept", "b"}, true},
		{"by an expression", front.Cache{TTL: plain.TTL, Key: front.List{`header["x-tenant"]`}}, nil,
			[]string{"/x", "X-Tenant", "a"}, []string{"/x", "X-Tenant", "b"}, false},
		{"the same by an expression", front.Cache{TTL: plain.TTL, Key: front.List{`header["x-tenant"]`}}, nil,
			[]string{"/x", "X-Tenant", "a"}, []string{"/x", "X-Tenant", "a"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := open(t, c.section, nil)
			d.said(c.says...)
			d.ask("GET", c.one[0], c.one[1:]...)
			d.ask("GET", c.other[0], c.other[1:]...)
			if got := d.calls.Load() == 1; got != c.same {
				t.Errorf("%v and %v share an answer: %t, want %t", c.one, c.other, got, c.same)
			}
			d.ask("GET", c.one[0], c.one[1:]...)
			if calls := d.calls.Load(); calls > 2 {
				t.Errorf("the first answer was forgotten: %d calls", calls)
			}
		})
	}
}

func TestAnswersToOneCallerStayThere(t *testing.T) {
	t.Parallel()
	d := open(t, front.Cache{TTL: quantity.Span(time.Minute), Private: true}, nil)
	d.said("Cache-Control", "private, max-age=60")
	ask := func(caller cache.Caller) string {
		return body(t, d.serve(httptest.NewRequest("GET", "/x", nil), caller, "Cookie", "session=1"))
	}
	ann, bob := cache.Caller{Authenticated: true, ID: "ann"}, cache.Caller{Authenticated: true, ID: "bob"}
	got := []string{ask(ann), ask(bob), ask(ann), ask(bob), ask(cache.Caller{}), ask(cache.Caller{})}
	want := []string{"answer 1", "answer 2", "answer 1", "answer 2", "answer 3", "answer 4"}
	if strings.Join(got, ",") != strings.Join(want, ",") {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAnAnswerToNobodyIsNotForSomebody(t *testing.T) {
	t.Parallel()
	d := open(t, front.Cache{TTL: quantity.Span(time.Minute)}, nil)
	d.said()
	d.ask("GET", "/x")
	if got := body(t, d.ask("GET", "/x", "Cookie", "session=1")); got != "answer 2" {
		t.Errorf("with a cookie: %q", got)
	}
	if got := body(t, d.serve(httptest.NewRequest("GET", "/x", nil), cache.Caller{Authenticated: true})); got != "answer 3" {
		t.Errorf("with a key: %q", got)
	}
	if got := body(t, d.ask("GET", "/x")); got != "answer 1" {
		t.Errorf("nobody again: %q", got)
	}
}

func TestNothingUnkeyedSteersTheTarget(t *testing.T) {
	t.Parallel()
	var seen http.Header
	var query string
	d := open(t, front.Cache{TTL: quantity.Span(time.Minute), Query: front.List{"a"}, Key: front.List{`header[?"x-host"]`}},
		func(_ http.ResponseWriter, r *http.Request) { seen, query = r.Header, r.URL.RawQuery })
	d.ask("GET", "/x?a=1&evil=1;a=2", "X-HTTP-Method-Override", "POST", "X-Original-URL", "/admin", "X-Host", "keyed",
		"X-Forwarded-Scheme", "http", "Accept", "text/html")
	for _, name := range []string{"X-Http-Method-Override", "X-Original-Url", "X-Forwarded-Scheme"} {
		if seen.Get(name) != "" {
			t.Errorf("the target saw %s", name)
		}
	}
	if seen.Get("X-Host") != "keyed" || seen.Get("Accept") == "" || query != "a=1" {
		t.Errorf("the target saw query %q and %v", query, seen)
	}
}

func TestRequestsWithABodyAreNotAnswered(t *testing.T) {
	t.Parallel()
	d := open(t, front.Cache{TTL: quantity.Span(time.Minute)}, nil)
	d.said()
	for range 2 {
		r := httptest.NewRequest("GET", "/x", strings.NewReader("evil"))
		if got := d.serve(r, cache.Caller{}).Header.Get("Cache-Status"); got != "Dayfly; fwd=bypass; detail=BODY" {
			t.Errorf("Cache-Status %q", got)
		}
	}
	if got := body(t, d.ask("GET", "/x")); got != "answer 3" {
		t.Errorf("an answer to a body was kept: %q", got)
	}
}

func TestChangesForgetWhatWasKept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method string
		status int
		forget bool
	}{{"POST", 200, true}, {"PUT", 201, true}, {"DELETE", 204, true}, {"POST", 400, false}, {"OPTIONS", 200, false}} {
		d := open(t, front.Cache{TTL: quantity.Span(time.Minute)}, nil)
		d.target = func(w http.ResponseWriter, r *http.Request) {
			if r.Method != "GET" {
				w.WriteHeader(c.status)
			}
		}
		d.ask("GET", "/x?page=2")
		d.ask("GET", "/other")
		d.ask(c.method, "/x")
		d.ask("GET", "/x?page=2")
		d.ask("GET", "/other")
		if got := d.calls.Load() == 4; got != c.forget {
			t.Errorf("%s with %d forgot: %t, want %t", c.method, c.status, got, c.forget)
		}
	}
}

func TestConditionsPartsAndHeads(t *testing.T) {
	t.Parallel()
	d := open(t, front.Cache{}, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "max-age=60")
		h.Set("Etag", `"v1"`)
		h.Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
		h.Set("Cache-Tag", "secret")
		_, _ = io.WriteString(w, "0123456789")
	})
	for i, c := range []struct {
		method string
		header []string
		status int
		body   string
	}{
		{"GET", []string{"If-None-Match", `W/"v1"`}, 304, ""}, // not kept yet: the target must not see the condition
		{"GET", nil, 200, "0123456789"},
		{"HEAD", nil, 200, ""},
		{"GET", []string{"If-None-Match", `"v0", "v1"`}, 304, ""},
		{"GET", []string{"If-None-Match", `"v2"`}, 200, "0123456789"},
		{"GET", []string{"If-Modified-Since", "Mon, 02 Jan 2006 15:04:05 GMT"}, 304, ""},
		{"GET", []string{"Range", "bytes=2-4"}, 206, "234"},
		{"GET", []string{"Range", "bytes=20-"}, 416, "invalid range: failed to overlap\n"},
		{"GET", []string{"Range", "bytes=2-4", "If-Range", `"v0"`}, 200, "0123456789"},
	} {
		r := d.ask(c.method, "/x", c.header...)
		if got := body(t, r); r.StatusCode != c.status || got != c.body {
			t.Errorf("%d: %s %v gave %d %q, want %d %q", i, c.method, c.header, r.StatusCode, got, c.status, c.body)
		}
		if r.Header.Get("Cache-Tag") != "" {
			t.Errorf("%d: the client saw the tags", i)
		}
	}
	if n := d.calls.Load(); n != 1 {
		t.Errorf("the target was asked %d times", n)
	}
}

func TestTimePasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := open(t, front.Cache{}, nil)
		d.said("Cache-Control", "max-age=60")
		d.ask("GET", "/x")
		time.Sleep(59 * time.Second)
		r := d.ask("GET", "/x")
		if r.Header.Get("Age") != "59" || r.Header.Get("Cache-Status") != "Dayfly; hit; ttl=1" {
			t.Errorf("Age %q, Cache-Status %q", r.Header.Get("Age"), r.Header.Get("Cache-Status"))
		}
		time.Sleep(time.Second)
		if got := body(t, d.ask("GET", "/x")); got != "answer 2" {
			t.Errorf("after its time: %q", got)
		}
	})
}

func TestOldAnswersAreUsedWhileAnotherIsFetched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := open(t, front.Cache{}, nil)
		d.target = func(w http.ResponseWriter, _ *http.Request) {
			n := d.calls.Load()
			w.Header().Set("Cache-Control", "max-age=10, stale-while-revalidate=30")
			time.Sleep(time.Second)
			_, _ = fmt.Fprintf(w, "answer %d", n)
		}
		d.ask("GET", "/x")
		time.Sleep(15 * time.Second)
		before := time.Now()
		for range 3 {
			if got := body(t, d.ask("GET", "/x")); got != "answer 1" {
				t.Errorf("while it is fetched: %q", got)
			}
		}
		if time.Since(before) > 0 {
			t.Errorf("the old answer took %v", time.Since(before))
		}
		time.Sleep(2 * time.Second)
		if got := body(t, d.ask("GET", "/x")); got != "answer 2" || d.calls.Load() != 2 {
			t.Errorf("afterwards: %q, %d calls", got, d.calls.Load())
		}
		time.Sleep(time.Minute)
		if got := body(t, d.ask("GET", "/x")); got != "answer 3" {
			t.Errorf("too old: %q", got)
		}
	})
}

func TestOldAnswersAreUsedWhenTheTargetFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := false
		d := open(t, front.Cache{}, nil)
		d.target = func(w http.ResponseWriter, _ *http.Request) {
			if broken {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			w.Header().Set("Cache-Control", "max-age=10, stale-if-error=60")
			_, _ = io.WriteString(w, "good")
		}
		d.ask("GET", "/x")
		broken = true
		time.Sleep(20 * time.Second)
		r := d.ask("GET", "/x")
		if got := body(t, r); r.StatusCode != 200 || got != "good" ||
			!strings.Contains(r.Header.Get("Cache-Status"), "fwd=stale; fwd-status=502") {
			t.Errorf("got %d %q, %q", r.StatusCode, got, r.Header.Get("Cache-Status"))
		}
		time.Sleep(time.Hour)
		if r := d.ask("GET", "/x"); r.StatusCode != http.StatusBadGateway {
			t.Errorf("too old: %d", r.StatusCode)
		}
	})
}

func TestOldAnswersAreConfirmed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := open(t, front.Cache{}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "max-age=10")
			w.Header().Set("Etag", `"v1"`)
			if r.Header.Get("If-None-Match") == `"v1"` {
				w.Header().Set("X-New", "yes")
				w.WriteHeader(http.StatusNotModified)
				return
			}
			_, _ = io.WriteString(w, "whole")
		})
		d.ask("GET", "/x")
		time.Sleep(20 * time.Second)
		r := d.ask("GET", "/x")
		if got := body(t, r); got != "whole" || r.Header.Get("X-New") != "yes" ||
			r.Header.Get("Cache-Status") != "Dayfly; fwd=stale; fwd-status=304" {
			t.Errorf("got %q, %v", got, r.Header)
		}
		time.Sleep(5 * time.Second)
		if r := d.ask("GET", "/x"); r.Header.Get("Age") != "5" || d.calls.Load() != 2 {
			t.Errorf("Age %q after %d calls", r.Header.Get("Age"), d.calls.Load())
		}
	})
}

func TestOneOfManyAsks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := open(t, front.Cache{}, nil)
		d.target = func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			w.Header().Set("Cache-Control", "max-age=10")
			_, _ = io.WriteString(w, "whole")
		}
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if got := body(t, d.ask("GET", "/x")); got != "whole" {
					t.Errorf("got %q", got)
				}
			})
		}
		all.Wait()
		if n := d.calls.Load(); n != 1 {
			t.Errorf("the target was asked %d times", n)
		}
	})
}

func TestAnswersThatAreNotKeptHoldUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := open(t, front.Cache{}, nil)
		d.target = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(200)
			time.Sleep(time.Minute)
		}
		begin := time.Now()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { d.ask("GET", "/x") })
		}
		all.Wait()
		if took := time.Since(begin); took > time.Minute || d.calls.Load() != 20 {
			t.Errorf("20 requests took %v and %d calls", took, d.calls.Load())
		}
	})
}

func TestWhenTheOneWhoAsksFailsAnotherDoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := open(t, front.Cache{}, nil)
		d.target = func(w http.ResponseWriter, _ *http.Request) {
			first := d.calls.Load() == 1
			time.Sleep(time.Second)
			w.Header().Set("Cache-Control", "max-age=10")
			_, _ = io.WriteString(w, "who")
			if first {
				panic(http.ErrAbortHandler)
			}
			_, _ = io.WriteString(w, "le")
		}
		var all sync.WaitGroup
		var whole atomic.Int32
		for range 10 {
			all.Go(func() {
				defer func() { _ = recover() }()
				if body(t, d.ask("GET", "/x")) == "whole" {
					whole.Add(1)
				}
			})
		}
		all.Wait()
		if whole.Load() != 9 || d.calls.Load() != 2 {
			t.Errorf("%d got the whole answer, of %d calls", whole.Load(), d.calls.Load())
		}
	})
}

func TestBrokenAnswersAreNotKept(t *testing.T) {
	t.Parallel()
	d := open(t, front.Cache{TTL: quantity.Span(time.Minute)}, nil)
	d.target = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "too short")
	}
	d.ask("GET", "/x")
	d.ask("GET", "/x")
	if n := d.calls.Load(); n != 2 {
		t.Errorf("an answer that is too short was kept")
	}
}

func TestAnswersStreamWhileTheyAreKept(t *testing.T) {
	t.Parallel()
	more := make(chan struct{})
	d := open(t, front.Cache{TTL: quantity.Span(time.Minute)}, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "first")
		_ = http.NewResponseController(w).Flush()
		<-more
		_, _ = io.WriteString(w, ", second")
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.policy.Serve(w, r, &expression.Input{Request: r}, cache.Caller{}, d.target)
	}))
	defer server.Close()
	response, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	part := make([]byte, 5)
	if _, err := io.ReadFull(response.Body, part); err != nil || string(part) != "first" {
		t.Fatalf("read %q, %v before the answer was whole", part, err)
	}
	close(more)
	if rest := body(t, response); rest != ", second" {
		t.Errorf("then %q", rest)
	}
	if again, err := http.Get(server.URL); err != nil || body(t, again) != "first, second" {
		t.Errorf("again: %v", err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	c := cache.New(cache.Config{Bytes: 1 << 20, ObjectBytes: 100 << 10}, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = c.Close() })
	d := &door{t: t, cache: c, policy: policyOf(t, c, "route", front.Cache{TTL: quantity.Span(time.Minute)})}
	d.target = func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.Atoi(r.URL.Query().Get("size"))
		_, _ = w.Write(make([]byte, size))
	}
	d.ask("GET", "/popular?size=1000")
	d.ask("GET", "/popular?size=1000")
	for i := range 200 {
		d.ask("GET", fmt.Sprintf("/flood/%d?size=50000", i))
	}
	if s := c.Stats("default"); s.Bytes > 1<<20 || s.Bytes < 1<<19 {
		t.Errorf("%d bytes are kept of at most %d", s.Bytes, 1<<20)
	}
	before := d.calls.Load()
	d.ask("GET", "/popular?size=1000")
	if d.calls.Load() != before {
		t.Error("a flood pushed out what is used")
	}
	d.ask("GET", "/large?size=200000")
	if got := len(body(t, d.ask("GET", "/large?size=200000"))); got != 200000 || d.calls.Load() != before+2 {
		t.Errorf("a large answer: %d bytes, %d calls", got, d.calls.Load()-before)
	}
}

// A project that floods the cache, also with answers that it uses again, pushes out its own and
// not those of others; alone it has all there is.
func TestProjectsHaveTheirShares(t *testing.T) {
	t.Parallel()
	c := cache.New(cache.Config{Bytes: 1 << 20, ObjectBytes: 100 << 10}, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = c.Close() })
	of := func(project dayfly.ProjectName) *door {
		policy, err := c.Policy("route", project, &front.Cache{TTL: quantity.Span(time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		return &door{t: t, cache: c, policy: policy, target: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, 20_000))
		}}
	}
	greedy, small, other := of("greedy"), of("small"), of("other")
	flood := func() {
		for i := range 200 {
			greedy.ask("GET", fmt.Sprintf("/%d", i))
			greedy.ask("GET", fmt.Sprintf("/%d", i))
		}
	}
	flood()
	if s := c.Stats("greedy"); s.Bytes < 900<<10 {
		t.Errorf("alone a project has %d bytes of %d", s.Bytes, 1<<20)
	}
	for _, d := range []*door{small, other} {
		for i := range 10 {
			d.ask("GET", fmt.Sprintf("/%d", i))
		}
	}
	flood()
	for _, d := range []*door{small, other} {
		before := d.calls.Load()
		for i := range 10 {
			d.ask("GET", fmt.Sprintf("/%d", i))
		}
		if lost := d.calls.Load() - before; lost != 0 {
			t.Errorf("%d of 10 answers of a project were pushed out by another's flood", lost)
		}
	}
	for project, want := range map[dayfly.ProjectName]bool{"greedy": true, "small": true, "none": false} {
		if n := c.Purge(project, cache.Purge{All: true}); n > 0 != want {
			t.Errorf("%d answers of %s were purged", n, project)
		}
	}
	if s := c.Stats("other"); s.Entries != 10 {
		t.Errorf("%d answers of a project are left, want 10", s.Entries)
	}
	flood()
	if s := c.Stats("greedy"); s.Bytes < 700<<10 {
		t.Errorf("beside one small project another has %d bytes of %d", s.Bytes, 1<<20)
	}
}

func TestVariantsAreBounded(t *testing.T) {
	t.Parallel()
	d := open(t, front.Cache{TTL: quantity.Span(time.Minute)}, nil)
	d.said("Vary", "User-Agent")
	for i := range 1000 {
		d.ask("GET", "/x", "User-Agent", fmt.Sprint(i))
	}
	if s := d.cache.Stats("default"); s.Entries > 64 {
		t.Errorf("%d variants are kept", s.Entries)
	}
}
