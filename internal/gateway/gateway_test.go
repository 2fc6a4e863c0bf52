// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/gateway"
)

// invoker answers every call as a test wants.
type invoker func(ctx context.Context, inv *dayfly.Invocation) (*dayfly.Result, error)

func (f invoker) Invoke(ctx context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
	return f(ctx, inv)
}

// serve runs a gateway in front of f and gives its base URL.
func serve(t *testing.T, f invoker) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = gateway.New(f, gateway.Async{}, slog.New(slog.DiscardHandler), gateway.Deps{}).Server()
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.URL
}

func text(status int, body string) *dayfly.Result {
	return &dayfly.Result{Status: status, Header: http.Header{"Content-Type": {"text/plain"}},
		Body: io.NopCloser(strings.NewReader(body))}
}

func do(t *testing.T, req *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func request(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestRequestsReachTheirFunction(t *testing.T) {
	t.Parallel()
	url := serve(t, func(_ context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
		r := &inv.Request
		return text(200, fmt.Sprintf("%s|%s|%s|%s", inv.Function, r.Prefix, r.Path, r.RawQuery)), nil
	})
	for name, tc := range map[string]struct{ path, host, want string }{
		"default project":   {"/function/hello", "", "hello|/function/hello|/|"},
		"trailing slash":    {"/function/hello/", "", "hello|/function/hello|/|"},
		"sub-path":          {"/function/hello/a/b?x=1&x=2", "", "hello|/function/hello|/a/b|x=1&x=2"},
		"project":           {"/function/hello.shop/a", "", "hello.shop|/function/hello.shop|/a|"},
		"escaped path kept": {"/function/hello/a%2Fb%20c", "", "hello|/function/hello|/a%2Fb%20c|"},
		"dots kept":         {"/function/hello/a/../b//c", "", "hello|/function/hello|/a/../b//c|"},
		"host name":         {"/a", "hello.shop.localhost:8080", "hello.shop||/a|"},
		"host, default":     {"/function/x", "hello.default.localhost", "hello||/function/x|"},
	} {
		req := request(t, "GET", url+tc.path, "")
		req.URL.Opaque = tc.path
		if i := strings.IndexByte(tc.path, '?'); i >= 0 {
			req.URL.Opaque = tc.path[:i]
		}
		if tc.host != "" {
			req.Host = tc.host
		}
		resp, body := do(t, req)
		if resp.StatusCode != 200 || body != tc.want {
			t.Errorf("%s: %d %q, want %q", name, resp.StatusCode, body, tc.want)
		}
		if len(resp.Header.Get("X-Dayfly-Invocation")) != 36 {
			t.Errorf("%s: no invocation id on the answer", name)
		}
	}
}

func TestErrorsBecomeStatuses(t *testing.T) {
	t.Parallel()
	for kind, want := range map[dayfly.Kind]int{
		dayfly.KindInvalid: 400, dayfly.KindNotFound: 404, dayfly.KindExhausted: 429, dayfly.KindUnavailable: 503,
		dayfly.KindTimeout: 504, dayfly.KindInternal: 500, dayfly.KindDenied: 403, dayfly.KindUnauthenticated: 401,
		dayfly.KindConflict: 409,
	} {
		url := serve(t, func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
			err := dayfly.Errorf(kind, "the secret cause")
			err.RetryAfter = 1500 * time.Millisecond
			return nil, err
		})
		resp, body := do(t, request(t, "GET", url+"/function/f", ""))
		var p struct{ Kind, Detail, Invocation string }
		if err := json.Unmarshal([]byte(body), &p); err != nil || resp.StatusCode != want || p.Kind != string(kind) {
			t.Errorf("%s: %d %s, want %d", kind, resp.StatusCode, body, want)
		}
		if p.Invocation != resp.Header.Get("X-Dayfly-Invocation") {
			t.Errorf("%s: problem names invocation %q, header %q", kind, p.Invocation, resp.Header.Get("X-Dayfly-Invocation"))
		}
		if leaked := strings.Contains(body, "secret"); leaked != (kind != dayfly.KindInternal) {
			t.Errorf("%s: cause shown: %v", kind, leaked)
		}
		if kind == dayfly.KindExhausted && resp.Header.Get("Retry-After") != "2" {
			t.Errorf("Retry-After = %q, want 2", resp.Header.Get("Retry-After"))
		}
	}
}

func TestAddressesOfNothingAre404(t *testing.T) {
	t.Parallel()
	url := serve(t, func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
		t.Error("a function was invoked")
		return nil, nil
	})
	for _, path := range []string{"/", "/function/", "/function/Bad_Name", "/function/a.b.c", "/functions/x", "/function"} {
		if resp, body := do(t, request(t, "GET", url+path, "")); resp.StatusCode != 404 {
			t.Errorf("%s: %d %s, want 404", path, resp.StatusCode, body)
		}
	}
}

