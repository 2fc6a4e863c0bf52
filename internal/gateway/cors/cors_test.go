// SPDX-License-Identifier: Apache-2.0

package cors_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/cors"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// compile gives the policy of a route with GET and PUT.
func compile(t *testing.T, c front.CORS) *cors.Policy {
	t.Helper()
	p, err := cors.Compile(&c, []string{"GET", "PUT"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	some := front.List{"https://app.example.com", "https://*.preview.example.com", "http://localhost:5173",
		"https://*.ports.example.com:8443", "https://default.example.com:443"}
	for _, c := range []struct {
		name    string
		origins front.List
		origin  string
		want    string
	}{
		{"a named one", some, "https://app.example.com", "https://app.example.com"},
		{"its port counts", some, "https://app.example.com:8443", ""},
		{"its scheme counts", some, "http://app.example.com", ""},
		{"with a port", some, "http://localhost:5173", "http://localhost:5173"},
		{"a port that goes without saying", some, "https://default.example.com", "https://default.example.com"},
		{"one label below", some, "https://pr-7.preview.example.com", "https://pr-7.preview.example.com"},
		{"one label below, with a port", some, "https://a.ports.example.com:8443", "https://a.ports.example.com:8443"},
		{"two labels below", some, "https://a.b.preview.example.com", ""},
		{"no label below", some, "https://preview.example.com", ""},
		{"an empty label", some, "https://.preview.example.com", ""},
		{"a name that ends alike", some, "https://evilpreview.example.com", ""},
		{"a name that begins alike", some, "https://app.example.com.evil.example", ""},
		{"a user in front of the name", some, "https://app.example.com@a.preview.example.com", ""},
		{"a path in the label", some, "https://evil.example/a.preview.example.com", ""},
		{"null", some, "null", ""},
		{"null of all", front.List{"*"}, "null", "*"},
		{"all", front.List{"*"}, "https://any.example", "*"},
		{"all, and one that is named", front.List{"*", "https://a.example"}, "https://a.example", "https://a.example"},
		{"upper case is no origin of a browser", some, "https://APP.example.com", ""},
		{"a long one", some, "https://" + strings.Repeat("a", 1000) + ".preview.example.com", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := compile(t, front.CORS{Origins: c.origins})
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Origin", c.origin)
			h := http.Header{"Access-Control-Allow-Origin": {"https://evil.example"}}
			p.Apply(h, r)
			if got := h.Get("Access-Control-Allow-Origin"); got != c.want {
				t.Errorf("Apply for %s gave %q, want %q", c.origin, got, c.want)
			}
		})
	}
}

func TestPreflights(t *testing.T) {
	t.Parallel()
	c := front.CORS{Origins: front.List{"https://a.example"}, Headers: front.List{"X-One", "Content-Type"},
		Credentials: true, MaxAge: quantity.Span(10 * time.Minute)}
	for _, test := range []struct {
		name   string
		cors   front.CORS
		ask    map[string]string
		status int
		want   map[string]string
	}{
		{"allowed", c, map[string]string{"Origin": "https://a.example", "Access-Control-Request-Method": "PUT",
			"Access-Control-Request-Headers": "content-type,x-one"}, 204,
			map[string]string{"Access-Control-Allow-Origin": "https://a.example", "Access-Control-Allow-Credentials": "true",
				"Access-Control-Allow-Methods": "GET, PUT", "Access-Control-Allow-Headers": "content-type, x-one",
				"Access-Control-Max-Age": "600", "Access-Control-Allow-Private-Network": ""}},
		{"another origin", c, map[string]string{"Origin": "https://b.example", "Access-Control-Request-Method": "PUT"}, 403,
			map[string]string{"Access-Control-Allow-Origin": "", "Access-Control-Allow-Methods": ""}},
		{"another method", c, map[string]string{"Origin": "https://a.example", "Access-Control-Request-Method": "DELETE"}, 403,
			map[string]string{"Access-Control-Allow-Origin": ""}},
		{"another header", c, map[string]string{"Origin": "https://a.example", "Access-Control-Request-Method": "PUT",
			"Access-Control-Request-Headers": "x-two"}, 403, map[string]string{"Access-Control-Allow-Origin": ""}},
		{"any header, said one by one", front.CORS{Origins: front.List{"*"}, Headers: front.List{"*"}},
			map[string]string{"Origin": "https://a.example", "Access-Control-Request-Method": "GET",
				"Access-Control-Request-Headers": "authorization,x-two"}, 204,
			map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "authorization, x-two",
				"Access-Control-Max-Age": ""}},
		{"the usual headers", front.CORS{Origins: front.List{"*"}},
			map[string]string{"Origin": "https://a.example", "Access-Control-Request-Method": "GET",
				"Access-Control-Request-Headers": "authorization,content-type"}, 204,
			map[string]string{"Access-Control-Allow-Headers": "authorization, content-type"}},
		{"a line break is no header", front.CORS{Origins: front.List{"*"}, Headers: front.List{"*"}},
			map[string]string{"Origin": "https://a.example", "Access-Control-Request-Method": "GET",
				"Access-Control-Request-Headers": "a\r\nSet-Cookie: x"}, 403, map[string]string{"Set-Cookie": ""}},
		{"a private network, of a named origin", c, map[string]string{"Origin": "https://a.example",
			"Access-Control-Request-Method": "GET", "Access-Control-Request-Private-Network": "true"}, 204,
			map[string]string{"Access-Control-Allow-Private-Network": "true"}},
		{"a private network, of any origin", front.CORS{Origins: front.List{"*"}}, map[string]string{
			"Origin": "https://a.example", "Access-Control-Request-Method": "GET",
			"Access-Control-Request-Private-Network": "true"}, 204,
			map[string]string{"Access-Control-Allow-Private-Network": ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest("OPTIONS", "/", nil)
			for name, value := range test.ask {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			if !compile(t, test.cors).Preflight(w, r) {
				t.Fatal("Preflight did not see one")
			}
			got := map[string]string{}
			for name := range test.want {
				got[name] = w.Header().Get(name)
			}
			if diff := cmp.Diff(test.want, got); diff != "" || w.Code != test.status {
				t.Errorf("status %d, want %d (-want +got):\n%s", w.Code, test.status, diff)
			}
			vary := strings.Join(w.Header()["Vary"], ", ")
			if !strings.Contains(vary, "Origin") || !strings.Contains(vary, "Access-Control-Request-Headers") {
				t.Errorf("Vary is %q", vary)
			}
		})
	}
}

func TestOtherRequestsAreNoPreflights(t *testing.T) {
	t.Parallel()
	p := compile(t, front.CORS{Origins: front.List{"*"}})
	for _, r := range []*http.Request{
		httptest.NewRequest("GET", "/", nil), httptest.NewRequest("OPTIONS", "/", nil),
	} {
		r.Header.Set("Origin", "https://a.example")
		w := httptest.NewRecorder()
		if p.Preflight(w, r) || len(w.Header()) > 0 {
			t.Errorf("%s was taken for a preflight: %v", r.Method, w.Header())
		}
	}
}

func TestAnswersVaryAndReplaceTheTargets(t *testing.T) {
	t.Parallel()
	p := compile(t, front.CORS{Origins: front.List{"https://a.example"}, Expose: front.List{"X-Total"}, Credentials: true})
	h := http.Header{"Vary": {"Accept"}, "Access-Control-Allow-Origin": {"*"}, "Access-Control-Allow-Methods": {"GET"}}
	r := httptest.NewRequest("GET", "/", nil)
	p.Apply(h, r)
	if diff := cmp.Diff(http.Header{"Vary": {"Accept", "Origin"}}, h); diff != "" {
		t.Errorf("without an origin (-want +got):\n%s", diff)
	}
	r.Header.Set("Origin", "https://a.example")
	p.Apply(h, r)
	want := http.Header{"Vary": {"Accept", "Origin"}, "Access-Control-Allow-Origin": {"https://a.example"},
		"Access-Control-Allow-Credentials": {"true"}, "Access-Control-Expose-Headers": {"X-Total"}}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Errorf("with one (-want +got):\n%s", diff)
	}
}

func TestWhatIsNoOriginIsRefused(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{"https://a.*.example.com", "https://*example.com", "https://*", "example.com",
		"https://a.example/path", "https://u@a.example", "https://*.*.example.com"} {
		if _, err := cors.Compile(&front.CORS{Origins: front.List{origin}}, nil); err == nil {
			t.Errorf("%s was taken", origin)
		}
	}
}

func BenchmarkApply(b *testing.B) {
	p, err := cors.Compile(&front.CORS{Origins: front.List{"https://a.example"}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Origin", "https://a.example")
	b.ReportAllocs()
	for b.Loop() {
		p.Apply(http.Header{}, r)
	}
}
