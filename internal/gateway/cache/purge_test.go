// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/cache"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

func TestPurges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		project string
		purge   cache.Purge
		want    int
	}{
		{"all", "default", cache.Purge{All: true}, 5},
		{"another project's", "other", cache.Purge{All: true}, 0},
		{"a route", "default", cache.Purge{Route: "route"}, 5},
		{"another route", "default", cache.Purge{Route: "GET /a"}, 0},
		{"a path, whatever its query", "default", cache.Purge{URL: "/a"}, 3},
		{"a path with a query", "default", cache.Purge{URL: "/a?q=1"}, 1},
		{"an address", "default", cache.Purge{URL: "https://b.example/a"}, 1},
		{"a prefix", "default", cache.Purge{Prefix: "/a"}, 4},
		{"a prefix of a host", "default", cache.Purge{Prefix: "http://b.example/"}, 1},
		{"a tag", "default", cache.Purge{Tag: "one"}, 5},
		{"another tag", "default", cache.Purge{Tag: "on"}, 0},
		{"a tag among keys", "default", cache.Purge{Tag: "three"}, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := open(t, front.Cache{TTL: quantity.Span(time.Minute)}, nil)
			d.said("Cache-Tag", "one, two", "Surrogate-Key", "three four")
			urls := []string{"http://a.example/a", "http://a.example/a?q=1", "http://b.example/a", "http://a.example/a/b",
				"http://a.example/c"}
			for _, url := range urls {
				d.ask("GET", url)
			}
			if err := c.purge.Check(); err != nil {
				t.Fatal(err)
			}
			if got := d.cache.Purge("default", cache.Purge{Tag: "nothing"}); got != 0 {
				t.Errorf("a purge of nothing hit %d", got)
			}
			if c.project == "other" {
				if got := d.cache.Purge("other", c.purge); got != c.want {
					t.Errorf("hit %d, want %d", got, c.want)
				}
				return
			}
			if got := d.cache.Purge("default", c.purge); got != c.want {
				t.Errorf("hit %d, want %d", got, c.want)
			}
			for _, url := range urls {
				d.ask("GET", url)
			}
			if got := int(d.calls.Load()) - len(urls); got != c.want {
				t.Errorf("%d were fetched again, want %d", got, c.want)
			}
		})
	}
}

func TestPurgesThatAreWrong(t *testing.T) {
	t.Parallel()
	for _, p := range []cache.Purge{{}, {All: true, Tag: "a"}, {URL: "a"}, {URL: "//a/b"}, {URL: "ftp://a/b"}, {Prefix: "/a?b"},
		{Prefix: "a"}} {
		if p.Check() == nil {
			t.Errorf("%+v was taken", p)
		}
	}
}

func TestAnswersOnTheirWayArePurgedToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := open(t, front.Cache{TTL: quantity.Span(time.Minute)}, func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			_, _ = io.WriteString(w, "old")
		})
		go func() {
			time.Sleep(time.Millisecond)
			d.cache.Purge("default", cache.Purge{URL: "/x"})
		}()
		d.ask("GET", "/x")
		d.ask("GET", "/x")
		if n := d.calls.Load(); n != 2 {
			t.Errorf("what was read before the purge was kept: %d calls", n)
		}
	})
}
