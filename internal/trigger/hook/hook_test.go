// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
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
	"github.com/dayfly-faas/dayfly/internal/queue"
)

// world is a catalog with one function, and a queue that keeps what it is given.
type world struct {
	mu     sync.Mutex
	pushed []queue.Push
	fail   error
}

// Resolve implements Catalog.
func (w *world) Resolve(ref dayfly.FunctionRef, _ dayfly.AliasName) (*dayfly.Revision, error) {
	if ref.Name != "f" || ref.Project != dayfly.DefaultProject {
		return nil, dayfly.Errorf(dayfly.KindNotFound, "function %s does not exist", ref)
	}
	hook := func(name string, t dayfly.WebhookTrigger) dayfly.Trigger {
		t.SecretEnv = "SECRET"
		return dayfly.Trigger{Name: dayfly.TriggerName(name), Webhook: &t}
	}
	pathed := hook("pathed", dayfly.WebhookTrigger{Provider: dayfly.WebhookGitHub})
	pathed.Path = "/hooks/github"
	unset := hook("unset", dayfly.WebhookTrigger{Provider: dayfly.WebhookGitHub})
	unset.Webhook.SecretEnv = "NOTHING"
	return &dayfly.Revision{Function: ref, Spec: dayfly.Spec{
		Env: map[string]string{"SECRET": "s"},
		Triggers: []dayfly.Trigger{
			hook("github", dayfly.WebhookTrigger{Provider: dayfly.WebhookGitHub}),
			hook("pushes", dayfly.WebhookTrigger{Provider: dayfly.WebhookGitHub, Filter: `event.subject == "push"`}),
			hook("broken", dayfly.WebhookTrigger{Provider: dayfly.WebhookGitHub, Filter: `event.data.no.such == 1`}),
			hook("twilio", dayfly.WebhookTrigger{Provider: dayfly.WebhookTwilio}),
			hook("shopify", dayfly.WebhookTrigger{Provider: dayfly.WebhookShopify}),
			unset, pathed, {Name: "cron", Cron: &dayfly.CronTrigger{Expression: "@daily"}},
		},
	}}, nil
}

// Push implements Queue: a key is accepted once.
func (w *world) Push(_ context.Context, p queue.Push) (queue.Accepted, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return queue.Accepted{}, w.fail
	}
	for _, old := range w.pushed {
		if old.Key == p.Key {
			return queue.Accepted{ID: "event-1", Duplicate: true}, nil
		}
	}
	w.pushed = append(w.pushed, p)
	return queue.Accepted{ID: "event-1"}, nil
}

func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.pushed)
}

func serve(t *testing.T) (*world, *Door, string) {
	t.Helper()
	w := &world{}
	d := New(slog.New(slog.DiscardHandler), w, w)
	s := httptest.NewServer(d)
	t.Cleanup(s.Close)
	return w, d, s.URL
}

// github signs a body as GitHub does.
func github(body, secret string) map[string]string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(body))
	return map[string]string{"X-Hub-Signature-256": "sha256=" + hex.EncodeToString(m.Sum(nil)),
		"X-GitHub-Delivery": "d-1", "X-GitHub-Event": "push"}
}

type got struct {
	status int
	body   string
	header http.Header
}

func post(t *testing.T, url string, body io.Reader, header map[string]string) got {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got{resp.StatusCode, string(text), resp.Header}
}

