// SPDX-License-Identifier: Apache-2.0

package index_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly/internal/blob/index"
	"github.com/dayfly-faas/dayfly/internal/blob/volume"
)

func TestFloorWaitsForTheOldest(t *testing.T) {
	t.Parallel()
	var f index.Floor
	f.Wrote(10)
	slow, quick := f.Begin(), f.Begin()
	f.Wrote(12) // the quick one is first, and the slow one not known to be written
	f.End(quick)
	if got := f.Value(); got != 10 {
		t.Errorf("Value = %d while a change after 10 is untold, want 10", got)
	}
	f.Wrote(11)
	f.End(slow)
	if got := f.Value(); got != 12 {
		t.Errorf("Value = %d, want 12", got)
	}
	old := f.BeginAt(5)
	if got := f.Value(); got != 4 {
		t.Errorf("Value = %d while 5 is untold, want 4", got)
	}
	f.End(old)
}

func TestOlderRecordsChangeNothing(t *testing.T) {
	t.Parallel()
	var all atomic.Int64
	x := index.New(&all)
	x.Apply("k", index.Version{Seq: 5, Order: 5, Flags: index.Null, Size: 1})
	if _, replaced := x.Apply("k", index.Version{Seq: 3, Order: 3, Flags: index.Null, Size: 2}); replaced {
		t.Error("an older record replaced a newer one")
	}
	if v, latest, ok := x.Find("k", ""); v.Size != 1 || !latest || !ok {
		t.Errorf("Find = %+v, %t, %t", v, latest, ok)
	}
	x.Apply("k", index.Version{Seq: 7, Order: 7, Flags: index.Null | index.Gone})
	if _, _, ok := x.Find("k", ""); ok || x.Stored("k", index.NullName) != 7 || x.Len() != 0 || all.Load() != 0 {
		t.Errorf("after its removal: found %t, stored %d, %d there", ok, x.Stored("k", index.NullName), x.Len())
	}
	x.Forget("k", 7)
	if x.Stored("k", index.NullName) != 0 {
		t.Error("the removal is still stored")
	}
}

// TestPagesJumpOverPrefixes lists far more keys than are looked at in one go.
func TestPagesJumpOverPrefixes(t *testing.T) {
	t.Parallel()
	x := index.New(new(atomic.Int64))
	const keys = 30_000
	for i := range keys {
		x.Apply(fmt.Sprintf("d%d/%05d", i%3, i), index.Version{Seq: uint64(i + 1), Order: uint64(i + 1),
			Flags: index.Null, ID: volume.NewID()})
	}
	for i := range keys / 2 { // half of them are marked as deleted
		x.Apply(fmt.Sprintf("d%d/%05d", i%3, i), index.Version{Seq: keys + uint64(i), Order: keys + uint64(i),
			Flags: index.Null | index.Marker})
	}
	page, err := x.Page(t.Context(), index.Query{Delimiter: "/"})
	if diff := cmp.Diff([]string{"d0/", "d1/", "d2/"}, page.Prefixes); diff != "" || err != nil || page.Truncated {
		t.Errorf("Page: %v, diff (-want +got):\n%s", err, diff)
	}
	var got []string
	q := index.Query{Prefix: "d1/", Max: 777}
	for {
		page, err := x.Page(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			got = append(got, item.Key)
		}
		if !page.Truncated {
			break
		}
		q.After = page.Next
	}
	if len(got) != keys/6 || !slices.IsSorted(got) {
		t.Errorf("%d keys, sorted %t; want %d", len(got), slices.IsSorted(got), keys/6)
	}
	if page, err := x.Page(t.Context(), index.Query{Delimiter: "/", After: "d1/"}); err != nil ||
		!slices.Equal(page.Prefixes, []string{"d2/"}) {
		t.Errorf("after a prefix: %+v, %v", page, err)
	}
}
