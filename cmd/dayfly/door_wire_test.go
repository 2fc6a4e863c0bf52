// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// tries runs the command line on the node's data; it may fail.
func (w *doorWorld) tries(args ...string) (string, error) {
	c := exec.CommandContext(w.t.Context(), filepath.Join(binary, "dayfly"), args...)
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "DAYFLY_DATA=" + filepath.Join(w.dir, "data"),
		"DAYFLY_URL=" + w.api, "HOME=" + w.dir}
	out, err := c.CombinedOutput()
	return string(out), err
}

// smuggled hides a second request in the body of the first, where two parsers disagree.
const smuggled = "GET /admin/smuggled HTTP/1.1\r\nHost: door.localhost\r\n\r\n"

// framing: what is one request for the door is one request for all behind it.
func (w *doorWorld) framing(t *testing.T) {
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(smuggled), smuggled)
	for name, head := range map[string]string{
		"CL.TE":      "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"TE.CL":      "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n" + chunked,
		"TE.TE":      "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunked,
		"unknown TE": "Transfer-Encoding: xchunked\r\n\r\n" + chunked, "TE twice": "Transfer-Encoding: chunked, chunked\r\n\r\n" + chunked,
		"TE with a tab": "Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\n\r\n" + chunked, "space before colon": "Transfer-Encoding : chunked\r\n\r\n" + chunked,
		"two lengths": "Content-Length: 0\r\nContent-Length: 57\r\n\r\n" + smuggled, "list of lengths": "Content-Length: 0, 57\r\n\r\n" + smuggled,
		"signed length": "Content-Length: +0\r\n\r\n" + smuggled, "hex length": "Content-Length: 0x0\r\n\r\n" + smuggled,
		"negative length": "Content-Length: -1\r\n\r\n" + smuggled, "obs-fold": "X-A: 1\r\n Transfer-Encoding: chunked\r\nContent-Length: 57\r\n\r\n" + smuggled,
		"bare CR": "X-A: 1\rTransfer-Encoding: chunked\r\nContent-Length: 57\r\n\r\n" + smuggled,
		"bare LF": "X-A: 1\nContent-Length: 57\n\n" + smuggled, "NUL": "X-A: a\x00b\r\nContent-Length: 57\r\n\r\n" + smuggled,
		"chunk extension":       "Transfer-Encoding: chunked\r\n\r\n" + strings.Replace(chunked, "\r\n", ";a=b\r\n", 1),
		"LF in chunk extension": "Transfer-Encoding: chunked\r\n\r\n" + strings.Replace(chunked, "\r\n", ";a\n", 1),
		"chunk size overflow":   "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + smuggled,
		"trailer":               "Transfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n0\r\nContent-Length: 57\r\nX-Dayfly-Principal: {}\r\n\r\n",
		"expect":                "Expect: 100-continue\r\nContent-Length: 57\r\n\r\n" + smuggled,
		"hop by hop":            "Connection: Content-Length\r\nContent-Length: 57\r\n\r\n" + smuggled,
	} {
		for _, path := range []string{"/up/x", "/web/x"} {
			w.framed(t, name+" to "+path, "POST "+path+" HTTP/1.1\r\nHost: door.localhost\r\n"+head)
		}
	}
}

