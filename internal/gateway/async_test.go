// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/gateway"
	"github.com/dayfly-faas/dayfly/internal/queue"
)

// line takes calls as a queue does, in memory.
type line struct {
	mu     sync.Mutex // guards all below
	pushed []queue.Push
	keys   map[string]dayfly.EventID
	full   bool
}

// Push implements gateway.Queue.
func (l *line) Push(_ context.Context, p queue.Push) (queue.Accepted, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full {
		e := dayfly.Errorf(dayfly.KindExhausted, "too many events wait")
		e.RetryAfter = 3 * time.Second
		return queue.Accepted{}, e
	}
	if id, ok := l.keys[p.Key]; ok {
		return queue.Accepted{ID: id, Duplicate: true}, nil
	}
	id := dayfly.NewEventID(time.Now())
	if p.Key != "" {
		l.keys[p.Key] = id
	}
	l.pushed = append(l.pushed, p)
	return queue.Accepted{ID: id}, nil
}

// last gives what was pushed last, or nil.
func (l *line) last() *queue.Push {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pushed) == 0 {
		return nil
	}
	return &l.pushed[len(l.pushed)-1]
}

// serveLater starts a gateway with a line; its functions answer "at once".
func serveLater(t *testing.T) (string, *line) {
	t.Helper()
	l := &line{keys: map[string]dayfly.EventID{}}
	direct := invoker(func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
		return text(200, "at once"), nil
	})
	async := gateway.Async{Queue: l, EventsURL: "http://api/v1/events/", CheckURL: func(u string) error {
		if strings.Contains(u, "10.") {
			return dayfly.Errorf(dayfly.KindDenied, "%s is private", u)
		}
		return nil
	}}
	s := httptest.NewUnstartedServer(nil)
	s.Config = gateway.New(direct, async, slog.New(slog.DiscardHandler), gateway.Deps{}).Server()
	s.Start()
	t.Cleanup(s.Close)
	return s.URL, l
}

