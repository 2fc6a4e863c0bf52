// SPDX-License-Identifier: Apache-2.0

package upstream_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/router"
	"github.com/dayfly-faas/dayfly/internal/gateway/upstream"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

func compile(t *testing.T, url, pattern string, change func(*front.Route)) (*upstream.Upstream, error) {
	t.Helper()
	p, err := front.ParsePattern(pattern)
	if err != nil {
		t.Fatal(err)
	}
	c := upstream.New(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = c.Close() })
	route := front.Route{URL: url}
	if change != nil {
		change(&route)
	}
	return c.Compile(route, p)
}

func mustCompile(t *testing.T, url, pattern string, change func(*front.Route)) *upstream.Upstream {
	t.Helper()
	u, err := compile(t, url, pattern, change)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func request(method, path, body string) *dayfly.Request {
	return &dayfly.Request{Kind: dayfly.RequestHTTP, Method: method, Host: "shop.example", Path: path, Proto: "HTTP/1.1",
		Scheme: "https", Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

func read(t *testing.T, r *dayfly.Result) string {
	t.Helper()
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	return string(body)
}

func TestRequestsReachTheServer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.RequestURI, r.Host, body)
	}))
	t.Cleanup(server.Close)
	own := strings.TrimPrefix(server.URL, "http://")
	rest := []router.Param{{Name: "rest", Value: "a b/ü", Raw: "a%20b/%C3%BC"}}
	for name, tt := range map[string]struct {
		url, pattern, query, want string
		params                    []router.Param
	}{
		"the path of the request":  {"", "/{rest...}", "", "POST /x/y " + own + " hello", rest},
		"its query":                {"", "/{rest...}", "a=1&b=%20;", "POST /x/y?a=1&b=%20; " + own + " hello", rest},
		"a fixed path":             {"/fix", "/", "", "POST /fix " + own + " hello", nil},
		"a capture":                {"/v1/{rest...}", "/{rest...}", "", "POST /v1/a%20b/%C3%BC " + own + " hello", rest},
		"two queries":              {"/v1?key=k", "/", "a=1", "POST /v1?key=k&a=1 " + own + " hello", nil},
		"a capture in the query":   {"/v1?q={rest...}", "/{rest...}", "", "POST /v1?q=a+b%2F%C3%BC " + own + " hello", rest},
		"a number sign stays data": {"/v1", "/", "a=#b", "POST /v1?a=%23b " + own + " hello", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := mustCompile(t, server.URL+tt.url, tt.pattern, nil)
			r := request("POST", "/x/y", "hello")
			r.RawQuery = tt.query
			result, err := u.Call(t.Context(), r, tt.params)
			if err != nil {
				t.Fatal(err)
			}
			if got := read(t, result); got != tt.want {
				t.Errorf("the server saw %q, want %q", got, tt.want)
			}
		})
	}
}

func TestHeadersOfTheConnectionStayBehind(t *testing.T) {
	t.Parallel()
	heads := make(chan http.Header, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heads <- r.Header
		w.Header().Set("Connection", "X-Hop")
		w.Header().Set("X-Hop", "1")
		w.Header().Set("Keep-Alive", "timeout=5")
		w.Header().Set("X-End", "1")
	}))
	t.Cleanup(server.Close)
	r := request("GET", "/", "")
	for name, value := range map[string]string{"Connection": "X-Secret, keep-alive", "X-Secret": "1", "Te": "gzip",
		"Transfer-Encoding": "chunked", "Content-Length": "99", "Upgrade": "h2c", "Http2-Settings": "AAA", "Trailer": "X",
		"Proxy-Authorization": "Basic x", "Expect": "100-continue", "X-Own": "1", "Authorization": "Bearer x"} {
		r.Header[name] = []string{value}
	}
	result, err := mustCompile(t, server.URL, "/", nil).Call(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	read(t, result)
	want := http.Header{"X-Own": {"1"}, "Authorization": {"Bearer x"}, "Cdn-Loop": {"dayfly"}}
	if diff := cmp.Diff(want, <-heads); diff != "" {
		t.Errorf("the server's request (-want +got):\n%s", diff)
	}
	if result.Header.Get("X-Hop") != "" || result.Header.Get("Keep-Alive") != "" || result.Header.Get("X-End") != "1" {
		t.Errorf("the answer's head is %v", result.Header)
	}
	if r.Header.Get("Connection") == "" {
		t.Error("the caller's header was changed")
	}
}

func TestBothDirectionsStream(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex()
		_ = rc.Flush()
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			fmt.Fprintln(w, "echo", lines.Text())
			_ = rc.Flush()
		}
		w.Header().Set(http.TrailerPrefix+"X-Sum", "done")
	}))
	t.Cleanup(server.Close)
	in, out := io.Pipe()
	r := request("POST", "/", "")
	r.Body, r.ContentLength = in, -1
	result, err := mustCompile(t, server.URL, "/", nil).Call(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Body.Close()
	lines := bufio.NewScanner(result.Body)
	for _, word := range []string{"one", "two"} {
		fmt.Fprintln(out, word)
		if !lines.Scan() || lines.Text() != "echo "+word {
			t.Fatalf("got %q, %v", lines.Text(), lines.Err())
		}
	}
	_ = out.Close()
	if lines.Scan(); lines.Err() != nil || result.Trailer.Get("X-Sum") != "done" {
		t.Errorf("the end is %v, the trailer %v", lines.Err(), result.Trailer)
	}
}