func TestASignedDeliveryIsPushedAsItCame(t *testing.T) {
	t.Parallel()
	w, _, url := serve(t)
	header := github(`{"a": 1}`, "s")
	header["Content-Type"], header["X-Dayfly-Event"], header["Forwarded"] = "application/json", "forged", "for=1.2.3.4"
	g := post(t, url+"/webhook/f/github?x=1", strings.NewReader(`{"a": 1}`), header)
	if g.status != http.StatusAccepted || g.body != `{"event":"event-1"}`+"\n" || g.header.Get("X-Dayfly-Event") != "event-1" {
		t.Errorf("answer = %+v", g)
	}
	if w.count() != 1 {
		t.Fatalf("%d pushed, want 1", w.count())
	}
	p := w.pushed[0]
	want := queue.Push{Function: dayfly.FunctionRef{Project: dayfly.DefaultProject, Name: "f"},
		Source: dayfly.SourceHook, Trigger: "github", Key: "github/d-1"}
	call := p.Call
	p.Call = nil
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("pushed, -want +got:\n%s", diff)
	}
	if call.Method != "POST" || call.Path != "/" || call.RawQuery != "x=1" || string(call.Body) != `{"a": 1}` ||
		call.RemoteAddr != "127.0.0.1" || call.Host != strings.TrimPrefix(url, "http://") {
		t.Errorf("call = %+v", call)
	}
	for name, want := range map[string]string{"X-Github-Event": "push", "Content-Type": "application/json",
		"X-Forwarded-For": "127.0.0.1", "X-Dayfly-Event": "", "Forwarded": "",
		// as a CloudEvent, for functions that take nothing else
		"Ce-Specversion": "1.0", "Ce-Id": "d-1", "Ce-Type": "dev.dayfly.webhook", "Ce-Subject": "push",
		"Ce-Source": "/projects/default/webhooks/f/github", "Ce-Provider": "github"} {
		if got := call.Header.Get(name); got != want {
			t.Errorf("header %s = %q, want %q", name, got, want)
		}
	}
	again := post(t, url+"/webhook/f/github", strings.NewReader(`{"a": 1}`), header)
	if again.status != http.StatusAccepted || w.count() != 1 {
		t.Errorf("a repetition: %+v, %d pushed", again, w.count())
	}
}

func TestACloudEventStaysItsSenders(t *testing.T) {
	t.Parallel()
	w, _, url := serve(t)
	header := github(`{"a": 1}`, "s")
	header["Ce-Specversion"], header["Ce-Id"], header["Ce-Type"], header["Ce-Source"] = "1.0", "theirs", "made", "/shop"
	post(t, url+"/webhook/f/github", strings.NewReader(`{"a": 1}`), header)
	if w.count() != 1 {
		t.Fatalf("%d pushed, want 1", w.count())
	}
	if h := w.pushed[0].Call.Header; h.Get("Ce-Id") != "theirs" || h.Get("Ce-Type") != "made" || h.Get("Ce-Provider") != "" {
		t.Errorf("header = %v", h)
	}
}

func TestATriggerHasAPathOfItsOwn(t *testing.T) {
	t.Parallel()
	w, _, url := serve(t)
	post(t, url+"/webhook/f/pathed", strings.NewReader("x"), github("x", "s"))
	if w.count() != 1 || w.pushed[0].Call.Path != "/hooks/github" {
		t.Errorf("pushed %+v, want a call of /hooks/github", w.pushed)
	}
}

func TestWhatIsNotADeliveryReachesNothing(t *testing.T) {
	t.Parallel()
	w, _, url := serve(t)
	signed := github("x", "s")
	ping := github("x", "s")
	ping["X-GitHub-Event"] = "ping"
	star := github("x", "s")
	star["X-GitHub-Event"] = "star"
	big := strings.Repeat("x", bodyBytesMax+1)
	unknown := ""
	for _, tt := range []struct {
		name, path, body string
		header           map[string]string
		status           int
	}{
		{"no such function", "/webhook/g/github", "x", signed, 404},
		{"no such project", "/webhook/f.other/github", "x", signed, 404},
		{"no such trigger", "/webhook/f/gitlab", "x", signed, 404},
		{"a trigger of another kind", "/webhook/f/cron", "x", signed, 404},
		{"no trigger", "/webhook/f", "x", signed, 404},
		{"more of a path", "/webhook/f/github/more", "x", signed, 404},
		{"no name at all", "/webhook/F_/github", "x", signed, 404},
		{"unsigned", "/webhook/f/github", "x", nil, 401},
		{"another secret", "/webhook/f/github", "x", github("x", "other"), 401},
		{"another body", "/webhook/f/github", "y", signed, 401},
		{"no secret is set", "/webhook/f/unset", "x", signed, 503},
		{"too large", "/webhook/f/github", big, github(big, "s"), 413},
		{"a ping", "/webhook/f/github", "x", ping, 200},
		{"not wanted", "/webhook/f/pushes", "x", star, 202},
		{"a filter that cannot judge", "/webhook/f/broken", "x", signed, 202},
	} {
		g := post(t, url+tt.path, strings.NewReader(tt.body), tt.header)
		if g.status != tt.status {
			t.Errorf("%s: %+v, want status %d", tt.name, g, tt.status)
		}
		if tt.status == 404 {
			if unknown == "" {
				unknown = g.body
			}
			if g.body != unknown {
				t.Errorf("%s: %q tells more than %q", tt.name, g.body, unknown)
			}
		}
	}
	resp, err := http.Get(url + "/webhook/f/github")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %d, Allow %q", resp.StatusCode, resp.Header.Get("Allow"))
	}
	// A body of unknown length is cut off at its bound too.
	if g := post(t, url+"/webhook/f/github", io.MultiReader(strings.NewReader(big)), signed); g.status != 413 {
		t.Errorf("a large body of unknown length: %+v", g)
	}
	if w.count() != 0 {
		t.Errorf("%d pushed, want none", w.count())
	}
}

