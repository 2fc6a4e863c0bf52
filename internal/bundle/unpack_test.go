// SPDX-License-Identifier: Apache-2.0

package bundle_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bundle"
)

func squeeze(t testing.TB, raw []byte) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	return z.EncodeAll(raw, nil)
}

func tarball(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var raw bytes.Buffer
	w := tar.NewWriter(&raw)
	for _, h := range headers {
		content := []byte(h.Uname) // the tests carry content there
		h.Uname, h.Size = "", int64(len(content))
		if h.Typeflag != tar.TypeReg {
			h.Size = 0
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write(content); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return raw.Bytes()
}

func file(name, content string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Uname: content, Mode: 0o644}
}

func TestUnpackRefusesHostileArchives(t *testing.T) {
	t.Parallel()
	link := func(name, target string) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target}
	}
	special := func(kind byte) tar.Header { return tar.Header{Typeflag: kind, Name: "x", Linkname: "y"} }
	deep := strings.Repeat("d/", 600) + "x"
	cases := map[string]struct {
		entries []tar.Header
		want    string
	}{
		"climbing":          {[]tar.Header{file("../x", "")}, `"../x" climbs out`},
		"climbing inside":   {[]tar.Header{file("a/../../x", "")}, "climbs out"},
		"absolute":          {[]tar.Header{file("/etc/cron.d/x", "")}, `"/etc/cron.d/x" has an absolute path`},
		"link up":           {[]tar.Header{link("l", "../x")}, `"l" is a link that leads outside: ../x`},
		"link absolute":     {[]tar.Header{link("l", "/etc")}, "leads outside: /etc"},
		"link through link": {[]tar.Header{link("s", "."), link("l", "s/..")}, `"l" is a link`},
		"file through link": {[]tar.Header{link("s", "."), file("s/x", "")}, `"s" is a folder here`},
		"file over link":    {[]tar.Header{link("s", "x"), file("s", "")}, `"s" appears twice`},
		"twice":             {[]tar.Header{file("a", ""), file("a", "")}, `"a" appears twice`},
		"file over folder":  {[]tar.Header{file("a/b", ""), file("a", "")}, `"a" appears twice`},
		"folder over file":  {[]tar.Header{file("a", ""), file("a/b", "")}, `"a" is a folder here`},
		"hard link":         {[]tar.Header{special(tar.TypeLink)}, `"x" is of a kind`},
		"character device":  {[]tar.Header{special(tar.TypeChar)}, `"x" is of a kind`},
		"block device":      {[]tar.Header{special(tar.TypeBlock)}, `"x" is of a kind`},
		"pipe":              {[]tar.Header{special(tar.TypeFifo)}, `"x" is of a kind`},
		"long path":         {[]tar.Header{file(deep, "")}, "longer than 1024 bytes"},
		"long name":         {[]tar.Header{file(strings.Repeat("n", 300), "")}, "longer than 255 bytes"},
		"too many":          {[]tar.Header{file("a", ""), file("b", ""), file("c", ""), file("d", ""), file("e", "")}, "more than 4 entries"},
		"too large":         {[]tar.Header{file("a", strings.Repeat("x", 600)), file("b", strings.Repeat("x", 600))}, "more than 1Ki"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outer := t.TempDir()
			dir := filepath.Join(outer, "in")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			archive := bytes.NewReader(squeeze(t, tarball(t, c.entries...)))
			_, _, err := bundle.Unpack(archive, dir, bundle.Limits{Bytes: 1024, Entries: 4})
			if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want an invalid one with %q", err, c.want)
			}
			if entries, _ := os.ReadDir(outer); len(entries) != 1 {
				t.Errorf("something was written outside: %v", entries)
			}
		})
	}
}

func TestUnpackEndsAtBrokenArchives(t *testing.T) {
	t.Parallel()
	whole := squeeze(t, tarball(t, file("a", strings.Repeat("content ", 1000))))
	bomb := squeeze(t, make([]byte, 64<<20)) // zeros: an empty tar with an endless tail
	cases := map[string]struct {
		archive []byte
		want    string
	}{
		"not compressed": {tarball(t, file("a", "")), "cannot be read"},
		"cut short":      {whole[:len(whole)/2], "cannot be read"},
		"empty":          {nil, ""},
		"garbage inside": {squeeze(t, bytes.Repeat([]byte("garbage "), 500)), "cannot be read"},
		"bomb":           {bomb, "more than 1Mi"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, stats, err := bundle.Unpack(bytes.NewReader(c.archive), t.TempDir(),
				bundle.Limits{Bytes: 1 << 20, Entries: 10})
			if c.want == "" && (err != nil || stats.Files != 0) {
				t.Errorf("Unpack = %+v, %v; want nothing", stats, err)
			}
			if c.want != "" && (dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want an invalid one with %q", err, c.want)
			}
		})
	}
}

