// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly/internal/api/apitest"
)

const valuesPath = "/v1/projects/default/kv/carts"

// headers with the token and what else a case needs: name, value, name, value.
func headers(pairs ...string) map[string]string {
	h := map[string]string{"Authorization": "Bearer " + apitest.Token}
	for i := 0; i < len(pairs); i += 2 {
		h[pairs[i]] = pairs[i+1]
	}
	return h
}

func TestValuesOverHTTP(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	version := ""
	for _, tt := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		text                     string
	}{
		{name: "nothing yet", method: "GET", path: "/a", status: 404, text: "there is no value carts/a"},
		{name: "create", method: "PUT", path: "/a", body: "1", header: []string{"If-None-Match", "*", "Content-Type", "text/css"},
			status: 200, text: `"key":"a"`},
		{name: "create again", method: "PUT", path: "/a", header: []string{"If-None-Match", "*"}, status: 412, text: "exists already"},
		{name: "get", method: "GET", path: "/a", status: 200, text: "1"},
		{name: "not changed", method: "GET", path: "/a", header: []string{"If-None-Match", "VERSION"}, status: 304},
		{name: "update", method: "PUT", path: "/a", body: "2", header: []string{"If-Match", "VERSION"}, status: 200},
		{name: "update of an older version", method: "PUT", path: "/a", header: []string{"If-Match", `"1"`}, status: 412, text: "conflict"},
		{name: "delete of an older version", method: "DELETE", path: "/a", header: []string{"If-Match", `"1"`}, status: 412},
		{name: "delete", method: "DELETE", path: "/a", header: []string{"If-Match", "VERSION"}, status: 204},
		{name: "delete again", method: "DELETE", path: "/a", status: 404},
		{name: "TTL by header", method: "PUT", path: "/t", header: []string{"X-Dayfly-TTL", "90s"}, status: 200, text: `"expires":"20`},
		{name: "TTL in seconds", method: "PUT", path: "/t?ttl=3600", status: 200, text: `"expires":"20`},
		{name: "TTL that is none", method: "PUT", path: "/t?ttl=soon", status: 400, text: "a span such as"},
		{name: "TTL too short", method: "PUT", path: "/t?ttl=10ms", status: 400, text: "1s to 1 year"},
		{name: "increment", method: "POST", path: "/n?increment=41", status: 200, text: `"sum":41`},
		{name: "increment again", method: "POST", path: "/n?increment=-1", status: 200, text: `"sum":40`},
		{name: "increment by nothing", method: "POST", path: "/n", status: 400, text: "whole number"},
		{name: "unknown parameter", method: "PUT", path: "/n?tll=1m", status: 400, text: "tll"},
		{name: "bad If-Match", method: "PUT", path: "/n", header: []string{"If-Match", "1"}, status: 400, text: "an ETag"},
		{name: "bad If-None-Match", method: "PUT", path: "/n", header: []string{"If-None-Match", `"1"`}, status: 400, text: "want *"},
		{name: "absent deletion", method: "DELETE", path: "/n", header: []string{"If-None-Match", "*"}, status: 400},
		{name: "too large", method: "PUT", path: "/n", body: strings.Repeat("x", 512<<10+1), status: 413, text: "at most 512Ki"},
		{name: "no key", method: "PUT", path: "/", status: 400, text: "the key is empty"},
		{name: "long key", method: "PUT", path: "/" + strings.Repeat("k", 513), status: 400, text: "513 bytes"},
		{name: "key that is no text", method: "PUT", path: "/%FF", status: 400, text: "UTF-8"},
		{name: "limit", method: "GET", path: "?limit=1001", status: 400, text: "limit"},
	} {
		for i, v := range tt.header {
			tt.header[i] = strings.ReplaceAll(v, "VERSION", version)
		}
		resp, text := askWith(t, n, tt.method, valuesPath+tt.path, tt.body, headers(tt.header...))
		if resp.StatusCode != tt.status || !strings.Contains(text, tt.text) {
			t.Errorf("%s: %d %.200s, want %d with %q", tt.name, resp.StatusCode, text, tt.status, tt.text)
		}
		if tag := resp.Header.Get("ETag"); tag != "" {
			version = tag
		}
		if tt.name == "get" && resp.Header.Get("Content-Type") != "text/css" {
			t.Errorf("get: content type %q", resp.Header.Get("Content-Type"))
		}
	}
}

// TestKeysArePathsOfAnyShape: whether its slashes are escaped or not, a key is that key.
func TestKeysArePathsOfAnyShape(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	for _, tt := range []struct{ path, key string }{
		{"a/b", "a/b"}, {"c%2Fd", "c/d"}, {"e//f", "e//f"}, {"..", ".."}, {"%2E%2E", ".."}, {".", "."},
		{"g/../h", "g/../h"}, {"g/./h/", "g/./h/"}, {"%2e%2e/%2e%2e/x", "../../x"}, {"sp%20ace+plus", "sp ace+plus"},
		{"p%25", "p%"}, {"q%3Fr", "q?r"}, {"%D0%BA", "к"}, {"nul%00", "nul\x00"}, {"%2F", "/"}, {"//", "//"},
	} {
		// http.NewRequest keeps the path as it is written here.
		resp, text := askWith(t, n, "PUT", valuesPath+"/"+tt.path, "of "+tt.key, headers())
		var put struct {
			Key string `json:"key"`
		}
		if err := json.Unmarshal([]byte(text), &put); err != nil || resp.StatusCode != 200 || put.Key != tt.key {
			t.Errorf("PUT %s: %d %s, want key %q", tt.path, resp.StatusCode, text, tt.key)
		}
		for _, path := range []string{tt.path, url.PathEscape(tt.key)} {
			if _, text := askWith(t, n, "GET", valuesPath+"/"+path, "", headers()); text != "of "+tt.key {
				t.Errorf("GET %s = %q, want that of %q", path, text, tt.key)
			}
		}
	}
}

