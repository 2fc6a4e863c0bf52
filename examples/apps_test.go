// SPDX-License-Identifier: Apache-2.0

package examples_test

import (
	"encoding/json"
	"fmt"
	"image"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// eventually bounds the wait for what follows from an event, on a machine that builds
// other examples meanwhile.
const eventually = 90 * time.Second

// apps are the examples of several functions; each has a test of its own below.
var apps = map[string]bool{"clicks": true, "photos": true, "shop": true}

// deployAll deploys a manifest.
func (p *platform) deployAll(t *testing.T, folder string) {
	t.Helper()
	p.must(t, "deploy", folder)
}

// must runs a command that has to end well, and gives what it printed.
func (p *platform) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := p.command(t.Context(), args...)
	if err != nil {
		t.Fatalf("dayfly %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// await asks until the answer is the one that is wanted.
func await[T comparable](t *testing.T, what string, want T, ask func() T) {
	t.Helper()
	var got T
	for until := time.Now().Add(eventually); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if got = ask(); got == want {
			return
		}
	}
	t.Fatalf("%s: got %v after %s, want %v", what, got, eventually, want)
}

// TestClicks follows a link many times at once: each click is answered with the redirect,
// and each is stored once.
func TestClicks(t *testing.T) {
	t.Parallel()
	if shared == nil {
		t.Skip("-short: the example is built with go")
	}
	shared.deployAll(t, "clicks")
	link := shared.gateway + "/function/click/r/docs"
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, link,
		strings.NewReader("https://example.com/docs"))
	if err != nil {
		t.Fatal(err)
	}
	if res, err := redirectless.Do(req); err != nil || res.StatusCode != http.StatusNoContent {
		t.Fatalf("shorten: %v, %v", res, err)
	}
	const visitors, visits = 10, 25
	var group sync.WaitGroup
	for range visitors {
		group.Go(func() {
			for range visits {
				res, err := redirectless.Get(link)
				if err != nil {
					t.Error(err)
					return
				}
				res.Body.Close()
				if to := res.Header.Get("Location"); res.StatusCode != http.StatusFound || to != "https://example.com/docs" {
					t.Errorf("the link answered %d to %q", res.StatusCode, to)
				}
			}
		})
	}
	group.Wait()
	if res, err := redirectless.Get(shared.gateway + "/function/click/r/unknown"); err != nil ||
		res.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown link answered %v, %v", res, err)
	}
	count := func() int {
		var stats struct{ Clicks int }
		res, err := http.Get(shared.gateway + "/function/stats/docs")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&stats); err != nil {
			t.Fatal(err)
		}
		return stats.Clicks
	}
	await(t, "clicks stored", visitors*visits, count)
}

// TestPhotos puts pictures into a bucket and lets a night pass.
func TestPhotos(t *testing.T) {
	t.Parallel()
	if shared == nil {
		t.Skip("-short: the example is built with npm and pip")
	}
	p, err := startPlatform("--dev") // whose clock can be put forward
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.stop(!t.Failed()); err != nil {
			t.Error(err)
		}
	})
	p.deployAll(t, "photos")
	for _, key := range []string{"summer/lake & sun.png", "100%.png"} {
		p.must(t, "object", "put", "thumbnailer/photo.png", "uploads/"+key)
		small := filepath.Join(t.TempDir(), "small.png")
		await(t, "thumbnail of "+key, true, func() bool {
			_, err := p.command(t.Context(), "object", "get", "thumbnails/"+key, small)
			return err == nil
		})
		checkSize(t, small, image.Pt(128, 96))
	}
	p.must(t, "object", "put", "apps_test.go", "uploads/no picture.txt")
	p.must(t, "clock", "advance", "24h")
	var report string
	await(t, "nightly report", true, func() bool {
		list, err := p.command(t.Context(), "object", "ls", "reports", "--json")
		if err != nil || !strings.Contains(list, ".txt") {
			return false
		}
		day := list[strings.Index(list, ".txt")-len("2006-01-02"):][:len("2006-01-02")]
		report, err = p.command(t.Context(), "object", "get", "reports/"+day+".txt", "-")
		return err == nil
	})
	photo, err := os.Stat("thumbnailer/photo.png")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.Stat("apps_test.go")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("uploads: 3 objects, %d bytes\nthumbnails: 2 objects, ", 2*photo.Size()+text.Size())
	if !strings.HasPrefix(report, want) {
		t.Errorf("the report is %q, want it to begin with %q", report, want)
	}
}

func checkSize(t *testing.T, file string, want image.Point) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, _, err := image.Decode(io.LimitReader(f, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	if size := picture.Bounds().Size(); size != want {
		t.Errorf("the thumbnail is %v, want %v", size, want)
	}
}
