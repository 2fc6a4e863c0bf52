// SPDX-License-Identifier: Apache-2.0

package encode_test

import (
	"bufio"
	"bytes"
	"cmp"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/dayfly-faas/dayfly/internal/gateway/encode"
)

func TestCodingIsTheOneLikedBest(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]encode.Coding{
		"":                               encode.Identity,
		"gzip, deflate, br, zstd":        encode.Brotli,
		"gzip":                           encode.Gzip,
		"GZIP":                           encode.Gzip,
		"x-gzip":                         encode.Gzip,
		"br;q=0.5, gzip;q=0.8":           encode.Gzip,
		"br;q=0, zstd":                   encode.Zstd,
		"*":                              encode.Brotli,
		"*;q=0":                          encode.Identity,
		"gzip;q=0, *":                    encode.Brotli,
		"br;q=0,zstd;q=0,*":              encode.Gzip,
		"identity":                       encode.Identity,
		"gzip;q=2":                       encode.Identity,
		"gzip;q=NaN":                     encode.Identity,
		"gzip;q=0.0001":                  encode.Identity,
		"gzip ; q=0.001":                 encode.Gzip,
		"gzipped, brr":                   encode.Identity,
		strings.Repeat("x,", 400) + "br": encode.Identity,
	} {
		got := encode.Choose([]string{accept}, encode.Brotli, encode.Zstd, encode.Gzip)
		if got != want {
			t.Errorf("Choose(%.60q) = %q, want %q", accept, got, want)
		}
	}
}

// text is something that gets smaller.
var text = strings.Repeat("the quick brown fox jumps over the lazy dog\n", 200)

// decode reads a body as its head says.
func decode(t *testing.T, header http.Header, body io.Reader) string {
	t.Helper()
	var err error
	switch header.Get("Content-Encoding") {
	case "br":
		body = brotli.NewReader(body)
	case "gzip":
		body, err = gzip.NewReader(body)
	case "zstd":
		body, err = zstd.NewReader(body)
	}
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(body)
	if err != nil {
		t.Fatalf("decode %q: %v", header.Get("Content-Encoding"), err)
	}
	return string(plain)
}