func TestSlowServersAreGivenUp(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/silent" {
			_, _ = io.Copy(w, r.Body)
			_ = http.NewResponseController(w).Flush()
		}
		<-release
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	short := quantity.Span(50 * time.Millisecond)
	u := mustCompile(t, server.URL, "/{rest...}", func(r *front.Route) { r.Timeout, r.Idle = &short, &short })
	_, err := u.Call(t.Context(), request("GET", "/", ""), nil)
	if dayfly.KindOf(err) != dayfly.KindTimeout {
		t.Errorf("a server without an answer gave %v, want a time-out", err)
	}
	u = mustCompile(t, server.URL, "/{rest...}", func(r *front.Route) { r.Idle = &short })
	result, err := u.Call(t.Context(), request("POST", "/silent", "x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Body.Close()
	if body, err := io.ReadAll(result.Body); err == nil || string(body) != "x" {
		t.Errorf("a silent answer gave %q, %v; want x and an error", body, err)
	}
}

func TestLongUploadsAreNoSlowServer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	}))
	t.Cleanup(server.Close)
	span := quantity.Span(300 * time.Millisecond)
	in, out := io.Pipe()
	go func() {
		for range 8 {
			<-time.After(100 * time.Millisecond)
			_, _ = out.Write([]byte("x"))
		}
		_ = out.Close()
	}()
	r := request("POST", "/", "")
	r.Body, r.ContentLength = in, -1
	u := mustCompile(t, server.URL, "/", func(r *front.Route) { r.Timeout = &span })
	result, err := u.Call(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, result); got != "8" {
		t.Errorf("%s bytes came, want 8", got)
	}
}

func TestProtocolsSwitch(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/other" {
			w.Header().Set("Upgrade", "telnet")
		} else {
			w.Header().Set("Upgrade", r.Header.Get("Upgrade"))
		}
		w.Header().Set("Connection", "Upgrade")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(conn, buffered)
	}))
	t.Cleanup(server.Close)
	upgrading := func(path string) *dayfly.Request {
		r := request("GET", path, "")
		r.Header["Connection"], r.Header["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
		return r
	}
	u := mustCompile(t, server.URL, "/{rest...}", nil)
	result, err := u.Call(t.Context(), upgrading("/"), nil)
	if err != nil || result.Status != http.StatusSwitchingProtocols {
		t.Fatalf("got %+v, %v", result, err)
	}
	conn := result.Body.(io.ReadWriteCloser)
	defer conn.Close()
	if _, err := conn.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	back := make([]byte, 4)
	if _, err := io.ReadFull(conn, back); err != nil || string(back) != "ping" {
		t.Errorf("came back %q, %v", back, err)
	}
	if _, err := u.Call(t.Context(), upgrading("/other"), nil); dayfly.KindOf(err) != dayfly.KindUnavailable {
		t.Errorf("another protocol than asked for gave %v", err)
	}
}

func TestMetadataServicesAreRefused(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "100.100.100.200",
		"[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]", "168.63.129.16", "224.0.0.1", "255.255.255.255"} {
		_, err := compile(t, "http://"+host+"/x", "/", nil)
		var p *front.Problem
		if !errors.As(err, &p) || len(p.Path) != 1 || p.Path[0] != "url" {
			t.Errorf("%s: %v, want a problem of url", host, err)
		}
	}
	for _, host := range []string{"127.0.0.1", "[::1]", "10.0.0.1", "192.168.0.1:80", "api.example.com", "[fd00::1]"} {
		if _, err := compile(t, "http://"+host+"/x", "/", nil); err != nil {
			t.Errorf("%s: %v, want none", host, err)
		}
	}
	// Numbers that a resolver takes for an address are caught when they are connected to.
	for _, host := range []string{"2852039166", "0xa9fea9fe", "0251.0376.0251.0376"} {
		u := mustCompile(t, "http://"+host+"/", "/", nil)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		if result, err := u.Call(ctx, request("GET", "/", ""), nil); err == nil {
			t.Errorf("%s answered %d", host, result.Status)
		}
		cancel()
	}
}

