// SPDX-License-Identifier: Apache-2.0

package jars_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dayfly-faas/dayfly/internal/build/jars"
)

// repository is a Maven repository that has these files.
type repository struct {
	*httptest.Server
	asked atomic.Int64
}

func newRepository(t *testing.T, files map[string]string) *repository {
	t.Helper()
	r := &repository{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.asked.Add(1)
		text, ok := files[strings.TrimPrefix(req.URL.Path, "/")]
		if !ok {
			http.NotFound(w, req)
			return
		}
		_, _ = w.Write([]byte(text)) // the client sees what is missing
	}))
	t.Cleanup(r.Close)
	return r
}

func pinned(name, text string) string {
	sum := sha256.Sum256([]byte(text))
	return name + "@" + hex.EncodeToString(sum[:])
}

const jarName = "org/a/tool/1.0/tool-1.0.jar"

func TestAFileIsFetchedOnceAndCopied(t *testing.T) {
	t.Parallel()
	r, dir := newRepository(t, map[string]string{jarName: "content"}), t.TempDir()
	for range 2 {
		var out, errOut bytes.Buffer
		args := []string{"--repository", r.URL, "--cache", filepath.Join(dir, "cache"),
			"--to", filepath.Join(dir, "lib"), pinned(jarName, "content")}
		if code := jars.Main(args, &out, &errOut); code != 0 {
			t.Fatalf("Main = %d: %s", code, errOut.String())
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "lib/tool-1.0.jar")); err != nil || string(text) != "content" {
		t.Errorf("copied %q, %v", text, err)
	}
	if got := r.asked.Load(); got != 1 {
		t.Errorf("the repository was asked %d times, want once", got)
	}
}

func TestADamagedCacheIsFetchedAgain(t *testing.T) {
	t.Parallel()
	r, dir := newRepository(t, map[string]string{jarName: "content"}), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tool-1.0.jar"), []byte("cut"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	args := []string{"--repository", r.URL, "--cache", dir, pinned(jarName, "content")}
	if code := jars.Main(args, &out, &errOut); code != 0 {
		t.Fatalf("Main = %d: %s", code, errOut.String())
	}
	if text, err := os.ReadFile(filepath.Join(dir, "tool-1.0.jar")); err != nil || string(text) != "content" {
		t.Errorf("cached %q, %v", text, err)
	}
}

func TestWhatIsWrongIsRefused(t *testing.T) {
	t.Parallel()
	r := newRepository(t, map[string]string{jarName: "another content"})
	for name, tc := range map[string]struct{ file, want string }{
		"another digest": {pinned(jarName, "content"), "has another file there"},
		"missing":        {pinned("org/a/gone/1/gone-1.jar", "content"), "404"},
		"no digest":      {jarName, "is not PATH@SHA256"},
		"short digest":   {jarName + "@abc", "is not PATH@SHA256"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			var out, errOut bytes.Buffer
			code := jars.Main([]string{"--repository", r.URL, "--cache", dir, tc.file}, &out, &errOut)
			if code == 0 || !strings.Contains(errOut.String(), tc.want) {
				t.Errorf("Main = %d: %s; want an error with %q", code, errOut.String(), tc.want)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestWhatTheUserBringsIsNotFetched(t *testing.T) {
	t.Parallel()
	r, dir := newRepository(t, map[string]string{jarName: "content"}), t.TempDir()
	lib := filepath.Join(dir, "lib")
	if err := os.MkdirAll(lib, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(lib, "tool-0.9.jar"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	args := []string{"--repository", r.URL, "--cache", dir, "--to", lib, "?" + pinned(jarName, "content")}
	if code := jars.Main(args, &out, &errOut); code != 0 || r.asked.Load() != 0 {
		t.Errorf("Main = %d, asked %d times: %s; want nothing fetched", code, r.asked.Load(), errOut.String())
	}
}

// archive makes a zip file.
func archive(t *testing.T, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range files {
		f, err := z.Create(name)
		if err == nil {
			_, err = f.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAnArchiveIsUnpackedWhole(t *testing.T) {
	t.Parallel()
	const name = "org/a/tool/1.0/tool-1.0.zip"
	for content, want := range map[string]bool{"tool/bin/run": true, "../out": false, "/out": false} {
		t.Run(content, func(t *testing.T) {
			t.Parallel()
			text, dir := archive(t, map[string]string{content: "x"}), t.TempDir()
			r := newRepository(t, map[string]string{name: text})
			var out, errOut bytes.Buffer
			args := []string{"--repository", r.URL, "--cache", filepath.Join(dir, "c"),
				"--unpack", filepath.Join(dir, "t"), pinned(name, text)}
			code := jars.Main(args, &out, &errOut)
			if (code == 0) != want {
				t.Errorf("Main = %d: %s", code, errOut.String())
			}
			if _, err := os.Stat(filepath.Join(dir, "t/tool-1.0", content)); want && err != nil {
				t.Error(err)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "t/.part-*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}