func TestFunctionFailures(t *testing.T) {
	t.Parallel()
	for kind, want := range map[dayfly.FailureKind]struct {
		status int
		body   string
	}{
		dayfly.FailureException: {502, "Internal Server Error"},
		dayfly.FailureResponse:  {502, "Internal Server Error"},
		dayfly.FailureTimeout:   {504, `"detail":"words of the code","kind":"failed","failure":"timeout"`},
		dayfly.FailureMemory:    {502, `"detail":"words of the code","kind":"failed","failure":"out_of_memory"`},
		dayfly.FailureExit:      {502, `"detail":"the function's process ended during the call"`},
		dayfly.FailureInit:      {502, `"detail":"the function could not be started"`},
	} {
		url := serve(t, func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
			return &dayfly.Result{Status: want.status, Header: http.Header{}, Body: http.NoBody,
				Failure: &dayfly.Failure{Kind: kind, Message: "words of the code"}}, nil
		})
		resp, body := do(t, request(t, "GET", url+"/function/f", ""))
		if resp.StatusCode != want.status || !strings.Contains(body, want.body) {
			t.Errorf("%s: %d %s, want %d with %s", kind, resp.StatusCode, body, want.status, want.body)
		}
	}
}

func TestFailuresLookAsBehindTheGatewayOfTheirPayload(t *testing.T) {
	t.Parallel()
	for payload, want := range map[dayfly.Payload]string{
		"":                     "text/plain; charset=utf-8 Internal Server Error",
		dayfly.PayloadV2:       "text/plain; charset=utf-8 Internal Server Error",
		dayfly.PayloadV1:       `application/json {"message":"Internal server error"}`,
		dayfly.PayloadALB:      "text/html <html>",
		dayfly.PayloadALBMulti: "text/html <html>",
	} {
		for _, kind := range []dayfly.FailureKind{dayfly.FailureException, dayfly.FailureResponse} {
			url := serve(t, func(_ context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
				inv.Revision = &dayfly.Revision{Spec: dayfly.Spec{Payload: payload}}
				return &dayfly.Result{Status: 502, Header: http.Header{}, Body: http.NoBody,
					Failure: &dayfly.Failure{Kind: kind, Message: "words of the code"}}, nil
			})
			resp, body := do(t, request(t, "GET", url+"/function/f", ""))
			got := resp.Header.Get("Content-Type") + " " + body
			if resp.StatusCode != 502 || !strings.HasPrefix(got, want) {
				t.Errorf("%s behind %q: %d %s, want 502 %s", kind, payload, resp.StatusCode, got, want)
			}
		}
	}
}

func TestHeadersThatAreNotTheClientsToSay(t *testing.T) {
	t.Parallel()
	url := serve(t, func(_ context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
		h := inv.Request.Header
		return text(200, fmt.Sprint(h["X-Forwarded-For"], h["X-Forwarded-Host"], h["X-Secret-Hop"], h["Te"],
			h["X-Dayfly-Failure"], h["X-Dayfly-Invocation"], h["X-Own"], h["Connection"])), nil
	})
	req := request(t, "GET", url+"/function/f", "")
	for k, v := range map[string]string{"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil", "Te": "trailers",
		"Connection": "X-Secret-Hop", "X-Secret-Hop": "1", "X-Dayfly-Failure": "x", "X-Dayfly-Invocation": "mine", "X-Own": "1"} {
		req.Header.Set(k, v)
	}
	req.Host = "h.test"
	if _, body := do(t, req); body != "[127.0.0.1] [h.test] [] [] [] [] [1] []" {
		t.Errorf("headers = %s", body)
	}
}

func TestFunctionCannotForgeTheInvocation(t *testing.T) {
	t.Parallel()
	url := serve(t, func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
		r := text(200, "x")
		r.Header["X-Dayfly-Invocation"] = []string{"forged"}
		return r, nil
	})
	resp, _ := do(t, request(t, "GET", url+"/function/f", ""))
	if got := resp.Header["X-Dayfly-Invocation"]; len(got) != 1 || got[0] == "forged" {
		t.Errorf("X-Dayfly-Invocation = %q", got)
	}
}

func TestAnswersStreamAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	url := serve(t, func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
		return &dayfly.Result{Status: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: r}, nil
	})
	resp, err := http.DefaultTransport.RoundTrip(request(t, "GET", url+"/function/f", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for i := range 3 { // each line is seen before the next is written
		go fmt.Fprintf(w, "data: %d\n", i)
		if line, err := lines.ReadString('\n'); line != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("line %d = %q, %v", i, line, err)
		}
	}
	_ = w.Close()
}

