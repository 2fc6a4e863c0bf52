// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/api/apitest"
)

func TestBucketsAreMadeListedAndRemoved(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	c, err := client.New(client.Options{URL: n.URL, Token: apitest.Token})
	if err != nil {
		t.Fatal(err)
	}
	ctx, on, off := t.Context(), true, false
	at := client.BucketRef{Project: "shop", Name: "uploads"}
	for _, step := range []struct {
		versions *bool
		want     bool
	}{{nil, false}, {&on, true}, {nil, true}, {&off, false}} {
		b, err := c.PutBucket(ctx, at, step.versions)
		if err != nil || b.Name != "uploads" || b.Versions != step.want {
			t.Errorf("put: %+v, %v, want versions %v", b, err, step.want)
		}
	}
	list, err := c.Buckets(ctx, "shop")
	if err != nil || len(list) != 1 {
		t.Errorf("list: %v, %v", list, err)
	}
	if other, err := c.Buckets(ctx, "other"); err != nil || len(other) != 0 {
		t.Errorf("buckets of another project: %v, %v", other, err)
	}
	page, err := c.Objects(ctx, client.ObjectQuery{Bucket: at, Delimiter: "/"})
	if diff := cmp.Diff(client.ObjectPage{Objects: []client.Object{}, Prefixes: []string{}}, page); err != nil || diff != "" {
		t.Errorf("objects: %v %s", err, diff)
	}
	_, err = c.Objects(ctx, client.ObjectQuery{Bucket: client.BucketRef{Project: "shop", Name: "never"}})
	if dayfly.KindOf(err) != dayfly.KindNotFound {
		t.Errorf("objects of no bucket: %v", err)
	}
	if _, err := c.PutBucket(ctx, client.BucketRef{Name: "Not_A_Name"}, nil); dayfly.KindOf(err) != dayfly.KindInvalid {
		t.Errorf("a wrong name: %v", err)
	}
	if err := c.RemoveBucket(ctx, at); err != nil {
		t.Error(err)
	}
	if err := c.RemoveBucket(ctx, at); dayfly.KindOf(err) != dayfly.KindNotFound {
		t.Errorf("remove again: %v", err)
	}
}

func TestURLsAreSignedWhenTheDoorIsOpen(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	c, err := client.New(client.Options{URL: n.URL, Token: apitest.Token})
	if err != nil {
		t.Fatal(err)
	}
	ctx, at := t.Context(), client.BucketRef{Project: "shop", Name: "uploads"}
	if _, err := c.SignObject(ctx, at, "k", http.MethodGet, 0); dayfly.KindOf(err) != dayfly.KindUnavailable {
		t.Errorf("the door is off: %v", err)
	}
	if _, err := c.S3(ctx, "shop"); dayfly.KindOf(err) != dayfly.KindUnavailable {
		t.Errorf("the door is off: %v", err)
	}
	n.S3 = "http://127.0.0.1:8082"
	signed, err := c.SignObject(ctx, at, "a b", http.MethodPut, 0)
	if want := "http://127.0.0.1:8082/uploads/a%20b?expires=15m0s&method=PUT"; err != nil || signed != want {
		t.Errorf("signed: %q, %v, want %q", signed, err, want)
	}
	if _, err := c.SignObject(ctx, at, "", http.MethodGet, 0); dayfly.KindOf(err) != dayfly.KindInvalid {
		t.Errorf("no key: %v", err)
	}
	if _, err := c.SignObject(ctx, at, "k", http.MethodGet, 8*24*3600*1e9); dayfly.KindOf(err) != dayfly.KindInvalid {
		t.Errorf("eight days: %v", err)
	}
	access, err := c.S3(ctx, "shop")
	if err != nil || access.AccessKeyID != "IDshop" || access.Endpoint != n.S3 {
		t.Errorf("access: %+v, %v", access, err)
	}
}
