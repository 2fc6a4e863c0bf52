// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/dayfly-faas/dayfly"
)

// Bounds of an archive that a caller does not set.
const (
	bytesMax     = 2 << 30 // unpacked; a large machine-learning bundle fits
	entriesMax   = 200_000 // a heavy node_modules has about 60,000
	pathBytesMax = 1024    // PATH_MAX is 4096, and the folder above takes its share
	// windowBytes is what (de)compression holds in memory; 4 MiB costs 1 % of size
	// against the library's own choice of 8 MiB.
	windowBytes = 4 << 20
	// droppedMax bounds how many names Stats keeps; Drops counts on.
	droppedMax = 20
)

// Limits bound an archive. Zero fields mean the default.
type Limits struct {
	Bytes     int64 // of all files, unpacked; default 2 GiB
	Entries   int   // files, folders and links; default 200,000
	PathBytes int   // of one path; default 1024
}

func (l Limits) filled() Limits {
	if l.Bytes <= 0 {
		l.Bytes = bytesMax
	}
	if l.Entries <= 0 {
		l.Entries = entriesMax
	}
	if l.PathBytes <= 0 {
		l.PathBytes = pathBytesMax
	}
	return l
}

// Options say what of a folder is packed. The zero value packs everything.
type Options struct {
	// Ignore holds patterns in the syntax of .gitignore that leave files out.
	Ignore []string
	// IgnoreFiles names files, such as ".gitignore", that hold more patterns for
	// the folder they are in. A later file wins over an earlier one.
	IgnoreFiles []string
	// Limits bound the result.
	Limits Limits
}

// SourceOptions leave out what is never part of a function's source: version control,
// installed dependencies, caches, local secrets and what the ignore files name.
func SourceOptions() Options {
	return Options{
		Ignore: []string{
			".git", ".hg", ".svn", ".DS_Store", ".env*",
			"node_modules", "__pycache__", "*.pyc", ".venv", "/venv", "/.dayfly",
			".pytest_cache", ".mypy_cache", ".ruff_cache", ".dayflyignore",
		},
		IgnoreFiles: []string{".gitignore", ".dayflyignore"},
	}
}

// Stats say what an archive holds.
type Stats struct {
	Files int   // regular files
	Bytes int64 // of all files together
	// Dropped names what could not be kept: links that lead outside, sockets,
	// devices. It holds the first few; Drops counts all.
	Dropped []string
	Drops   int
}

func (s *Stats) drop(name, why string) {
	s.Drops++
	if len(s.Dropped) < droppedMax {
		s.Dropped = append(s.Dropped, name+": "+why)
	}
}

// Pack writes the archive of the folder root to w and gives its digest.
func Pack(w io.Writer, root string, opts Options) (dayfly.Digest, Stats, error) {
	return compressed(w, func(out io.Writer) (Stats, error) { return writeFolder(out, root, opts) })
}

// PackFile writes an archive that holds one file under its own name to w.
func PackFile(w io.Writer, file string) (dayfly.Digest, Stats, error) {
	return compressed(w, func(out io.Writer) (Stats, error) { return writeFile(out, file) })
}

// Digest gives what Pack would give for root, without writing anything.
func Digest(root string, opts Options) (dayfly.Digest, Stats, error) {
	sum := sha256.New()
	stats, err := writeFolder(sum, root, opts)
	return digestOf(sum), stats, err
}

// DigestFile gives what PackFile would give for file.
func DigestFile(file string) (dayfly.Digest, Stats, error) {
	sum := sha256.New()
	stats, err := writeFile(sum, file)
	return digestOf(sum), stats, err
}

var digestPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// CheckDigest reports whether d is spelled as a digest is.
func CheckDigest(d dayfly.Digest) error {
	if !digestPattern.MatchString(string(d)) {
		return dayfly.Errorf(dayfly.KindInvalid,
			"digest %.80q is not 64 lower-case hexadecimal digits", string(d))
	}
	return nil
}

func digestOf(sum hash.Hash) dayfly.Digest {
	return dayfly.Digest(hex.EncodeToString(sum.Sum(nil)))
}

func compressed(
	w io.Writer, write func(io.Writer) (Stats, error),
) (dayfly.Digest, Stats, error) {
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(windowBytes))
	if err != nil {
		return "", Stats{}, fmt.Errorf("open compressor: %w", err)
	}
	sum := sha256.New()
	stats, err := write(io.MultiWriter(sum, z))
	if closeErr := z.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("write archive: %w", closeErr)
	}
	if err != nil {
		return "", Stats{}, err
	}
	return digestOf(sum), stats, nil
}

func writeFile(w io.Writer, file string) (Stats, error) {
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return Stats{}, openError(filepath.Dir(file), err)
	}
	defer root.Close()
	p := &packer{root: root, tar: tar.NewWriter(w), limits: Limits{}.filled()}
	info, err := root.Stat(filepath.Base(file))
	if err != nil {
		return Stats{}, openError(file, err)
	}
	if !info.Mode().IsRegular() {
		return Stats{}, dayfly.Errorf(dayfly.KindInvalid, "%s is not a regular file", file)
	}
	if err := p.file(filepath.Base(file), info); err != nil {
		return Stats{}, err
	}
	return p.stats, p.close()
}