// later sends a request with headers and gives the answer with its body.
func later(t *testing.T, method, url, body string, head ...string) (*http.Response, string) {
	t.Helper()
	req := request(t, method, url, body)
	for i := 0; i < len(head); i += 2 {
		req.Header.Set(head[i], head[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

func TestAsyncCallIsTakenAsItCame(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]struct {
		path string
		head []string
	}{
		"by header":         {"/function/f.shop", []string{"X-Dayfly-Invoke", "async"}},
		"OpenFaaS":          {"/async-function/f.shop", nil},
		"OpenFaaS and both": {"/async-function/f.shop", []string{"X-Dayfly-Invoke", "async"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, l := serveLater(t)
			head := append(address.head, "Content-Type", "text/plain", "X-Mine", "1", "Idempotency-Key", "k",
				"X-Callback-Url", "https://example.com/", "X-Dayfly-Delay", "0", "Connection", "Upgrade",
				"Upgrade", "websocket")
			resp, body := later(t, "PUT", url+address.path+"/a%2Fb?c=d", "hello", head...)
			p := l.last()
			if resp.StatusCode != http.StatusAccepted || p == nil {
				t.Fatalf("answered %d, %s; want 202", resp.StatusCode, body)
			}
			checkReceipt(t, resp, body)
			c := p.Call
			if c.Method != "PUT" || c.Path != "/a%2Fb" || c.RawQuery != "c=d" || string(c.Body) != "hello" ||
				p.Key != "k" || p.Callback != "https://example.com/" || p.Source != dayfly.SourceAsync {
				t.Errorf("pushed %+v with %+v, want what was sent", p, c)
			}
			for _, name := range []string{"X-Dayfly-Invoke", "X-Dayfly-Delay", "X-Callback-Url", "Connection", "Upgrade"} {
				if c.Header.Get(name) != "" {
					t.Errorf("the function would see %s: %s", name, c.Header.Get(name))
				}
			}
			for name, want := range map[string]string{"X-Mine": "1", "Idempotency-Key": "k",
				"X-Forwarded-Prefix": "/function/f.shop", "Content-Type": "text/plain"} {
				if got := c.Header.Get(name); got != want {
					t.Errorf("the function would see %s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

// checkReceipt wants the caller to be told of the event everywhere.
func checkReceipt(t *testing.T, resp *http.Response, body string) {
	t.Helper()
	var told map[string]any
	if err := json.Unmarshal([]byte(body), &told); err != nil {
		t.Fatal(err)
	}
	id := resp.Header.Get("X-Dayfly-Event")
	want := map[string]any{"event": id, "function": "f.shop", "state": "pending"}
	if d := cmp.Diff(want, told); d != "" || id == "" {
		t.Errorf("answer (-want +got):\n%s", d)
	}
	if resp.Header.Get("X-Call-Id") != id || resp.Header.Get("Location") != "http://api/v1/events/"+id ||
		resp.Header.Get("X-Dayfly-Invocation") != "" {
		t.Errorf("head %v, want X-Call-Id and Location of %s and no invocation", resp.Header, id)
	}
}

func TestCallWithoutTheHeaderIsNotAsync(t *testing.T) {
	t.Parallel()
	url, l := serveLater(t)
	for _, head := range [][]string{nil, {"X-Dayfly-Invoke", "sync"}, {"Idempotency-Key", "k"}} {
		resp, body := later(t, "POST", url+"/function/f", "x", head...)
		if resp.StatusCode != 200 || body != "at once" || l.last() != nil {
			t.Errorf("with %v: answered %d %q, pushed %v; want a call at once", head, resp.StatusCode, body, l.last())
		}
	}
}

func TestRepeatedKeyIsTheFirstEvent(t *testing.T) {
	t.Parallel()
	url, l := serveLater(t)
	first, _ := later(t, "POST", url+"/async-function/f", "1", "Idempotency-Key", "order-7")
	second, body := later(t, "POST", url+"/async-function/f", "1", "X-Dayfly-Idempotency-Key", "order-7")
	if second.StatusCode != http.StatusAccepted || !strings.Contains(body, `"duplicate":true`) ||
		second.Header.Get("X-Dayfly-Event") != first.Header.Get("X-Dayfly-Event") || len(l.pushed) != 1 {
		t.Errorf("the second answer is %d %s, pushed %d; want the first event", second.StatusCode, body, len(l.pushed))
	}
}

func TestWhenItIsDue(t *testing.T) {
	t.Parallel()
	url, l := serveLater(t)
	for _, tt := range []struct {
		header, value string
		want          time.Duration // 0 is refused
	}{
		{"X-Dayfly-Delay", "10m", 10 * time.Minute},
		{"X-Dayfly-Delay", "90", 90 * time.Second},
		{"X-Dayfly-At", time.Now().Add(time.Hour).Format(time.RFC3339Nano), time.Hour},
		{"X-Dayfly-Delay", "-5s", 0},
		{"X-Dayfly-Delay", "soon", 0},
		{"X-Dayfly-At", "tomorrow", 0},
	} {
		began := time.Now()
		resp, body := later(t, "POST", url+"/async-function/f", "", tt.header, tt.value)
		if tt.want == 0 {
			if resp.StatusCode != 400 || !strings.Contains(body, tt.header) {
				t.Errorf("%s: %s answered %d %s, want 400", tt.header, tt.value, resp.StatusCode, body)
			}
			continue
		}
		off := l.last().After.Sub(began.Add(tt.want))
		if resp.StatusCode != 202 || off < -time.Second || off > 20*time.Second || !strings.Contains(body, `"delayed"`) {
			t.Errorf("%s: %s is due %s off, answered %d %s", tt.header, tt.value, off, resp.StatusCode, body)
		}
	}
	resp, _ := later(t, "POST", url+"/async-function/f", "", "X-Dayfly-Delay", "1s", "X-Dayfly-At", "2030-01-01T00:00:00Z")
	if resp.StatusCode != 400 {
		t.Errorf("both at once answered %d, want 400", resp.StatusCode)
	}
}

func TestAsyncCallsThatAreRefused(t *testing.T) {
	t.Parallel()
	url, l := serveLater(t)
	for name, tt := range map[string]struct {
		method, path, body string
		head               []string
		status             int
		want               string
	}{
		"another way":      {"POST", "/function/f", "", []string{"X-Dayfly-Invoke", "maybe"}, 400, "want async"},
		"sync at async":    {"POST", "/async-function/f", "", []string{"X-Dayfly-Invoke", "sync"}, 400, "want async"},
		"no such name":     {"POST", "/async-function/", "", nil, 404, "name"},
		"cancel":           {"DELETE", "/async-function/f", "", nil, 403, "dayfly cancel"},
		"private callback": {"POST", "/async-function/f", "", []string{"X-Callback-Url", "http://10.0.0.1/"}, 403, "X-Callback-Url"},
		"two keys": {"POST", "/async-function/f", "", []string{"Idempotency-Key", "a",
			"X-Dayfly-Idempotency-Key", "b"}, 400, "differ"},
		"too large": {"POST", "/async-function/f", strings.Repeat("x", 768<<10+1), nil, 413, "768Ki"},
	} {
		resp, body := later(t, tt.method, url+tt.path, tt.body, tt.head...)
		if resp.StatusCode != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s: answered %d %s, want %d with %q", name, resp.StatusCode, body, tt.status, tt.want)
		}
	}
	chunked := request(t, "POST", url+"/async-function/f", "")
	chunked.Body = io.NopCloser(io.LimitReader(zeros{}, 768<<10+1))
	chunked.ContentLength = -1
	resp, err := http.DefaultClient.Do(chunked)
	if err != nil || resp.StatusCode != 413 {
		t.Errorf("too large without a length: %v, %v; want 413", resp, err)
	}
	if l.last() != nil {
		t.Errorf("pushed %+v, want nothing", l.last())
	}
	l.full = true
	resp, body := later(t, "POST", url+"/async-function/f", "")
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "3" {
		t.Errorf("a full queue answered %d %v %s, want 429 and when to come back", resp.StatusCode, resp.Header, body)
	}
}

func TestLargestBodyComesInWhole(t *testing.T) {
	t.Parallel()
	url, l := serveLater(t)
	want := strings.Repeat("0123456789abcdef", 48<<10)
	resp, body := later(t, "POST", url+"/async-function/f", want)
	if resp.StatusCode != 202 || string(l.last().Call.Body) != want {
		t.Errorf("answered %d %s, want all of 768 KiB to be pushed", resp.StatusCode, body)
	}
}

// zeros never ends.
type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) { return len(p), nil }