func TestValuesAreListed(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	for _, key := range []string{"a/1", "a/2", "a/3", "b"} {
		askWith(t, n, "PUT", valuesPath+"/"+key, "v"+key, headers())
	}
	var keys []string
	after := ""
	for range 5 {
		_, text := askWith(t, n, "GET", valuesPath+"?prefix=a/&limit=2&values=1&after="+after, "", headers())
		var page struct {
			Values []struct {
				Key   string
				Value []byte
			}
			Next string
		}
		if err := json.Unmarshal([]byte(text), &page); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		for _, v := range page.Values {
			keys = append(keys, v.Key+"="+string(v.Value))
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"a/1=va/1", "a/2=va/2", "a/3=va/3"}, keys); diff != "" {
		t.Errorf("listed, -want +got:\n%s", diff)
	}
	if _, text := askWith(t, n, "GET", "/v1/projects/default/kv", "", headers()); !strings.Contains(text, `"bucket":"carts","keys":4`) {
		t.Errorf("buckets = %s", text)
	}
	if _, text := askWith(t, n, "DELETE", valuesPath, "", headers()); text != `{"removed":4}`+"\n" {
		t.Errorf("DELETE of the bucket = %s", text)
	}
	if resp, _ := askWith(t, n, "DELETE", valuesPath, "", headers()); resp.StatusCode != 404 {
		t.Errorf("DELETE of no bucket = %d", resp.StatusCode)
	}
}

func TestValuesAreWatched(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	askWith(t, n, "PUT", valuesPath+"/a/old", "0", headers())
	watch := func(query string, header ...string) *bufio.Scanner {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", n.URL+valuesPath+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range headers(header...) {
			r.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" {
			t.Fatalf("content type %q", kind)
		}
		return bufio.NewScanner(resp.Body)
	}
	next := func(s *bufio.Scanner) (id, text string) {
		t.Helper()
		var event, data string
		for s.Scan() && s.Text() != "" {
			name, value, _ := strings.Cut(s.Text(), ": ")
			switch name {
			case "event":
				event = value
			case "id":
				id = value
			case "data":
				var v struct {
					Key   string
					Value []byte
				}
				if err := json.Unmarshal([]byte(value), &v); err != nil {
					t.Fatalf("%v: %s", err, value)
				}
				data = v.Key + " " + string(bytes.TrimSpace(v.Value))
			}
		}
		return id, strings.TrimSpace(event + " " + data)
	}
	s := watch("?watch=a/")
	if _, text := next(s); text != "opened" {
		t.Fatalf("a watch begins with %q", text)
	}
	askWith(t, n, "PUT", valuesPath+"/a/1", "1", headers())
	askWith(t, n, "PUT", valuesPath+"/b", "1", headers())
	askWith(t, n, "DELETE", valuesPath+"/a/old", "", headers())
	id, text := next(s)
	if text != "put a/1 1" {
		t.Errorf("first %q", text)
	}
	if _, text := next(s); text != "deleted a/old" {
		t.Errorf("then %q", text)
	}
	s = watch("?watch=", "Last-Event-ID", id)
	for _, want := range []string{"opened", "put b 1", "deleted a/old"} {
		if _, text := next(s); text != want {
			t.Errorf("resumed: %q, want %q", text, want)
		}
	}
	s = watch("?watch=&from=first")
	for _, want := range []string{"opened", "put a/1 1", "put b 1"} {
		if _, text := next(s); text != want {
			t.Errorf("from the first: %q, want %q", text, want)
		}
	}
	for query, status := range map[string]int{"?watch=&from=last": 400, "?watch=&from=99999": 412, "?watch=&limit=3": 400} {
		if resp, text := askWith(t, n, "GET", valuesPath+query, "", headers()); resp.StatusCode != status {
			t.Errorf("%s: %d %s, want %d", query, resp.StatusCode, text, status)
		}
	}
}

func BenchmarkValuesOverHTTP(b *testing.B) {
	n := apitest.Start(b)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	do := func(method, path, body string) error {
		r, err := http.NewRequestWithContext(b.Context(), method, n.URL+valuesPath+path, strings.NewReader(body))
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+apitest.Token)
		resp, err := client.Do(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s %s: %s", method, path, resp.Status)
		}
		_, err = io.Copy(io.Discard, resp.Body) // so that the connection is used again
		return err
	}
	body := strings.Repeat("x", 100)
	for _, method := range []string{"PUT", "GET"} {
		b.Run(method, func(b *testing.B) {
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := do(method, "/k", body); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}