func TestWholeAnswerIsSentBeforeTheFunctionIsThrough(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	url := serve(t, func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
		return &dayfly.Result{Status: 200, Header: http.Header{"Content-Length": {"5"}}, Body: r}, nil
	})
	go func() { _, _ = io.WriteString(w, "hello") }() // and does not end
	if _, body := do(t, request(t, "GET", url+"/function/f", "")); body != "hello" {
		t.Errorf("body = %q", body)
	}
	_ = w.Close()
}

func TestFailureInMidBodyCutsTheConnection(t *testing.T) {
	t.Parallel()
	url := serve(t, func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
		r, w := io.Pipe()
		go func() {
			_, _ = io.WriteString(w, "half")
			_ = w.CloseWithError(&dayfly.Failure{Kind: dayfly.FailureExit})
		}()
		return &dayfly.Result{Status: 200, Header: http.Header{}, Body: r}, nil
	})
	resp, err := http.DefaultTransport.RoundTrip(request(t, "GET", url+"/function/f", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("body that broke off was read to its end: %q", body)
	}
}

func TestBodyThatEndsEarlyIsTheClientsFault(t *testing.T) {
	t.Parallel()
	url := serve(t, func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
		t.Error("a call with half a body was invoked")
		return nil, dayfly.Errorf(dayfly.KindInternal, "x")
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "POST /function/f HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
	_ = conn.(*net.TCPConn).CloseWrite()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != 400 {
		t.Errorf("answer = %v, %v; want 400", resp, err)
	}
}

func TestTooLargeIs413(t *testing.T) {
	t.Parallel()
	url := serve(t, func(context.Context, *dayfly.Invocation) (*dayfly.Result, error) {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%w: 2 bytes, at most 1", dayfly.ErrRequestTooLarge)
	})
	if resp, body := do(t, request(t, "POST", url+"/function/f", "xx")); resp.StatusCode != 413 {
		t.Errorf("answer = %d %s, want 413", resp.StatusCode, body)
	}
}

func FuzzPathsReachOneFunctionOrNone(f *testing.F) {
	f.Add("/function/a/../b", "x")
	f.Add("/function/a%2f..%2fb", "a.b.localhost")
	f.Add("//function/a", "..localhost")
	f.Fuzz(func(t *testing.T, path, host string) {
		if strings.ContainsAny(path+host, " \r\n\x00") || !strings.HasPrefix(path, "/") {
			return
		}
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n")))
		if err != nil {
			return
		}
		g := gateway.New(invoker(func(_ context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
			if err := inv.Function.Validate(); err != nil {
				t.Errorf("invoked %+v for %q: %v", inv.Function, path, err)
			}
			if got := inv.Request.Prefix + inv.Request.Path; inv.Request.Prefix != "" && !strings.HasPrefix(got, req.URL.EscapedPath()) {
				t.Errorf("path %q became %q", path, got)
			}
			return text(200, ""), nil
		}), gateway.Async{}, slog.New(slog.DiscardHandler), gateway.Deps{})
		g.ServeHTTP(httptest.NewRecorder(), req)
	})
}

func TestCallersCannotSpeakAsThePlatform(t *testing.T) {
	t.Parallel()
	url := serve(t, func(_ context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
		var names []string
		for name := range inv.Request.Header {
			if strings.Contains(strings.ToLower(name), "dayfly") {
				names = append(names, name)
			}
		}
		return text(200, strings.Join(names, ",")), nil
	})
	req := request(t, "POST", url+"/function/hello", "x")
	for _, name := range []string{"X-Dayfly-Event", "x-dayfly-attempt", "X-DAYFLY-TRIGGER", "X-Dayfly-Invocation",
		"X-Dayfly-Failure", "X_Dayfly_Event", "X-Dayfly-Of-Tomorrow"} {
		req.Header[name] = []string{"forged"} // as it is written here
	}
	if _, body := do(t, req); body != "" {
		t.Errorf("the function sees %s of its caller", body)
	}
}

func TestUnderscoresCannotForgeHeaders(t *testing.T) {
	t.Parallel()
	url := serve(t, func(_ context.Context, inv *dayfly.Invocation) (*dayfly.Result, error) {
		names := slices.Sorted(maps.Keys(inv.Request.Header))
		return text(200, strings.Join(names, " ")), nil
	})
	req := request(t, "GET", url+"/function/f", "")
	req.Header = http.Header{"X_Forwarded_For": {"6.6.6.6"}, "X_dayfly_invocation": {"mine"},
		"x-Forwarded_proto": {"https"}, "_": {"1"}, "X-Own": {"1"}, "User-Agent": {"x"}, "Accept-Encoding": {"x"}}
	_, body := do(t, req)
	if want := "Accept-Encoding User-Agent X-Forwarded-For X-Forwarded-Host X-Forwarded-Prefix " +
		"X-Forwarded-Proto X-Own"; body != want {
		t.Errorf("headers = %s, want %s", body, want)
	}
}
