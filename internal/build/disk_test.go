// SPDX-License-Identifier: Apache-2.0

package build

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

func TestACacheThatGrewTooLargeStartsAnewWhileNobodyUsesIt(t *testing.T) {
	t.Parallel()
	b := New(Config{Dir: t.TempDir(), DiskBytes: 1 << 20}, slog.New(slog.DiscardHandler), nil, nil, nil, nil)
	j := &job{
		Builder: b, plan: &look.Plan{Language: toolchain.Node},
		request: Request{Function: dayfly.FunctionRef{Project: "shop", Name: "x"}},
	}
	folder, err := j.projectCache()
	if err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(folder, "npm", "large")
	fill := func() {
		if err := os.MkdirAll(filepath.Dir(large), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(large, make([]byte, 600<<10), fs.FileMode(0o600)); err != nil {
			t.Fatal(err)
		}
	}
	fill()
	first, err := j.useCache()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(large); err == nil {
		t.Error("the large cache was kept")
	}
	fill()
	b.trimmed = map[string]time.Time{}
	second, err := j.useCache()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(large); err != nil {
		t.Error("the cache was emptied while a build used it")
	}
	second()
	first()
	if len(b.users) != 0 {
		t.Errorf("users left: %v", b.users)
	}
}