func TestAnswersAreCompressedWhenItHelps(t *testing.T) {
	t.Parallel()
	plain := func(pairs ...string) http.Header {
		h := http.Header{"Content-Type": {"text/plain"}}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	for name, tt := range map[string]struct {
		method, accept string
		asked          http.Header
		answer         http.Header
		status         int
		body           string
		want           string // coding
		vary           bool
	}{
		"brotli":             {accept: "gzip, br", answer: plain(), body: text, want: "br", vary: true},
		"zstd":               {accept: "zstd", answer: plain(), body: text, want: "zstd", vary: true},
		"gzip":               {accept: "gzip", answer: plain(), body: text, want: "gzip", vary: true},
		"known length":       {accept: "br", answer: plain("Content-Length", "8800"), body: text, want: "br", vary: true},
		"not asked for":      {answer: plain(), body: text, vary: true},
		"small":              {accept: "br", answer: plain(), body: "hello", vary: true},
		"small and said so":  {accept: "br", answer: plain("Content-Length", "5"), body: "hello", vary: true},
		"empty":              {accept: "br", answer: plain(), vary: true},
		"image":              {accept: "br", answer: plain("Content-Type", "image/png"), body: text},
		"problem":            {accept: "br", answer: plain("Content-Type", "application/problem+json"), status: 400, body: text, want: "br", vary: true},
		"no type":            {accept: "br", answer: plain("Content-Type", ""), body: text},
		"encoded already":    {accept: "br", answer: plain("Content-Encoding", "gzip"), body: "x"},
		"no-transform":       {accept: "br", answer: plain("Cache-Control", "public, No-Transform"), body: text},
		"digest":             {accept: "br", answer: plain("Content-Digest", "sha-256=:x:"), body: text},
		"part":               {accept: "br", answer: plain("Content-Range", "bytes 0-1/2"), status: 206, body: text},
		"head":               {method: "HEAD", accept: "br", answer: plain(), vary: true},
		"cross-site, cookie": {accept: "br", asked: http.Header{"Sec-Fetch-Site": {"cross-site"}, "Cookie": {"a=b"}}, answer: plain(), body: text, vary: true},
		"cross-site, clicked": {accept: "br", asked: http.Header{"Sec-Fetch-Site": {"cross-site"}, "Cookie": {"a=b"}, "Sec-Fetch-User": {"?1"}},
			answer: plain(), body: text, want: "br", vary: true},
		"cross-site, nobody": {accept: "br", asked: http.Header{"Sec-Fetch-Site": {"cross-site"}}, answer: plain(), body: text, want: "br", vary: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(cmp.Or(tt.method, "GET"), "/", nil)
			for key, values := range tt.asked {
				r.Header[key] = values
			}
			r.Header.Set("Accept-Encoding", tt.accept)
			w := httptest.NewRecorder()
			e := encode.New(w, r)
			for key, values := range tt.answer {
				e.Header()[key] = values
			}
			e.Header().Set("Etag", `"1"`)
			e.WriteHeader(cmp.Or(tt.status, 200))
			if _, err := io.WriteString(e, tt.body); err != nil {
				t.Fatal(err)
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			got := w.Result().Header
			coding := got.Get("Content-Encoding")
			if name == "encoded already" {
				coding = ""
			} else if body := decode(t, got, w.Body); body != tt.body {
				t.Errorf("body of %d bytes, want %d", len(body), len(tt.body))
			}
			if coding != tt.want || (got.Get("Vary") != "") != tt.vary {
				t.Errorf("coding %q, Vary %q; want %q and vary %v", coding, got.Get("Vary"), tt.want, tt.vary)
			}
			if weak := strings.HasPrefix(got.Get("Etag"), "W/"); weak != (tt.want != "") {
				t.Errorf("Etag %s of coding %q", got.Get("Etag"), tt.want)
			}
			if tt.want != "" && got.Get("Content-Length") != "" {
				t.Errorf("Content-Length %s of a compressed answer", got.Get("Content-Length"))
			}
		})
	}
}

func TestEventsOfAStreamArriveAtOnce(t *testing.T) {
	t.Parallel()
	for _, coding := range []string{"br", "zstd", "gzip"} {
		t.Run(coding, func(t *testing.T) {
			t.Parallel()
			next := make(chan string)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				e := encode.New(w, r)
				e.Header().Set("Content-Type", "text/event-stream")
				rc := http.NewResponseController(e)
				_ = rc.Flush()
				for event := range next {
					_, _ = io.WriteString(e, "data: "+event+"\n\n")
					_ = rc.Flush()
				}
				_ = e.Close()
			}))
			defer server.Close()
			r, _ := http.NewRequestWithContext(t.Context(), "GET", server.URL, nil)
			r.Header.Set("Accept-Encoding", coding)
			answer, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if got := answer.Header.Get("Content-Encoding"); got != coding {
				t.Fatalf("coding %q, want %q", got, coding)
			}
			var lines *bufio.Reader
			for _, event := range []string{"one", "two", "three"} {
				next <- event
				if lines == nil { // the decoders read on making
					lines = bufio.NewReader(decoder(t, coding, answer.Body))
				}
				line, err := lines.ReadString('\n')
				if err != nil || line != "data: "+event+"\n" {
					t.Fatalf("line %q, %v; want event %s", line, err, event)
				}
				if _, err := lines.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
			close(next)
			if rest, err := io.ReadAll(lines); err != nil || len(rest) != 0 {
				t.Errorf("after the end: %q, %v", rest, err)
			}
		})
	}
}

func decoder(t *testing.T, coding string, r io.Reader) io.Reader {
	t.Helper()
	var err error
	switch coding {
	case "br":
		return brotli.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	default:
		r, err = gzip.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCutAnswerHasNoProperEnd(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := encode.New(w, r)
		e.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(e, text)
		e.Flush()
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	r, _ := http.NewRequestWithContext(t.Context(), "GET", server.URL, nil)
	r.Header.Set("Accept-Encoding", "gzip")
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.ReadAll(answer.Body); err == nil {
		t.Error("a cut answer was read as a whole one")
	}
}

func TestConnectionCanBeTakenOver(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(encode.New(w, r)).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		_ = conn.Close()
	}))
	defer server.Close()
	r, _ := http.NewRequestWithContext(t.Context(), "GET", server.URL, nil)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "x")
	answer, err := server.Client().Do(r)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("%v, %v; want 101", answer, err)
	}
}

func FuzzChoiceIsTakenOrRefused(f *testing.F) {
	f.Add("gzip, br;q=0.1")
	f.Fuzz(func(t *testing.T, accept string) {
		got := encode.Choose([]string{accept}, encode.Brotli, encode.Gzip)
		if got != encode.Identity && !strings.Contains(strings.ToLower(accept), string(got)) && !strings.Contains(accept, "*") {
			t.Errorf("Choose(%q) = %q", accept, got)
		}
	})
}

func BenchmarkAnswer(b *testing.B) {
	body := []byte(text)
	for _, coding := range []string{"br", "zstd", "gzip", "identity"} {
		b.Run(coding, func(b *testing.B) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Accept-Encoding", coding)
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				e := encode.New(sink{http.Header{}}, r)
				e.Header().Set("Content-Type", "text/plain")
				_, _ = e.ReadFrom(bytes.NewReader(body))
				_ = e.Close()
			}
		})
	}
}

// sink is a client that takes everything.
type sink struct{ header http.Header }

func (s sink) Header() http.Header         { return s.header }
func (s sink) WriteHeader(int)             {}
func (s sink) Write(p []byte) (int, error) { return len(p), nil }
