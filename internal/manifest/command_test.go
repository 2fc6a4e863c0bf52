// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly/internal/manifest"
)

func TestCommandLinesAreSplitOrLeftToAShell(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		"node server.js":                {"node", "server.js"},
		"  ./run   a ":                  {"./run", "a"},
		"gunicorn app:app -b :$PORT":    {"/bin/sh", "-c", "exec gunicorn app:app -b :$PORT"},
		"a && b":                        {"/bin/sh", "-c", "a && b"},
		`node -e "1"`:                   {"/bin/sh", "-c", `exec node -e "1"`},
		"NODE_ENV=production node x.js": {"/bin/sh", "-c", "NODE_ENV=production node x.js"},
	} {
		if diff := cmp.Diff(want, manifest.SplitCommand(line)); diff != "" {
			t.Errorf("SplitCommand(%q) (-want +got):\n%s", line, diff)
		}
	}
}
