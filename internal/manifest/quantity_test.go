// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly/internal/manifest"
)

func TestSizesAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"256Mi": 256 << 20, "1Gi": 1 << 30, "1.5Gi": 3 << 29, "0.5Ki": 512, "10B": 10, "1k": 1000,
		"512MB": 512e6, "512mb": 512e6, "1GiB": 1 << 30, "2 Gi": 2 << 30, "1T": 1e12,
	} {
		if got, err := manifest.ParseBytes(text); err != nil || got != want {
			t.Errorf("ParseBytes(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "256", "-1Mi", "Mi", "1Pi", "1e9Gi", "1.2.3Mi", "99999999Ti", "١Mi"} {
		if got, err := manifest.ParseBytes(text); err == nil {
			t.Errorf("ParseBytes(%q) = %d, want an error", text, got)
		}
	}
}

func TestSharesOfProcessorsAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"0.5": 500, "500m": 500, "2": 2000, "1.25": 1250, "0.1": 100} {
		if got, err := manifest.ParseCPU(text); err != nil || got != want {
			t.Errorf("ParseCPU(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "m", "-1", "1x", "1e12", "NaN"} {
		if got, err := manifest.ParseCPU(text); err == nil {
			t.Errorf("ParseCPU(%q) = %d, want an error", text, got)
		}
	}
}

func TestSpansAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"30s": 30 * time.Second, "1h30m": 90 * time.Minute, "500ms": 500 * time.Millisecond,
		"2d": 48 * time.Hour, "0.5d": 12 * time.Hour,
	} {
		if got, err := manifest.ParseDuration(text); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "30", "-1s", "soon", "1y", "99999d"} {
		if got, err := manifest.ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", text, got)
		}
	}
}

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
