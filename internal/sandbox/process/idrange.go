// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"sync"
)

const (
	// idsEach is how many user and group ids a box has.
	idsEach = 1 << 16
	// idFirst starts the ranges of boxes: beyond the ids that distributions,
	// directories and container tools give away, most of which stay below 2³¹.
	idFirst = 1 << 31
	// idRangesMax is how many ranges fit between idFirst and the last id.
	idRangesMax = 1<<15 - 1
	// idRangesMin is how many whole ranges make it worth giving them away; with
	// fewer (65,536 ids of /etc/subuid are one) each box gets the two it needs.
	idRangesMin = 1 << 10
	// idsFew are those two: root, who owns the box's root, and app.
	idsFew = 2
	// appID is the user and the group that code runs as, inside the box.
	appID = 1000
)

// ids gives each box a range of user ids of its own, so that no two share what the
// kernel counts by user. Where the driver's own user namespace has only few ids,
// all boxes run as its one user (each is 1).
type ids struct {
	each   int64 // ids a box
	first  int64
	ranges int

	mu   sync.Mutex // guards free, next
	free []int
	next int
}

// newIDs finds out which ids the driver may give away.
func newIDs() (*ids, error) {
	f, err := os.Open("/proc/self/uid_map")
	if err != nil {
		return nil, fmt.Errorf("read own user ids: %w", err)
	}
	defer f.Close()
	best := &ids{each: 1}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var inside, outside, count int64
		if _, err := fmt.Sscan(strings.TrimSpace(lines.Text()), &inside, &outside, &count); err != nil {
			return nil, fmt.Errorf("read own user ids: %w", err)
		}
		if i := idsWithin(inside, count); i.ranges > best.ranges {
			best = i
		}
	}
	return best, nil
}

// idsWithin divides the ids inside … inside+count-1 among boxes.
func idsWithin(inside, count int64) *ids {
	end := inside + count
	if n := (end - idFirst) / idsEach; n >= idRangesMin && inside <= idFirst {
		return &ids{each: idsEach, first: idFirst, ranges: int(min(n, idRangesMax))}
	}
	first := max(inside, 1) // 0 is the driver itself
	n := min((end-first)/idsFew, idRangesMax)
	if n < 1 {
		return &ids{each: 1}
	}
	return &ids{each: idsFew, first: first, ranges: int(n)}
}

// idRange is one box's ids. Of idsEach, ids 0 … 65535 inside are first … outside; of
// idsFew, root is first and app the next; of one, app is the driver's own user.
type idRange struct {
	slot  int
	each  int64
	first int64
}

func (i *ids) acquire() (idRange, error) {
	if i.each == 1 {
		return idRange{each: 1}, nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	slot := i.next
	if n := len(i.free); n > 0 {
		slot = i.free[n-1]
		i.free = i.free[:n-1]
	} else if slot == i.ranges {
		return idRange{}, errNoIDs
	} else {
		i.next++
	}
	return idRange{slot: slot, each: i.each, first: i.first + int64(slot)*i.each}, nil
}

func (i *ids) release(r idRange) {
	if r.each == 1 {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.free = append(i.free, r.slot)
}

// single tells that the box has no root of its own, only app.
func (r idRange) single() bool { return r.each == 1 }

// apply writes the range into a new user namespace.
func (r idRange) apply(pid int) error {
	var lines []byte
	switch r.each {
	case 1:
		lines = fmt.Appendf(nil, "%d 0 1\n", appID)
		if err := writeFile(fmt.Sprintf("/proc/%d/setgroups", pid), []byte("deny")); err != nil {
			return err
		}
	case idsFew:
		lines = fmt.Appendf(nil, "0 %d 1\n%d %d 1\n", r.first, appID, r.first+1)
	default:
		lines = fmt.Appendf(nil, "0 %d %d\n", r.first, r.each)
	}
	if err := writeFile(fmt.Sprintf("/proc/%d/uid_map", pid), lines); err != nil {
		return err
	}
	return writeFile(fmt.Sprintf("/proc/%d/gid_map", pid), lines)
}

// app is the id of the box's code as the driver sees it.
func (r idRange) app() int64 {
	switch r.each {
	case 1:
		return 0
	case idsFew:
		return r.first + 1
	}
	return r.first + appID
}
