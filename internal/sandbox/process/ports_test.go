// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestListenersAreReadFromTheKernelsTable(t *testing.T) {
	t.Parallel()
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0
   2: 0201A8C0:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1 0
   3: 0100007F:0BB8 0100007F:A000 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0
   4: 00000000000000000000000000000000:1388 00000000000000000000000000000000:0000 0A 0 0 0 0 0 0 5
   5: 0000000000000000FFFF00000100007F:1389 00000000000000000000000000000000:0000 0A 0 0 0 0 0 0 6
   6: 00000000000000000000000001000000:138A 00000000000000000000000000000000:0000 0A 0 0 0 0 0 0 7
   garbage
   7: 00000000:XYZ 00000000:0000 0A
`
	want := []int{3000, 8080, 5000, 5001}
	if diff := cmp.Diff(want, listeners(strings.NewReader(table))); diff != "" {
		t.Errorf("listeners (-want +got):\n%s", diff)
	}
	if got := listeners(strings.NewReader(strings.Repeat(strings.Split(table, "\n")[1]+"\n", 1000))); len(got) > portsMax {
		t.Errorf("%d ports were given, at most %d are", len(got), portsMax)
	}
}
