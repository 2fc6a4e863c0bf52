// SPDX-License-Identifier: Apache-2.0

package data_test

import (
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly/internal/api/apitest"
	"github.com/dayfly-faas/dayfly/internal/cli/clitest"
)

func TestValuesOnTheCommandLine(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	dir := t.TempDir()
	file := clitest.Write(t, dir, "session.json", "{\"u\": 1}\n")
	for _, tt := range []struct {
		args, in string
		code     int
		out, err string // parts
	}{
		{args: "kv buckets", err: "no values yet"},
		{args: "kv put settings theme dark", out: "settings/theme is at version 1"},
		{args: "kv get settings theme", out: "dark"},
		{args: "kv put settings a/../b", in: "from stdin", out: "settings/a/../b is at version"},
		{args: "kv get settings a/../b", out: "from stdin"},
		{args: "kv put settings .. dots", out: "settings/.. is at version"},
		{args: "kv get settings ..", out: "dots"},
		{args: "kv put sessions u17 --ttl 30m --type application/json --file " + file, out: ", until "},
		{args: "kv get --json sessions u17", out: `"content_type":"application/json"`},
		{args: "kv put settings theme light --create", code: 4, err: "exists already"},
		{args: "kv put settings theme light --version 99", code: 4, err: "is at version 1, not 99"},
		{args: "kv put settings theme light --version 1", out: "is at version"},
		{args: "kv put settings theme light --file " + file, code: 2, err: "one value too many"},
		{args: "kv put settings theme light --ttl 10", code: 2, err: "no unit"},
		{args: "kv put settings theme light --ttl 10ms", code: 2, err: "1s to 1 year"},
		{args: "kv put Settings theme light", code: 2, err: "bucket name"},
		{args: "kv get settings nothing", code: 3, err: "there is no value settings/nothing"},
		{args: "kv incr counters n", out: "1\n"},
		{args: "kv incr counters n --by 41", out: "42\n"},
		{args: "kv incr --json counters n --by -2", out: `{"sum":40}`},
		{args: "kv incr settings theme", code: 2, err: "not a whole number"},
		{args: "kv list settings", out: "a/../b"},
		{args: "kv list settings --prefix th --values", out: "light"},
		{args: "kv list --json settings --prefix th --values", out: `"value":"bGlnaHQ="`},
		{args: "kv list settings --limit -1", code: 2, err: "--limit"},
		{args: "kv list nothing", err: "no such values in bucket nothing"},
		{args: "kv buckets", out: "counters"},
		{args: "kv delete settings theme --version 1", code: 4, err: "is at version"},
		{args: "kv delete settings theme", out: "settings/theme deleted"},
		{args: "kv delete settings theme", code: 3, err: "there is no value"},
		{args: "kv delete settings --all", out: "settings deleted with 2 values"},
		{args: "kv delete settings --all", code: 3, err: "there is no bucket settings"},
		{args: "kv delete settings", code: 2, err: "needs BUCKET and KEY"},
	} {
		got := clitest.Run(t, n, tt.in, strings.Fields(tt.args)...)
		if got.Code != tt.code || !strings.Contains(got.Out, tt.out) || !strings.Contains(got.Err, tt.err) {
			t.Errorf("dayfly %s = %+v, want code %d with %q and %q", tt.args, got, tt.code, tt.out, tt.err)
		}
	}
	if got := clitest.Run(t, n, "", "kv", "put", "settings", "bin", "\xff\x00"); got.Code != 0 {
		t.Errorf("put of any bytes: %+v", got)
	}
	if got := clitest.Run(t, n, "", "kv", "get", "settings", "bin"); got.Out != "\xff\x00" {
		t.Errorf("get of any bytes = %q", got.Out)
	}
}
