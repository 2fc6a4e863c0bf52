// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// capacityMin and capacityMax bound the wait after there was no capacity: the
	// first is short because an instance may be free at once.
	capacityMin = 20 * time.Millisecond
	capacityMax = 5 * time.Second
	// platformMin and platformMax bound the wait after a fault of the platform.
	platformMin = 200 * time.Millisecond
	platformMax = time.Minute
)

// postRetry is how deliveries to destinations and callbacks are tried.
func postRetry() dayfly.Retry {
	return dayfly.Retry{Attempts: 8, Age: 6 * time.Hour, BackoffMin: time.Second, BackoffMax: 10 * time.Minute}
}
