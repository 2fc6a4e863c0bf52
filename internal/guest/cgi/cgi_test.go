// SPDX-License-Identifier: Apache-2.0

package cgi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly/internal/guest/cgi"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// page is a Target that keeps what it gets.
type page struct {
	status int
	header http.Header
	body   strings.Builder
}

func (p *page) Respond(status int, header http.Header) error {
	p.status, p.header = status, header
	return nil
}

func (p *page) Write(b []byte) (int, error) { return p.body.Write(b) }

func TestOutputBecomesAnAnswer(t *testing.T) {
	t.Parallel()
	long := "Content-Type: a/b\nX: " + strings.Repeat("x", 40<<10) + "\n\nbody"
	for name, tc := range map[string]struct {
		reading cgi.Reading
		out     string
		want    string
	}{
		"plain":                  {cgi.Lenient, "hi", "200 text/plain; charset=utf-8 hi"},
		"nothing":                {cgi.Lenient, "", "200 text/plain; charset=utf-8 "},
		"header":                 {cgi.Lenient, "Status: 201 Made\nContent-Type: a/b\n\nx", "201 a/b x"},
		"like a header":          {cgi.Lenient, "status quo", "200 text/plain; charset=utf-8 status quo"},
		"broken header":          {cgi.Lenient, "Status: 200\nno colon\n\n", "error"},
		"strict":                 {cgi.Strict, "X-A: 1\nContent-Type: a/b\n\nx", "200 a/b x"},
		"strict, location":       {cgi.Strict, "Location: /x\n\n", "302  "},
		"strict, plain":          {cgi.Strict, "hi", "error"},
		"strict, nothing":        {cgi.Strict, "", "error"},
		"strict, neither header": {cgi.Strict, "Status: 200\n\nx", "error"},
		"strict, too long":       {cgi.Strict, long, "error"},
	} {
		for _, size := range []int{1, 1 << 20} { // however the output is cut
			p := &page{}
			a := cgi.NewAnswer(p, tc.reading)
			for rest := tc.out; rest != "" && a.Err() == nil; {
				n := min(size, len(rest))
				_, _ = a.Write([]byte(rest[:n])) // its error is told by Close, too
				rest = rest[n:]
			}
			got := "error"
			if err := a.Close(); err == nil {
				got = fmt.Sprintf("%d %s %s", p.status, p.header.Get("Content-Type"), &p.body)
			}
			if got != tc.want {
				t.Errorf("%s in pieces of %d: %s, want %s", name, size, got, tc.want)
			}
		}
	}
}

func TestVariablesOfAnEvent(t *testing.T) {
	t.Parallel()
	got := cgi.Variables(&frame.RequestHead{ID: "i", Kind: "event", Length: 11, Trace: "00-a"})
	for _, want := range []string{"DAYFLY_INVOCATION=i", "TRACEPARENT=00-a", "GATEWAY_INTERFACE=CGI/1.1",
		"REQUEST_METHOD=POST", "PATH_INFO=/", "CONTENT_LENGTH=11", "CONTENT_TYPE=application/json"} {
		if !slices.Contains(got, want) {
			t.Errorf("the variables lack %s: %q", want, got)
		}
	}
}

func TestVariablesOfARequest(t *testing.T) {
	t.Parallel()
	got := cgi.Variables(&frame.RequestHead{ID: "i", Kind: "http", Method: "PUT", Path: "/a%20b", Prefix: "/f", Query: "x=1",
		Host: "[::1]:80", Scheme: "http", Remote: "::1", Length: 3, Headers: [][2]string{
			{"content-type", "a/b"}, {"x-two", "1"}, {"x-two", "2"}, {"proxy", "evil"}, {"x-nul", "a\x00B=c"}}})
	for _, want := range []string{"REQUEST_METHOD=PUT", "PATH_INFO=/a b", "REQUEST_URI=/f/a%20b?x=1", "SERVER_NAME=::1",
		"SERVER_PORT=80", "CONTENT_LENGTH=3", "CONTENT_TYPE=a/b", "HTTP_X_TWO=1, 2", "HTTP_X_NUL=aB=c"} {
		if !slices.Contains(got, want) {
			t.Errorf("the variables lack %s: %q", want, got)
		}
	}
	if slices.ContainsFunc(got, func(kv string) bool { return strings.HasPrefix(kv, "HTTP_PROXY=") }) {
		t.Error("the header Proxy became HTTP_PROXY")
	}
}