// framed sends what may be two requests: neither the door, nor the server or function behind
// it, may take the second for one that is let in.
func (w *doorWorld) framed(t *testing.T, name, wire string) {
	t.Helper()
	for i, a := range w.all(wire, "POST") {
		if a.status == 200 && strings.Contains(a.body, `"line": "GET /admin`) || i > 0 && a.status == 200 {
			t.Errorf("%s: request %d was answered %d %s", name, i, a.status, a.body)
		}
		if a.status >= 500 && a.status != http.StatusNotImplemented {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for {
		select {
		case seen := <-w.upstream.seen:
			head, body, _ := strings.Cut(seen, "\r\n\r\n")
			lower := strings.ToLower(head)
			if strings.Contains(lower, "content-length:") && strings.Contains(lower, "transfer-encoding:") ||
				strings.Count(lower, "content-length:") > 1 || strings.Contains(head, "\n ") || strings.Contains(lower, "x-dayfly-p") && strings.Contains(lower, "principal") {
				t.Errorf("%s: the server got %q", name, seen)
			}
			if strings.Contains(body, "GET /admin") && !strings.Contains(lower, "content-length: 5") && !strings.Contains(lower, "transfer-encoding: chunked") {
				t.Errorf("%s: the server got a second request: %q", name, seen)
			}
		default:
			return
		}
	}
}

// upgrades: no connection is handed on that could speak HTTP from there.
func (w *doorWorld) upgrades(t *testing.T) {
	for _, protocol := range []string{"h2c", "HTTP/2.0", "TLS/1.0", "websocket, h2c", "h2c\r\nUpgrade: websocket"} {
		for _, path := range []string{"/up/x", "/web/x"} {
			w.get("GET", path, "Connection: Upgrade, HTTP2-Settings", "Upgrade: "+protocol, "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
		}
	}
	for {
		select {
		case seen := <-w.upstream.seen:
			if lower := strings.ToLower(seen); strings.Contains(lower, "upgrade") || strings.Contains(lower, "http2-settings") {
				t.Errorf("the server was asked to upgrade: %q", seen)
			}
		default:
			return
		}
	}
}

// splitting: what callers send makes no header of an answer, and no host of a redirect.
func (w *doorWorld) splitting(t *testing.T) {
	for _, path := range []string{"/mapped?q=a%0d%0aX-Evil:%201", "/mapped?q=a%0aX-Evil:%201", "/mapped?q=%00", "/mapped?q=%E5%98%8D%E5%98%8AX-Evil:1",
		"/go/a%0d%0aX-Evil:%201", "/go/x?q=%0d%0aX-Evil:%201", "/go//evil.test", "/go/%2fevil.test", "/go/%5cevil.test",
		"/go/@evil.test", "//evil.test/go/x", "/go/https://evil.test"} {
		a := w.get("GET", path)
		where := a.header.Get("Location")
		if a.header.Get("X-Evil") != "" || strings.HasPrefix(where, "//") || strings.Contains(where, "\\") ||
			where != "" && !strings.HasPrefix(where, "/to/") {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
	}
}

// sizes: what is too large is refused, and costs little.
func (w *doorWorld) sizes(t *testing.T) {
	big := strings.Repeat("a", 1<<20)
	deep := strings.Repeat("[", 1e6)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(bytes.Repeat([]byte{0}, 10<<20))
	_ = z.Close()
	body := func(text string) string { return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(text), text) }
	for name, tc := range map[string]struct {
		method, path string
		head         string
		want         []int
	}{
		"head": {"GET", "/open/1", "X-Big: " + big, []int{431}}, "path": {"GET", "/" + big, "", []int{400, 414, 431}},
		"long path":           {"GET", "/open/" + big[:9<<10], "", []int{400, 414}},
		"header of the route": {"GET", "/small", "X-Big: " + big[:5<<10], []int{431}},
		"lines":               {"GET", "/open/1", strings.TrimSuffix(strings.Repeat("A: b\r\n", 10000), "\r\n"), []int{200, 431}},
		"parameters":          {"GET", "/open/1?" + strings.Repeat("a=b&", 100_000), "", []int{414, 431}},
		"cookies":             {"GET", "/open/1", "Cookie: " + strings.Repeat("a=b; ", 100_000), []int{431}},
		"body":                {"POST", "/small", body(big), []int{413}},
		"chunked body":        {"POST", "/small", fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", 8<<10, big[:8<<10]), []int{413}},
		"deep JSON":           {"POST", "/json", "Content-Type: application/json\r\n" + body(deep), []int{400}},
		"slow pattern":        {"POST", "/json", "Content-Type: application/json\r\n" + body(`{"s":"`+big+`b"}`), []int{400}},
		"slow rule":           {"GET", "/costly?q=" + big[:7<<10], "", []int{403}},
		"bomb":                {"POST", "/json", "Content-Type: application/json\r\nContent-Encoding: gzip\r\n" + body(packed.String()), []int{400, 415}},
	} {
		began := time.Now()
		a := w.get(tc.method, tc.path, tc.head)
		found := false
		for _, want := range tc.want {
			found = found || a.status == want
		}
		if !found || time.Since(began) > 15*time.Second {
			t.Errorf("%s: %d after %s, want %v: %.200s", name, a.status, time.Since(began), tc.want, a.body)
		}
	}
	w.patience(t)
}

// patience: clients that send slowly, or nothing, hold up themselves alone.
func (w *doorWorld) patience(t *testing.T) {
	const idle = 3000 // of each kind
	var slow []net.Conn
	for i := range idle {
		conn, err := net.Dial("tcp", w.address)
		if err != nil {
			t.Logf("after %d connections: %v", len(slow), err)
			break
		}
		slow = append(slow, conn)
		switch i % 3 {
		case 1:
			_, _ = conn.Write([]byte("GET / HTTP/1.1\r\nHost: door.loc"))
		case 2:
			_, _ = conn.Write([]byte("POST /small HTTP/1.1\r\nHost: door.localhost\r\nContent-Length: 9\r\n\r\n1"))
		}
	}
	began := time.Now()
	if a := w.get("GET", "/open/1"); a.status != 200 || time.Since(began) > 20*time.Second {
		t.Errorf("beside %d idle connections: %d after %s", len(slow), a.status, time.Since(began))
	}
	// Those that said something are sent away after ten seconds.
	if len(slow) > 2 {
		_ = slow[1].SetReadDeadline(time.Now().Add(40 * time.Second))
		if _, err := slow[1].Read(make([]byte, 1)); err != nil && os.IsTimeout(err) {
			t.Error("half a head is waited for for ever")
		}
	}
	for _, conn := range slow {
		conn.Close()
	}
}

// changes: deploys drop no request, and two at once leave one of both.
func (w *doorWorld) changes(t *testing.T) {
	project := filepath.Join(w.dir, "project")
	manifest, err := os.ReadFile(filepath.Join(project, "dayfly.yaml"))
	w.check(err)
	var group, deploys sync.WaitGroup
	var asked, wrong atomic.Int64
	done := make(chan struct{})
	for range 4 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				asked.Add(1)
				if a := w.get("GET", "/mapped?q=1"); a.status != http.StatusOK {
					wrong.Add(1)
				}
				if a := w.get("GET", "/admin"); a.status != http.StatusUnauthorized {
					wrong.Add(1)
				}
			}
		})
	}
	for i := range 2 {
		deploys.Go(func() {
			folder := fmt.Sprintf("change%d", i)
			for n := range 5 {
				only := strings.ReplaceAll(string(manifest), "body: few", fmt.Sprintf("body: few%d", n))
				w.project(folder, only)
				if out, err := w.tries("deploy", filepath.Join(w.dir, folder)); err != nil && !strings.Contains(out, "conflict") &&
					!strings.Contains(out, "changed meanwhile") {
					t.Errorf("deploy: %v %s", err, out)
				}
			}
		})
	}
	deploys.Wait()
	close(done)
	group.Wait()
	if wrong.Load() > 0 || asked.Load() < 10 {
		t.Errorf("%d of %d requests were answered wrongly while routes changed", wrong.Load(), asked.Load())
	}
}
