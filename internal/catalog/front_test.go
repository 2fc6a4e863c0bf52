// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
)

func readFront(t *testing.T, text string) *front.Front {
	t.Helper()
	f, err := front.Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFrontIsKeptAndFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := open(t, dir)
	_, err := w.Front("shop")
	wantKind(t, "Front of nothing", err, dayfly.KindNotFound)
	changes, stop := w.WatchFronts()
	defer stop()
	f := readFront(t, `{"hosts": ["shop.example.com"], "routes": {"GET /": "f", "/a": {"site": {"digest": "d"}}}}`)
	stored, err := w.PutFront(t.Context(), "shop", f, 0)
	if err != nil {
		t.Fatal(err)
	}
	<-changes
	want := []string{"shop.example.com", "shop.localhost"}
	if got := stored.Hosts(); !slices.Equal(got, want) {
		t.Errorf("hosts %v, want %v", got, want)
	}
	if !w.Bundles()["d"] {
		t.Error("the upload that the front serves may be swept")
	}
	_, err = w.PutFront(t.Context(), "shop", f, 0)
	wantKind(t, "PutFront of what exists", err, dayfly.KindConflict)
	_, err = w.PutFront(t.Context(), "other", readFront(t, `{"hosts": ["shop.example.com"]}`), 0)
	wantKind(t, "PutFront with another's host", err, dayfly.KindConflict)
	_, err = w.PutFront(t.Context(), "other", readFront(t, `{"hosts": ["shop.localhost"]}`), 0)
	wantKind(t, "PutFront with another's own host", err, dayfly.KindConflict)
	w.close()

	w = open(t, dir)
	again, err := w.Front("shop")
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(f)
	b, _ := json.Marshal(again.Front)
	if diff := cmp.Diff(string(a), string(b)); diff != "" || again.Version != stored.Version {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
	if err := w.RemoveFront(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "second RemoveFront", w.RemoveFront(t.Context(), "shop"), dayfly.KindNotFound)
	if _, err := w.PutFront(t.Context(), "other", readFront(t, `{"hosts": ["shop.example.com"]}`), 0); err != nil {
		t.Errorf("a host that is free again: %v", err)
	}
}

func TestDefaultProjectHasWhatNobodyElseHas(t *testing.T) {
	t.Parallel()
	w := open(t, t.TempDir())
	put := func(p dayfly.ProjectName, text string) {
		t.Helper()
		if _, err := w.PutFront(t.Context(), p, readFront(t, text), 0); err != nil {
			t.Fatal(err)
		}
	}
	has := func(p dayfly.ProjectName) bool {
		f, err := w.Front(p)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Contains(f.Hosts(), "*")
	}
	put("default", `{"routes": {"/": "f"}}`)
	if !has("default") {
		t.Error("the default project does not answer at hosts that nobody has")
	}
	put("shop", `{"hosts": ["*"], "routes": {"/": "f"}}`)
	if has("default") || !has("shop") {
		t.Error("two projects answer at hosts that nobody has")
	}
	if err := w.RemoveFront(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if !has("default") {
		t.Error("the default project did not get them back")
	}
}
