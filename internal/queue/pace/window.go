// SPDX-License-Identifier: Apache-2.0

package pace

import "time"

const (
	// Start is how many executions a lane begins with: enough to see whether more
	// help, and no crowd of cold starts for a handful of events.
	Start = 4
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

// Window decides how many executions of a lane run at once: more while that raises
// the pace, half when there is no capacity. It is pure; its lane guards it.
type Window struct {
	Limit  int     // executions at once
	before int     // the room before it was raised on trial; 0 when there is no trial
	rate   float64 // the pace with that room, per second
	hold   time.Time

	done  int // executions that ended since
	since time.Time
	Full  bool // the room was used up
}

// NewWindow is that of a lane that begins.
func NewWindow(now time.Time) Window { return Window{Limit: Start, since: now} }

// Ended counts an execution that ended, and draws conclusions once it saw enough.
func (w *Window) Ended(now time.Time, most int) {
	w.done++
	elapsed := now.Sub(w.since)
	if elapsed < windowPeriod || w.done < w.Limit {
		return
	}
	rate, full := float64(w.done)/elapsed.Seconds(), w.Full
	w.done, w.since, w.Full = 0, now, false
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
		w.Limit, w.before, w.hold = w.before, 0, now.Add(windowHold)
	}
	w.Limit = max(1, min(w.Limit, most))
}

func (w *Window) raise(rate float64, most int) {
	w.rate, w.before = rate, w.Limit
	if w.Limit < windowDouble {
		w.Limit *= 2
	} else {
		w.Limit += w.Limit / 2
	}
	w.Limit = min(w.Limit, most)
}

// Refused takes back room when there was no capacity for an execution.
func (w *Window) Refused(now time.Time) {
	w.Limit, w.before, w.hold = max(1, w.Limit/2), 0, now.Add(windowBack)
	w.done, w.since, w.Full = 0, now, false
}

// Pass forgets the time since the last measure: nothing was executed that tells the pace.
func (w *Window) Pass(now time.Time) { w.since = now }
