// SPDX-License-Identifier: Apache-2.0

package courier

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/egress"
)

// server answers on this machine and counts what reaches it.
func server(t *testing.T, handle http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	return s
}

// clientOf is a client of a network that was never opened, as on a host without one.
func clientOf(allow ...string) *Client {
	var prefixes []netip.Prefix
	for _, text := range allow {
		prefixes = append(prefixes, netip.MustParsePrefix(text))
	}
	return New(prefixes, egress.New(egress.Config{}, slog.New(slog.DiscardHandler)).Blocks)
}

// post sends body to a URL and gives the status, or 0.
func post(ctx context.Context, c *Client, target string, header http.Header, body string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	maps.Copy(req.Header, header)
	resp, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, nil
}

func TestURLsAreCheckedBeforeTheyAreTaken(t *testing.T) {
	t.Parallel()
	c := clientOf("10.1.0.0/16")
	for text, want := range map[string]dayfly.Kind{
		"https://example.com/hook?x=1":                     "",
		"http://93.184.216.34:8080/":                       "",
		"http://10.1.2.3/":                                 "",
		"ftp://example.com/":                               dayfly.KindInvalid,
		"//example.com/":                                   dayfly.KindInvalid,
		"https:///path":                                    dayfly.KindInvalid,
		"https://user:secret@example.com/":                 dayfly.KindInvalid,
		"http://example.com:0/":                            dayfly.KindInvalid,
		"http://example.com:99999/":                        dayfly.KindInvalid,
		"http://exa mple.com/":                             dayfly.KindInvalid,
		"https://example.com/" + strings.Repeat("x", 2048): dayfly.KindInvalid,
		"http://10.2.2.3/":                                 dayfly.KindDenied,
		"http://127.0.0.1:8080/function/f":                 dayfly.KindDenied,
		"http://localhost:8080/":                           dayfly.KindDenied,
		"http://f.default.localhost:8080/":                 dayfly.KindDenied,
		"http://169.254.169.254/latest/meta-data":          dayfly.KindDenied,
		"http://[::1]/":                                    dayfly.KindDenied,
		"http://[::ffff:127.0.0.1]/":                       dayfly.KindDenied,
		"http://[fe80::1%25eth0]/":                         dayfly.KindDenied,
		"http://[2001:db8::1]/":                            dayfly.KindDenied,
		"http://0.0.0.0/":                                  dayfly.KindDenied,
	} {
		if got := dayfly.KindOf(c.CheckURL(text)); got != want {
			t.Errorf("CheckURL(%.60s) = %v, want kind %q", text, c.CheckURL(text), want)
		}
	}
}

func TestThisHostIsNotReached(t *testing.T) {
	t.Parallel()
	s := server(t, func(http.ResponseWriter, *http.Request) { t.Error("the server was reached") })
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	for _, host := range []string{
		"127.0.0.1", "localhost", "x.localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1", "2130706433",
	} {
		status, err := post(t.Context(), clientOf(), "http://"+host+":"+port+"/", nil, "")
		if err == nil {
			t.Errorf("post to %s was answered with %d", host, status)
		}
	}
	// What a name resolves to is looked at again when the connection is made.
	_, err := clientOf().doing.Post(s.URL, "text/plain", nil)
	if err == nil || !strings.Contains(err.Error(), "not a public IPv4 address") {
		t.Errorf("a connection without a check before it gave %v, want a refusal", err)
	}
}

func TestAllowedAddressIsReached(t *testing.T) {
	t.Parallel()
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) != "hello" || r.Header.Get("X-Call-Id") != "7" || r.Method != http.MethodPost {
			t.Errorf("%s with %q and %v came, want what was sent", r.Method, body, r.Header)
		}
		w.WriteHeader(http.StatusAccepted)
	})
	c := clientOf("127.0.0.0/8")
	for _, target := range []string{s.URL, strings.Replace(s.URL, "127.0.0.1", "f.default.localhost", 1)} {
		status, err := post(t.Context(), c, target, http.Header{"X-Call-Id": {"7"}}, "hello")
		if status != http.StatusAccepted || err != nil {
			t.Errorf("post to %s = %d, %v; want 202", target, status, err)
		}
	}
}

func TestRedirectsAreChecked(t *testing.T) {
	t.Parallel()
	var s *httptest.Server
	s = server(t, func(w http.ResponseWriter, r *http.Request) {
		to, status := "/end", http.StatusTemporaryRedirect
		switch r.URL.Path {
		case "/end":
			w.WriteHeader(http.StatusNoContent)
			return
		case "/inside":
			to = "http://10.9.9.9/"
		case "/metadata":
			to = "http://169.254.169.254/latest"
		case "/credentials":
			to = strings.Replace(s.URL, "http://", "http://a:b@", 1)
		case "/loop":
			to = "/loop"
		case "/get":
			status = http.StatusFound
		case "/file":
			to = "file:///etc/passwd"
		}
		w.Header().Set("Location", to)
		w.WriteHeader(status)
	})
	c := clientOf("127.0.0.1/32")
	for path, want := range map[string]struct {
		status int
		kind   dayfly.Kind
	}{
		"/ok": {http.StatusNoContent, ""}, "/get": {http.StatusFound, ""},
		"/inside": {0, dayfly.KindDenied}, "/metadata": {0, dayfly.KindDenied},
		"/credentials": {0, dayfly.KindDenied}, "/loop": {0, dayfly.KindDenied},
		"/file": {0, dayfly.KindDenied},
	} {
		status, err := post(t.Context(), c, s.URL+path, nil, "x")
		if status != want.status || dayfly.KindOf(err) != want.kind {
			t.Errorf("%s = %d, %v; want %d and kind %q", path, status, err, want.status, want.kind)
		}
	}
}

func TestReceiverThatIsAwayMayComeBack(t *testing.T) {
	t.Parallel()
	s := server(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := clientOf("127.0.0.1/32")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := post(ctx, c, s.URL, nil, ""); dayfly.KindOf(err) != dayfly.KindCanceled {
		t.Errorf("post of a caller who left = %v, want canceled", err)
	}
	s.Close()
	if _, err := post(t.Context(), c, s.URL, nil, ""); dayfly.KindOf(err) != dayfly.KindUnavailable {
		t.Errorf("post to nobody = %v, want unavailable", err)
	}
}

func TestEndlessAnswerIsCutOff(t *testing.T) {
	t.Parallel()
	s := server(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 32<<10)); err != nil {
				return
			}
		}
	})
	status, err := post(t.Context(), clientOf("127.0.0.1/32"), s.URL, nil, "")
	if status != http.StatusOK || err != nil {
		t.Errorf("post = %d, %v; want 200", status, err)
	}
}
