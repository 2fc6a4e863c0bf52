// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"testing"
	"time"
)

func TestMicros(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{0: "0 µs", 999 * time.Microsecond: "999 µs",
		1234567 * time.Microsecond: "1 234 567 µs", time.Millisecond: "1 000 µs"} {
		if got := micros(d); got != want {
			t.Errorf("micros(%v) = %q, want %q", d, got, want)
		}
	}
}
