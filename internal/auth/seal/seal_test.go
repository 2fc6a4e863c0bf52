// SPDX-License-Identifier: Apache-2.0

package seal_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dayfly-faas/dayfly/internal/auth/seal"
)

func open(t *testing.T, file string, now func() time.Time) *seal.Secrets {
	t.Helper()
	s, err := seal.Open(file, now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s
}

func TestWhatIsSealedOpensForItsPurposeOnly(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "sessions.json")
	s := open(t, file, time.Now)
	plain := []byte("who it is")
	sealed := s.Box("login/a").Seal(plain, "session")
	if got, err := open(t, file, time.Now).Box("login/a").Open(sealed, "session"); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("Open after a restart = %q, %v; want %q", got, err, plain)
	}
	if bytes.Contains(sealed, plain) || bytes.Equal(sealed, s.Box("login/a").Seal(plain, "session")) {
		t.Error("what is sealed can be read, or is the same twice")
	}
	refuse := func(name string, box *seal.Box, sealed []byte, about string) {
		t.Helper()
		if got, err := box.Open(sealed, about); !errors.Is(err, seal.ErrSealed) {
			t.Errorf("Open of %s = %q, %v; want ErrSealed", name, got, err)
		}
	}
	refuse("another purpose", s.Box("login/b"), sealed, "session")
	refuse("something else", s.Box("login/a"), sealed, "flow")
	other := open(t, filepath.Join(t.TempDir(), "sessions.json"), time.Now)
	refuse("another node", other.Box("login/a"), sealed, "session")
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		refuse("a changed byte", s.Box("login/a"), changed, "session")
		refuse("a beginning", s.Box("login/a"), sealed[:i], "session")
	}
}

func TestSecretsAreReplacedAndForgotten(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "sessions.json")
	synctest.Test(t, func(t *testing.T) {
		s := open(t, file, time.Now)
		box := s.Box("login/a")
		done := make(chan error, 1)
		go func() { done <- s.Run(t.Context()) }()
		old := box.Seal([]byte("x"), "")
		opens := func() bool { _, err := box.Open(old, ""); return err == nil }

		time.Sleep(31 * 24 * time.Hour)
		synctest.Wait()
		if fresh := box.Seal([]byte("x"), ""); bytes.Equal(fresh[:5], old[:5]) {
			t.Error("after 31 days the same secret seals, want another")
		}
		if !opens() {
			t.Error("after 31 days the old secret opens nothing, want it to")
		}
		time.Sleep(30 * 24 * time.Hour)
		synctest.Wait()
		if opens() {
			t.Error("after 61 days the old secret opens, want it forgotten")
		}
	})
}

func TestFilesOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "sessions.json")
	open(t, file, time.Now)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file has mode %v, %v; want 0600", info.Mode(), err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.Open(file, time.Now, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("Open of a file that all may read = nil, want an error")
	}
	for _, text := range []string{"{", `[{"id":1,"secret":"AAAA"}]`} {
		broken := filepath.Join(t.TempDir(), "sessions.json")
		if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := seal.Open(broken, time.Now, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("Open of %s = nil, want an error", text)
		}
	}
}
