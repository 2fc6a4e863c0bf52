// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIDsWithin(t *testing.T) {
	for name, c := range map[string]struct {
		inside, count int64
		want          *ids
	}{
		"the whole machine":                {0, 1<<32 - 1, &ids{each: idsEach, first: idFirst, ranges: idRangesMax}},
		"a container with 65536 ids":       {0, 65536, &ids{each: idsFew, first: 1, ranges: 32767}},
		"a user's range beside one's own":  {1, 65536, &ids{each: idsFew, first: 1, ranges: 32767}},
		"one's own alone":                  {0, 1, &ids{each: 1}},
		"a few":                            {1, 3, &ids{each: idsFew, first: 1, ranges: 1}},
		"two thousand million, from there": {1 << 30, 1 << 31, &ids{each: idsEach, first: idFirst, ranges: 16384}},
	} {
		got := idsWithin(c.inside, c.count)
		if got.each != c.want.each || got.first != c.want.first || got.ranges != c.want.ranges {
			t.Errorf("%s: idsWithin(%d, %d) = %d from %d, %d times; want %d from %d, %d times", name, c.inside,
				c.count, got.each, got.first, got.ranges, c.want.each, c.want.first, c.want.ranges)
		}
	}
}

func TestIDsAreRecycled(t *testing.T) {
	i := &ids{each: idsFew, first: 10, ranges: 2}
	a, _ := i.acquire()
	b, _ := i.acquire()
	if _, err := i.acquire(); err == nil {
		t.Error("a third range came out of two")
	}
	if a.first != 10 || b.first != 12 || b.app() != 13 {
		t.Errorf("ranges %+v and %+v", a, b)
	}
	i.release(a)
	if c, err := i.acquire(); err != nil || c != a {
		t.Errorf("acquire() = %+v, %v; want %+v again", c, err, a)
	}
}

func TestProgramsAreFoundOnThePath(t *testing.T) {
	for name, c := range map[string]struct {
		program string
		env     []string
		want    []string
	}{
		"with a slash": {"./a", []string{"PATH=/x"}, []string{"./a"}},
		"bare":         {"a", []string{"A=b", "PATH=/x:/y/"}, []string{"/x/a", "/y/a"}},
		"empty member": {"a", []string{"PATH=:/y"}, []string{"./a", "/y/a"}},
		"no path":      {"a", nil, []string{"/usr/local/bin/a", "/usr/bin/a", "/bin/a"}},
	} {
		if diff := cmp.Diff(c.want, programs(c.program, c.env)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
