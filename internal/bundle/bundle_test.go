// SPDX-License-Identifier: Apache-2.0

package bundle_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bundle"
)

// write makes the files of tree below dir: "x/" a folder, "a -> b" a link, "!x" an
// executable, else a file with that content.
func write(t *testing.T, dir string, tree map[string]string) {
	t.Helper()
	for name, content := range tree {
		from, target, isLink := strings.Cut(name, " -> ")
		file := filepath.Join(dir, strings.TrimPrefix(from, "!"))
		parent := filepath.Dir(file)
		if strings.HasSuffix(name, "/") {
			parent = file
		}
		if err := os.MkdirAll(parent, 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch {
		case isLink:
			err = os.Symlink(target, file)
		case strings.HasPrefix(name, "!"):
			err = os.WriteFile(file, []byte(content), 0o700)
		case !strings.HasSuffix(name, "/"):
			err = os.WriteFile(file, []byte(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// read lists what is below dir in the notation of write.
func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	err := filepath.WalkDir(dir, func(file string, entry os.DirEntry, err error) error {
		if err != nil || file == dir {
			return err
		}
		name, _ := filepath.Rel(dir, file)
		info, err := entry.Info()
		if err != nil {
			return err
		}
		switch {
		case entry.IsDir():
			tree[name+"/"] = ""
		case entry.Type()&os.ModeSymlink != 0:
			target, err := os.Readlink(file)
			tree[name+" -> "+target] = ""
			return err
		default:
			content, err := os.ReadFile(file)
			if info.Mode()&0o111 != 0 {
				name = "!" + name
			}
			tree[name] = string(content)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func pack(t *testing.T, dir string, opts bundle.Options) ([]byte, dayfly.Digest, bundle.Stats) {
	t.Helper()
	var archive bytes.Buffer
	digest, stats, err := bundle.Pack(&archive, dir, opts)
	if err != nil {
		t.Fatalf("Pack: %v", err)
	}
	return archive.Bytes(), digest, stats
}

func TestPackThenUnpackGivesTheSameFiles(t *testing.T) {
	t.Parallel()
	tree := map[string]string{
		"app.py": "print(1)", "!run.sh": "#!/bin/sh", "empty/": "", "a/": "", "a/b/": "",
		"a/b/c.txt": "deep", "link -> a/b/c.txt": "", "a/up -> ../app.py": "", "dangling -> gone": "",
		"ünïcode ☂.txt": "x", strings.Repeat("n", 200) + ".txt": "long",
	}
	from, to := t.TempDir(), t.TempDir()
	write(t, from, tree)
	archive, digest, stats := pack(t, from, bundle.Options{})
	got, unpacked, err := bundle.Unpack(bytes.NewReader(archive), to, bundle.Limits{})
	if err != nil || got != digest {
		t.Fatalf("Unpack = %s, %v; want %s", got, err, digest)
	}
	if diff := cmp.Diff(tree, read(t, to)); diff != "" {
		t.Errorf("unpacked files (-want +got):\n%s", diff)
	}
	if stats.Files != 5 || unpacked.Files != 5 || stats.Bytes != unpacked.Bytes {
		t.Errorf("stats %+v, unpacked %+v, want 5 files each and equal bytes", stats, unpacked)
	}
	again, _, err := bundle.Digest(to, bundle.Options{})
	if err != nil || again != digest {
		t.Errorf("digest of what was unpacked = %s, %v; want %s", again, err, digest)
	}
}

func TestDigestDependsOnContentOnly(t *testing.T) {
	t.Parallel()
	a, b := t.TempDir(), t.TempDir()
	write(t, a, map[string]string{"x": "1", "y/z": "2", "!s": "3"})
	write(t, b, map[string]string{"!s": "3", "y/z": "2", "x": "1"})
	long := time.Date(2001, 2, 3, 4, 5, 6, 7, time.UTC)
	if err := os.Chtimes(filepath.Join(b, "x"), long, long); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(b, "y"), 0o700); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(filepath.Join(b, "x"), 1234, 1234); err != nil {
			t.Fatal(err)
		}
	}
	archiveA, digestA, _ := pack(t, a, bundle.Options{})
	archiveB, digestB, _ := pack(t, b, bundle.Options{})
	if digestA != digestB || !bytes.Equal(archiveA, archiveB) {
		t.Errorf("digests %s and %s, want the same for the same content", digestA, digestB)
	}
	// A fixed digest holds the format itself: it must not change between releases,
	// or every function is uploaded and built again.
	const want = "3a9418e1a377ae326ebc43b9e77ae8971b3bb134cf5e881ed82d8fd67e91c78e"
	if string(digestA) != want {
		t.Errorf("digest = %s, want %s", digestA, want)
	}
	for _, c := range []struct {
		name   string
		change func() error
	}{
		{"content", func() error { return os.WriteFile(filepath.Join(b, "x"), []byte("2"), 0o600) }},
		{"mode", func() error { return os.Chmod(filepath.Join(b, "y/z"), 0o700) }},
		{"name", func() error { return os.Rename(filepath.Join(b, "y"), filepath.Join(b, "w")) }},
	} {
		before, _, _ := bundle.Digest(b, bundle.Options{})
		if err := c.change(); err != nil {
			t.Fatal(err)
		}
		if after, _, _ := bundle.Digest(b, bundle.Options{}); after == before {
			t.Errorf("another %s gives the same digest", c.name)
		}
	}
}

func TestProgramsCanBeRunWhateverTheirModeWas(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), t.TempDir()
	write(t, from, map[string]string{"script": "#!/bin/sh\n", "program": "\x7fELF...", "data": "#not a script", "short": "#"})
	archive, _, _ := pack(t, from, bundle.Options{})
	if _, _, err := bundle.Unpack(bytes.NewReader(archive), to, bundle.Limits{}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"script": 0o755, "program": 0o755, "data": 0o644, "short": 0o644} {
		if info, err := os.Stat(filepath.Join(to, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("mode of %s = %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
}

func TestPackFileHoldsOneFile(t *testing.T) {
	t.Parallel()
	dir, to := t.TempDir(), t.TempDir()
	write(t, dir, map[string]string{"app.py": "x", "other": "y"})
	var archive bytes.Buffer
	digest, _, err := bundle.PackFile(&archive, filepath.Join(dir, "app.py"))
	if err != nil {
		t.Fatal(err)
	}
	if only, _, _ := bundle.DigestFile(filepath.Join(dir, "app.py")); only != digest {
		t.Errorf("DigestFile = %s, want %s", only, digest)
	}
	if _, _, err := bundle.Unpack(&archive, to, bundle.Limits{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"app.py": "x"}, read(t, to)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for _, name := range []string{"gone", "."} {
		if _, _, err := bundle.PackFile(io.Discard, filepath.Join(dir, name)); err == nil {
			t.Errorf("PackFile(%q) worked", name)
		}
	}
}

func TestPackDropsWhatLeadsOutside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"in/x": "", "in/ok -> ../in/x": "", "abs -> /etc/passwd": "", "up -> ../secret": "",
		"self -> .": "", "trick -> self/..": "", "in/far -> ../../x": "",
	})
	_, _, stats := pack(t, dir, bundle.Options{})
	var names []string
	for _, dropped := range stats.Dropped {
		name, _, _ := strings.Cut(dropped, ":")
		names = append(names, name)
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"abs", "in/far", "trick", "up"}, names); diff != "" || stats.Drops != 4 {
		t.Errorf("dropped %d (-want +got):\n%s", stats.Drops, diff)
	}
}

func TestPackStopsAtItsLimits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{"a": "12345", "b": "12345", "c/d": "12345"})
	for want, limits := range map[string]bundle.Limits{
		"larger than 12 together": {Bytes: 12},
		"more than 3 files":       {Entries: 3},
		"longer than 2 bytes":     {PathBytes: 2},
	} {
		_, _, err := bundle.Digest(dir, bundle.Options{Limits: limits})
		if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("limits %+v: error %v, want one with %q", limits, err, want)
		}
	}
}

func TestPackOfNothingIsTold(t *testing.T) {
	t.Parallel()
	_, _, err := bundle.Digest(filepath.Join(t.TempDir(), "gone"), bundle.Options{})
	if dayfly.KindOf(err) != dayfly.KindNotFound {
		t.Errorf("error %v, want kind not_found", err)
	}
}

func TestSourceOptionsLeaveOutWhatIsNotSource(t *testing.T) {
	t.Parallel()
	dir, to := t.TempDir(), t.TempDir()
	write(t, dir, map[string]string{
		"app.py": "", ".git/config": "", "node_modules/x/i.js": "", "pkg/node_modules/y.js": "",
		"__pycache__/app.pyc": "", ".env": "SECRET", ".env.local": "", "sub/.env": "", ".venv/bin/python": "",
		"venv/x": "", "src/venv/keep.py": "", ".DS_Store": "", ".dayfly/x": "", "dist/out.js": "", "target/t": "",
		".gitignore": "*.log\n/secret.txt\n!important.log\n", "debug.log": "", "important.log": "",
		"secret.txt": "", "sub/secret.txt": "", ".dayflyignore": "!debug.log\n/docs/\n", "docs/x": "",
		"sub/.gitignore": "local.txt\n", "sub/local.txt": "", "local.txt": "",
	})
	archive, _, _ := pack(t, dir, bundle.SourceOptions())
	if _, _, err := bundle.Unpack(bytes.NewReader(archive), to, bundle.Limits{}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for name := range read(t, to) {
		if !strings.HasSuffix(name, "/") {
			got = append(got, name)
		}
	}
	slices.Sort(got)
	want := []string{
		".gitignore", "app.py", "debug.log", "dist/out.js", "important.log", "local.txt",
		"src/venv/keep.py", "sub/.gitignore", "sub/secret.txt", "target/t",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packed (-want +got):\n%s", diff)
	}
}