func writeFolder(w io.Writer, folder string, opts Options) (Stats, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return Stats{}, openError(folder, err)
	}
	defer root.Close()
	p := &packer{root: root, tar: tar.NewWriter(w), limits: opts.Limits.filled()}
	rules := newRules(opts.Ignore)
	if err := p.folder(".", rules, opts.IgnoreFiles); err != nil {
		return Stats{}, err
	}
	return p.stats, p.close()
}

func openError(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return dayfly.Errorf(dayfly.KindNotFound, "%s does not exist", name)
	}
	return dayfly.Errorf(dayfly.KindInvalid, "open %s: %w", name, err)
}

// packer writes one tar stream from below one folder. It never leaves the folder:
// every access goes through os.Root, since a build may have left hostile links.
type packer struct {
	root    *os.Root
	tar     *tar.Writer
	limits  Limits
	entries int
	stats   Stats
}

// folder packs what is in dir, in the order of names, which makes it reproducible.
func (p *packer) folder(dir string, rules *rules, ignoreFiles []string) error {
	entries, err := p.list(dir)
	if err != nil {
		return err
	}
	for _, name := range ignoreFiles {
		if rules, err = p.ignoreFile(dir, name, rules); err != nil {
			return err
		}
	}
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		if rules.ignored(name, entry.IsDir()) {
			continue
		}
		if err := p.entry(name, rules, ignoreFiles); err != nil {
			return err
		}
	}
	return nil
}

func (p *packer) list(dir string) ([]fs.DirEntry, error) {
	f, err := p.root.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("open folder %s: %w", dir, err)
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, fmt.Errorf("list folder %s: %w", dir, err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int {
		return strings.Compare(a.Name(), b.Name())
	})
	return entries, nil
}

func (p *packer) entry(name string, rules *rules, ignoreFiles []string) error {
	info, err := p.root.Lstat(name)
	if err != nil {
		return fmt.Errorf("look at %s: %w", name, err)
	}
	switch {
	case info.IsDir():
		header := &tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755}
		if err := p.header(header); err != nil {
			return err
		}
		return p.folder(name, rules, ignoreFiles)
	case info.Mode().IsRegular():
		return p.file(name, info)
	case info.Mode()&fs.ModeSymlink != 0:
		return p.link(name)
	}
	p.stats.drop(name, "not a file, folder or link")
	return nil
}

// startsAsProgram tells whether a file is a script that names its interpreter, or a
// compiled program: both are there to be run, whatever a zip or a file system without
// such bits made of their mode.
func startsAsProgram(f io.ReaderAt) bool {
	var head [4]byte
	n, _ := f.ReadAt(head[:], 0)
	return bytes.HasPrefix(head[:n], []byte("#!")) || string(head[:n]) == "\x7fELF"
}

func (p *packer) file(name string, info fs.FileInfo) error {
	mode := int64(0o644)
	if info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	p.stats.Files++
	p.stats.Bytes += info.Size()
	if p.stats.Bytes > p.limits.Bytes {
		return dayfly.Errorf(dayfly.KindInvalid,
			"the files are larger than %s together (reached at %s)",
			dayfly.FormatBytes(p.limits.Bytes), name).
			WithHint("leave out what the function does not need with a .dayflyignore file")
	}
	f, err := p.root.Open(name)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	defer f.Close()
	if startsAsProgram(f) {
		mode = 0o755
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: info.Size()}
	if err := p.header(header); err != nil {
		return err
	}
	if n, err := io.CopyN(p.tar, f, info.Size()); err != nil {
		return fmt.Errorf("pack %s, which changed after %d bytes: %w", name, n, err)
	}
	return nil
}

func (p *packer) link(name string) error {
	target, err := p.root.Readlink(name)
	if err != nil {
		return fmt.Errorf("read link %s: %w", name, err)
	}
	if !linkStays(name, target) {
		p.stats.drop(name, "a link that leads outside: "+target)
		return nil
	}
	return p.header(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777})
}

func (p *packer) header(h *tar.Header) error {
	if p.entries++; p.entries > p.limits.Entries {
		return dayfly.Errorf(dayfly.KindInvalid, "there are more than %d files (reached at %s)",
			p.limits.Entries, h.Name).
			WithHint("leave out what the function does not need with a .dayflyignore file")
	}
	if len(h.Name) > p.limits.PathBytes {
		return dayfly.Errorf(dayfly.KindInvalid, "the path %.60s… is longer than %d bytes",
			h.Name, p.limits.PathBytes)
	}
	h.ModTime = time.Unix(0, 0)
	if err := p.tar.WriteHeader(h); err != nil {
		return fmt.Errorf("write entry %s: %w", h.Name, err)
	}
	return nil
}

func (p *packer) close() error {
	if err := p.tar.Close(); err != nil {
		return fmt.Errorf("end archive: %w", err)
	}
	return nil
}

// linkStays tells whether a link of that name can only lead to somewhere in its own
// tree. The target must be relative and climb only at its start: then, as every folder
// above a link is a real one, no chain of such links can ever leave the tree, while
// "link/.." could.
func linkStays(name, target string) bool {
	if target == "" || path.IsAbs(target) || strings.ContainsRune(target, 0) {
		return false
	}
	depth := strings.Count(path.Clean(name), "/")
	climbed, down := 0, false
	for _, part := range strings.Split(target, "/") {
		switch {
		case part == "" || part == ".":
		case part != "..":
			down = true
		case down:
			return false
		default:
			climbed++
		}
	}
	return climbed <= depth
}