func TestErrorsHaveKinds(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := l.Addr().String()
	_ = l.Close()
	garbage, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = garbage.Close() })
	go func() {
		for {
			c, err := garbage.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 1024))
			_, _ = c.Write([]byte("SSH-2.0-not-http\r\n\r\n"))
			_ = c.Close()
		}
	}()
	patient := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	t.Cleanup(patient.Close)
	looped := request("GET", "/", "")
	looped.Header["Cdn-Loop"] = []string{"a, dayfly", "dayfly;x=1, DAYFLY,dayfly , dayfly"}
	broken := request("POST", "/", "")
	broken.Body, broken.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader("x"), failing{})), -1
	split := request("GET", "/", "")
	split.Header["X-A"] = []string{"1\r\nX-B: 2"}
	for name, tt := range map[string]struct {
		url  string
		r    *dayfly.Request
		want dayfly.Kind
	}{
		"nobody listens":    {"http://" + dead, request("GET", "/", ""), dayfly.KindUnavailable},
		"no HTTP":           {"http://" + garbage.Addr().String(), request("GET", "/", ""), dayfly.KindUnavailable},
		"a circle":          {"http://" + dead, looped, dayfly.KindInvalid},
		"dots":              {"http://" + dead, request("GET", "/a/%2e%2E/b", ""), dayfly.KindInvalid},
		"a bad escape":      {"http://" + dead, request("GET", "/a/%zz", ""), dayfly.KindInvalid},
		"a broken body":     {patient.URL, broken, dayfly.KindInvalid},
		"a header of lines": {"http://" + garbage.Addr().String(), split, dayfly.KindInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := mustCompile(t, tt.url, "/{rest...}", nil).Call(t.Context(), tt.r, nil)
			if dayfly.KindOf(err) != tt.want {
				t.Errorf("got %v, want kind %s", err, tt.want)
			}
			if err != nil && strings.Contains(err.(*dayfly.Error).Message, "127.0.0.1") {
				t.Errorf("%q tells where the server is", err.(*dayfly.Error).Message)
			}
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("reset by peer") }

func TestCallsOfCallersWhoLeftEnd(t *testing.T) {
	t.Parallel()
	arrived, gone := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		close(gone)
	}))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	_, err := mustCompile(t, server.URL, "/", nil).Call(ctx, request("GET", "/", ""), nil)
	if dayfly.KindOf(err) != dayfly.KindCanceled {
		t.Errorf("got %v, want canceled", err)
	}
	<-gone
}

func TestRedirectsToTheServerLeadToTheRoute(t *testing.T) {
	t.Parallel()
	var where string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		where = r.URL.Query().Get("to")
		w.Header().Set("Location", strings.ReplaceAll(where, "SELF", "http://"+r.Host))
		w.WriteHeader(http.StatusFound)
	}))
	t.Cleanup(server.Close)
	for _, tt := range []struct{ url, pattern, to, want string }{
		{"", "/{rest...}", "SELF/login?a=1", "/login?a=1"},
		{"", "/{rest...}", "SELF", "/"},
		{"", "/{rest...}", "/login", "/login"},
		{"", "/{rest...}", "https://other.example/x", "https://other.example/x"},
		{"", "/{rest...}", "SELF.evil.example/x", server.URL + ".evil.example/x"},
		{"/v1/{rest...}", "/proxy/{rest...}", "SELF/v1/login", "/proxy/login"},
		{"/v1/{rest...}", "/proxy/{rest...}", "/v1/login", "/proxy/login"},
		{"/v1/{rest...}", "/{rest...}", "/v1//evil.example", "/evil.example"},
		{"/v1/{rest...}", "/proxy/{rest...}", "/v2/login", "/v2/login"},
		{"/v1/{rest...}", "/proxy/{rest...}", "relative", "relative"},
	} {
		r := request("GET", "/", "")
		r.RawQuery = "to=" + tt.to
		result, err := mustCompile(t, server.URL+tt.url, tt.pattern, nil).Call(t.Context(), r, nil)
		if err != nil {
			t.Fatal(err)
		}
		read(t, result)
		if got := result.Header.Get("Location"); got != tt.want {
			t.Errorf("%s at %s: Location %s became %s, want %s", tt.url, tt.pattern, tt.to, got, tt.want)
		}
	}
}

func TestHostOfAMappingIsSent(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Host) }))
	t.Cleanup(server.Close)
	r := request("GET", "/", "")
	r.Header["Host"] = []string{"shop.example"}
	result, err := mustCompile(t, server.URL, "/", nil).Call(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, result); got != "shop.example" {
		t.Errorf("the host is %s", got)
	}
}

func TestBodiesPassAsTheyAre(t *testing.T) {
	t.Parallel()
	zipped := []byte{0x1f, 0x8b, 1, 2, 3}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("Accept-Encoding %q was invented", r.Header.Get("Accept-Encoding"))
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(zipped)
	}))
	t.Cleanup(server.Close)
	result, err := mustCompile(t, server.URL, "/", nil).Call(t.Context(), request("GET", "/", ""), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, result); !bytes.Equal([]byte(got), zipped) || result.Header.Get("Content-Length") != "5" {
		t.Errorf("got %x, %v", got, result.Header)
	}
}

func BenchmarkCall(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
	defer server.Close()
	p, _ := front.ParsePattern("/{rest...}")
	c := upstream.New(slog.New(slog.DiscardHandler))
	defer c.Close()
	u, err := c.Compile(front.Route{URL: server.URL}, p)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		result, err := u.Call(b.Context(), request("GET", "/", ""), nil)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, result.Body)
		_ = result.Body.Close()
	}
}