func TestUnpackIgnoresUmaskAndModes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	setuid := file("x", "")
	setuid.Mode = 0o6777
	private := file("d/y", "")
	private.Mode = 0o600
	archive := squeeze(t, tarball(t, tar.Header{Typeflag: tar.TypeDir, Name: "d/", Mode: 0o2700}, setuid, private))
	if _, _, err := bundle.Unpack(bytes.NewReader(archive), dir, bundle.Limits{}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"x": 0o755, "d/y": 0o644, "d": 0o755 | fs.ModeDir} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode() != want {
			t.Errorf("mode of %s = %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
}

// zipOf makes a zip file; a name in the form "a -> b" is a link.
func zipOf(t testing.TB, tree map[string]string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "source.zip")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	for name, content := range tree {
		header := &zip.FileHeader{Name: strings.TrimPrefix(name, "!"), Method: zip.Deflate}
		header.SetMode(0o644)
		if strings.HasPrefix(name, "!") {
			header.SetMode(0o755)
		}
		if from, target, ok := strings.Cut(name, " -> "); ok {
			header.Name, content = from, target
			header.SetMode(fs.ModeSymlink | 0o777)
		}
		out, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestUnpackZipGivesItsFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stats, err := bundle.UnpackZip(zipOf(t, map[string]string{
		"app.py": "x", "!bin/run": "y", "a\\b.txt": "windows", "__MACOSX/._app.py": "litter",
		"sub/.DS_Store": "litter", "link -> bin/run": "",
	}), dir, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"app.py": "x", "bin/": "", "!bin/run": "y", "a/": "", "a/b.txt": "windows", "link -> bin/run": "",
	}
	if diff := cmp.Diff(want, read(t, dir)); diff != "" || stats.Files != 3 {
		t.Errorf("%d files (-want +got):\n%s", stats.Files, diff)
	}
}

func TestUnpackZipRefusesHostileFiles(t *testing.T) {
	t.Parallel()
	text := filepath.Join(t.TempDir(), "text.zip")
	if err := os.WriteFile(text, []byte("not a zip"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct{ file, want string }{
		"climbing":       {zipOf(t, map[string]string{"../x": ""}), "climbs out"},
		"windows climb":  {zipOf(t, map[string]string{`..\x`: ""}), "climbs out"},
		"absolute":       {zipOf(t, map[string]string{"/x": ""}), "absolute path"},
		"link outside":   {zipOf(t, map[string]string{"l -> /etc/shadow": ""}), "leads outside"},
		"bomb":           {zipOf(t, map[string]string{"zeros": string(make([]byte, 8<<20))}), "more than 1Mi"},
		"many":           {zipOf(t, map[string]string{"a": "", "b": "", "c": "", "d": ""}), "more than 3 entries"},
		"not a zip file": {text, "text.zip cannot be read as a zip file"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := bundle.UnpackZip(c.file, t.TempDir(), bundle.Limits{Bytes: 1 << 20, Entries: 3})
			if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want an invalid one with %q", err, c.want)
			}
		})
	}
}

// FuzzUnpack holds that no archive writes outside its folder, leaves a link that leads
// outside, passes its limits or panics.
func FuzzUnpack(f *testing.F) {
	f.Add(tarball(f, file("a", "x"), file("b/c", "y")))
	f.Add(tarball(f, tar.Header{Typeflag: tar.TypeSymlink, Name: "l", Linkname: "a/../b"}))
	f.Add(tarball(f, file("../a", "x")))
	f.Add([]byte("garbage"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		outer := t.TempDir()
		dir := filepath.Join(outer, "in")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		limits := bundle.Limits{Bytes: 1 << 16, Entries: 16, PathBytes: 200}
		_, stats, err := bundle.Unpack(bytes.NewReader(squeeze(t, raw)), dir, limits)
		if entries, _ := os.ReadDir(outer); len(entries) != 1 {
			t.Fatalf("written outside: %v", entries)
		}
		if err != nil {
			return
		}
		if stats.Bytes > limits.Bytes {
			t.Fatalf("unpacked %d bytes, limit %d", stats.Bytes, limits.Bytes)
		}
		_, packed, err := bundle.Digest(dir, bundle.Options{Limits: limits})
		if err != nil || packed.Drops != 0 || packed.Files != stats.Files {
			t.Fatalf("packing again: %+v, %v; unpacked %+v", packed, err, stats)
		}
	})
}
