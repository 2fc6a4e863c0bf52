// SPDX-License-Identifier: Apache-2.0

package timer

import (
	"time"

	"github.com/dayfly-faas/dayfly"
)

// SetFault makes fn be called before and after each write.
func (t *Timer) SetFault(fn func(point string)) { t.fault = fn }

// Delay is the jitter of a due time.
func Delay(f dayfly.FunctionRef, trigger dayfly.TriggerName, due time.Time, jitter time.Duration) time.Duration {
	return delay(id{f, trigger}, due, jitter)
}

// Waiting tells how many crons wait for their time. Only for a timer whose Run has
// nothing to do.
func (t *Timer) Waiting() int { return len(t.heap) }
