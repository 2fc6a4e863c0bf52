// SPDX-License-Identifier: Apache-2.0

package data

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFilesAppearWhole(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "copy")
	if err := writeWhole(name, strings.NewReader("data")); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(name)
	if err != nil || string(got) != "data" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := writeWhole(name, broken{}); err == nil {
		t.Error("what broke off was taken for whole")
	}
	if got, _ := os.ReadFile(name); string(got) != "data" {
		t.Errorf("after a copy that broke off: %q", got)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(name), ".copy-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// broken is data that ends too early.
type broken struct{}

// Read fails.
func (broken) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

func TestWordsForAShell(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{"plain": "'plain'", "it's": `'it'\''s'`, "$(x)": "'$(x)'"} {
		if got := shellQuote(word); got != want {
			t.Errorf("shellQuote(%q) = %s, want %s", word, got, want)
		}
	}
}
