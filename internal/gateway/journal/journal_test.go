// SPDX-License-Identifier: Apache-2.0

package journal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/internal/gateway/journal"
)

// start runs a journal, and gives what ends it.
func start(t *testing.T, cfg journal.Config) (*journal.Journal, func()) {
	t.Helper()
	j := journal.New(cfg, slog.New(slog.DiscardHandler))
	if err := j.Open(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	return j, sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestARequestIsALineWithoutSecrets(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	j, stop := start(t, journal.Config{File: path, Format: journal.JSON})
	defer stop()
	h := j.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := journal.Of(r.Context())
		n.Match("shop", "orders", []string{"pass-it"})
		n.Subject("ada")
		w.Header().Set("X-Dayfly-Invocation", "inv1")
		w.Header().Set("Cache-Status", "dayfly; hit")
		r.Header.Del("User-Agent") // as the pipeline may
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "short and stout")
	}))
	r := httptest.NewRequest("GET", "http://shop.example/a%2Fb?x=1&PASS-IT=SECRET&%74oken=SECRET&a=2;sig=SECRET"+
		"&X-Amz-Signature=SECRET&%zz=SECRET&flag", nil)
	r.Header.Set("User-Agent", "a\"b\nc")
	r.Header.Set("Referer", "https://u:SECRET@other.example/p?code=SECRET#SECRET")
	r.Header.Set("Authorization", "Bearer SECRET")
	r.Header.Set("Cookie", "s=SECRET")
	h.ServeHTTP(httptest.NewRecorder(), r)
	stop()
	text := read(t, path)
	var got map[string]any
	if err := json.Unmarshal([]byte(text), &got); err != nil || strings.Count(text, "\n") != 1 {
		t.Fatalf("line %q: %v", text, err)
	}
	for key, want := range map[string]any{"id": "inv1", "remote": "192.0.2.1", "scheme": "http", "host": "shop.example",
		"method": "GET", "path": "/a%2Fb", "protocol": "HTTP/1.1", "status": 418.0, "bytes": 15.0, "project": "shop",
		"route": "orders", "subject": "ada", "cache": "dayfly; hit", "user_agent": "a\"b\nc",
		"referer": "https://other.example/p",
		"query":   "x=1&PASS-IT=***&%74oken=***&a=2;sig=***&X-Amz-Signature=***&%zz=***&flag"} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	if strings.Contains(text, "SECRET") || got["aborted"] != nil {
		t.Errorf("the line is %s", text)
	}
}

func TestStatusesOfGRPCAreTold(t *testing.T) {
	t.Parallel()
	for place, want := range map[string]string{http.TrailerPrefix + "Grpc-Status": "5", "Grpc-Status": "14"} {
		path := filepath.Join(t.TempDir(), "access.log")
		j, stop := start(t, journal.Config{File: path, Format: journal.JSON})
		h := j.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			w.Header().Set(place, want)
		}))
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "http://shop.example/p.S/M", nil))
		stop()
		if text := read(t, path); !strings.Contains(text, `"status":200,"grpc_status":"`+want+`"`) {
			t.Errorf("%s: the line is %s", place, text)
		}
	}
}

func TestNothingOfTheQueryIsToldWhereNoRouteMatched(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	j, stop := start(t, journal.Config{File: path, Format: journal.JSON})
	defer stop()
	h := j.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { journal.Of(r.Context()).Hide() }))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/absent?mine=SECRET&SECRET", nil))
	stop()
	if text := read(t, path); strings.Contains(text, "SECRET") || !strings.Contains(text, `"query":"mine=***&***"`) {
		t.Errorf("the line is %s", text)
	}
}

func TestCombinedLinesStayLines(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	j, stop := start(t, journal.Config{File: path, Format: journal.Combined})
	defer stop()
	h := j.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		journal.Of(r.Context()).Subject("ada b")
		panic(http.ErrAbortHandler)
	}))
	r := httptest.NewRequest("POST", "/x?token=SECRET", nil)
	r.Header.Set("User-Agent", "a\" 200 \"b\nc\xff")
	func() {
		defer func() { _ = recover() }()
		h.ServeHTTP(httptest.NewRecorder(), r)
	}()
	stop()
	want := regexp.MustCompile(`^192\.0\.2\.1 - ada\\x20b \[[^]]+\] "POST /x\?token=\*\*\* HTTP/1\.1" 200 0 "-" "a\\x22 200 \\x22b\\x0ac\\xff"\n$`)
	if text := read(t, path); !want.MatchString(text) {
		t.Errorf("the line is %q", text)
	}
}

func TestTheFileIsOpenedAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, moved := filepath.Join(dir, "access.log"), filepath.Join(dir, "access.log.1")
	reopen := make(chan os.Signal)
	j, stop := start(t, journal.Config{File: path, Format: journal.JSON, Reopen: reopen})
	defer stop()
	h := j.Wrap(http.NotFoundHandler())
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/first", nil))
	for deadline := time.Now().Add(time.Minute); !strings.Contains(read(t, path), "/first"); {
		if time.Now().After(deadline) {
			t.Fatal("the first line was not written")
		}
	}
	if err := os.Rename(path, moved); err != nil {
		t.Fatal(err)
	}
	reopen <- syscall.SIGHUP
	reopen <- syscall.SIGHUP // taken once the first was carried out
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/second", nil))
	stop()
	if a, b := read(t, moved), read(t, path); !strings.Contains(a, "/first") || strings.Contains(a, "/second") ||
		!strings.Contains(b, "/second") {
		t.Errorf("the files have %q and %q", a, b)
	}
}

// Files that reached their size are put aside, no more of them than shall be kept, and no
// line is lost or split.
func TestTheFileIsRotated(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(path, []byte("what was there before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const max, keep, requests = 4 << 10, 3, 200
	j, stop := start(t, journal.Config{File: path, Format: journal.JSON, SizeMax: max, Keep: keep})
	defer stop()
	h := j.Wrap(http.NotFoundHandler())
	for i := range requests {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", fmt.Sprintf("/%03d", i), nil))
	}
	stop()
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) != 1+keep {
		t.Fatalf("there are %v, %v", files, err)
	}
	last := requests
	for _, name := range []string{path, path + ".1", path + ".2", path + ".3"} {
		text := read(t, name)
		if len(text) == 0 || len(text) > max {
			t.Errorf("%s has %d bytes", name, len(text))
		}
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		for _, line := range slices.Backward(lines) {
			last--
			if want := fmt.Sprintf(`"path":"/%03d"`, last); !json.Valid([]byte(line)) || !strings.Contains(line, want) {
				t.Fatalf("%s has the line %s, want one with %s", name, line, want)
			}
		}
	}
}

// What has no size, a terminal or a pipe, cannot be rotated.
func TestOnlyFilesAreRotated(t *testing.T) {
	t.Parallel()
	for _, name := range []string{os.DevNull, journal.Stdout} {
		j := journal.New(journal.Config{File: name, SizeMax: 1 << 20, Keep: 1}, slog.New(slog.DiscardHandler))
		if err := j.Open(); err == nil {
			t.Errorf("%s was opened as a log that is to be rotated", name)
		}
	}
}

// A file whose client went away broke off, although who serves files says nothing.
func TestAFileThatWasNotTakenBrokeOff(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	j, stop := start(t, journal.Config{File: path, Format: journal.JSON})
	defer stop()
	const size = 64 << 20 // more than is on its way to anybody
	server := httptest.NewServer(j.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "x.bin", time.Time{}, io.NewSectionReader(zeros{}, 0, size))
	})))
	defer server.Close()
	resp, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(read(t, path), "\n"); {
		if time.Now().After(deadline) {
			t.Fatal("there is no line")
		}
	}
	if text := read(t, path); !strings.Contains(text, `"aborted":true`) {
		t.Errorf("the line is %s", text)
	}
}

type zeros struct{}

// ReadAt implements io.ReaderAt.
func (zeros) ReadAt(p []byte, _ int64) (int, error) { return len(p), nil }

// stuck is an output that takes nothing until it is freed.
type stuck struct {
	free  chan struct{}
	mu    sync.Mutex
	lines int
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.free
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines += strings.Count(string(p), "\n")
	return len(p), nil
}

func TestNoRequestWaitsForTheFile(t *testing.T) {
	t.Parallel()
	out := &stuck{free: make(chan struct{})}
	var said strings.Builder
	j := journal.New(journal.Config{File: journal.Stdout, Out: out, Format: journal.JSON},
		slog.New(slog.NewTextHandler(&said, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	h := j.Wrap(http.NotFoundHandler())
	const requests = 40_000
	r := httptest.NewRequest("GET", "/", nil)
	for range requests {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	close(out.free)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if out.lines == 0 || out.lines >= requests || !strings.Contains(said.String(), "access log lost lines") {
		t.Errorf("%d lines of %d were written, and it was said: %s", out.lines, requests, said.String())
	}
}

func TestAnswersGoThroughAsTheyAre(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	j, stop := start(t, journal.Config{File: path, Format: journal.JSON})
	defer stop()
	server := httptest.NewServer(j.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			_, _ = w.(io.ReaderFrom).ReadFrom(strings.NewReader("whole"))
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			return
		}
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
		_ = c.Close()
	})))
	defer server.Close()
	for _, upgrade := range []string{"", "x"} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if upgrade != "" {
			r.Header.Set("Upgrade", upgrade)
			r.Header.Set("Connection", "Upgrade")
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	server.Close()
	for deadline := time.Now().Add(time.Minute); strings.Count(read(t, path), "\n") < 2; {
		if time.Now().After(deadline) {
			t.Fatal("there are not two lines")
		}
	}
	stop()
	if text := read(t, path); !strings.Contains(text, `"status":200,"bytes":5,`) || !strings.Contains(text, `"status":101,"bytes":69,`) {
		t.Errorf("the lines are %s", text)
	}
}