func TestProvidersAreAnsweredAsTheyWant(t *testing.T) {
	t.Parallel()
	w, _, url := serve(t)
	m := hmac.New(sha256.New, []byte("s"))
	m.Write([]byte("{}"))
	g := post(t, url+"/webhook/f/shopify", strings.NewReader("{}"), map[string]string{
		"X-Shopify-Hmac-Sha256": base64.StdEncoding.EncodeToString(m.Sum(nil))})
	if g.status != http.StatusOK || g.body != "" {
		t.Errorf("Shopify: %+v", g)
	}
	// A proxy that ends TLS: Twilio signed an address that we never see.
	m = hmac.New(sha1.New, []byte("s"))
	m.Write([]byte("https://shop.example/webhook/f/twilio?a=b" + "BodyhelloFrom+1"))
	g = post(t, url+"/webhook/f/twilio?a=b", strings.NewReader("From=%2B1&Body=hello"), map[string]string{
		"X-Twilio-Signature": base64.StdEncoding.EncodeToString(m.Sum(nil)), "X-Forwarded-Host": "shop.example",
		"Content-Type": "application/x-www-form-urlencoded"})
	if g.status != http.StatusOK || g.header.Get("Content-Type") != "text/xml" || !strings.Contains(g.body, "<Response>") {
		t.Errorf("Twilio: %+v", g)
	}
	if w.count() != 2 {
		t.Errorf("%d pushed, want 2", w.count())
	}
	full := dayfly.Errorf(dayfly.KindExhausted, "the lane is full")
	full.RetryAfter = 1500 * time.Millisecond
	w.mu.Lock()
	w.fail = full
	w.mu.Unlock()
	g = post(t, url+"/webhook/f/github", strings.NewReader("x"), github("x", "s"))
	if g.status != http.StatusTooManyRequests || g.header.Get("Retry-After") != "2" {
		t.Errorf("when the queue is full: %+v", g)
	}
}

func TestAFloodOfLargeBodiesIsBounded(t *testing.T) {
	t.Parallel()
	_, d, url := serve(t)
	var writers []*io.PipeWriter
	done := make(chan int, bodiesOfOne)
	for range bodiesOfOne {
		r, w := io.Pipe()
		writers = append(writers, w)
		go func() { // no t.Fatal here
			request, err := http.NewRequest(http.MethodPost, url+"/webhook/f/github", r)
			if err != nil {
				done <- 0
				return
			}
			request.Header.Set("X-Hub-Signature-256", "sha256=00")
			resp, err := http.DefaultClient.Do(request)
			if err != nil {
				done <- 0
				return
			}
			resp.Body.Close()
			done <- resp.StatusCode
		}()
	}
	held := func() int {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.held
	}
	for until := time.Now().Add(time.Minute); held() < bodiesOfOne; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%d bodies held, want %d", held(), bodiesOfOne)
		}
	}
	large := strings.Repeat("x", smallBytes+1)
	if g := post(t, url+"/webhook/f/github", strings.NewReader(large), github(large, "s")); g.status != 429 {
		t.Errorf("one large body too many: %+v, want 429", g)
	}
	if g := post(t, url+"/webhook/f/pushes", strings.NewReader(large), github(large, "s")); g.status != 202 {
		t.Errorf("a large body of another trigger: %+v, want 202", g)
	}
	if g := post(t, url+"/webhook/f/github", strings.NewReader("x"), github("x", "s")); g.status != 202 {
		t.Errorf("a small body during the flood: %+v, want 202", g)
	}
	for _, w := range writers {
		w.Close()
	}
	for range bodiesOfOne {
		if status := <-done; status != http.StatusUnauthorized {
			t.Errorf("a forged body was answered %d, want 401", status)
		}
	}
	if n := held(); n != 0 {
		t.Errorf("%d bodies are held after the flood", n)
	}
}
