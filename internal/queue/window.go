// SPDX-License-Identifier: Apache-2.0

package queue

import "time"

const (
	// windowStart is how many executions a lane begins with: enough to see whether more
	// help, and no crowd of cold starts for a handful of events.
	windowStart = 4
	// windowPeriod is the shortest time over which a lane's pace is measured.
	windowPeriod = 100 * time.Millisecond
	// windowGain is by how much more room must have raised the pace to have helped.
	windowGain = 1.1
	// windowHold is how long a lane keeps its room when more did not help; windowBack when
	// there was no capacity for what it had.
	windowHold = 5 * time.Second
	windowBack = time.Second
	// windowDouble is up to where the room doubles; from there it grows by half.
	windowDouble = 32
)

// window decides how many executions of a lane run at once: more while that raises
// the pace, half when there is no capacity. It is pure; its lane guards it.
type window struct {
	limit  int
	before int     // the room before it was raised on trial; 0 when there is no trial
	rate   float64 // the pace with that room, per second
	hold   time.Time

	done  int // executions that ended since
	since time.Time
	full  bool // the room was used up
}

func newWindow(now time.Time) window { return window{limit: windowStart, since: now} }

// ended counts an execution that ended, and draws conclusions once it saw enough.
func (w *window) ended(now time.Time, most int) {
	w.done++
	elapsed := now.Sub(w.since)
	if elapsed < windowPeriod || w.done < w.limit {
		return
	}
	rate, full := float64(w.done)/elapsed.Seconds(), w.full
	w.done, w.since, w.full = 0, now, false
	switch {
	case !full:
		w.before = 0 // there is no demand for more
	case w.before == 0:
		if !now.Before(w.hold) {
			w.raise(rate, most)
		}
	case rate > w.rate*windowGain:
		w.raise(rate, most)
	default:
		w.limit, w.before, w.hold = w.before, 0, now.Add(windowHold)
	}
	w.limit = max(1, min(w.limit, most))
}

func (w *window) raise(rate float64, most int) {
	w.rate, w.before = rate, w.limit
	if w.limit < windowDouble {
		w.limit *= 2
	} else {
		w.limit += w.limit / 2
	}
	w.limit = min(w.limit, most)
}

// refused takes back room when there was no capacity for an execution.
func (w *window) refused(now time.Time) {
	w.limit, w.before, w.hold = max(1, w.limit/2), 0, now.Add(windowBack)
	w.done, w.since, w.full = 0, now, false
}
