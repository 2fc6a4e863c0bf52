// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"archive/tar"
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/dayfly-faas/dayfly"
)

// decoderBytesMax bounds what decompression may hold in memory.
const decoderBytesMax = 16 << 20

// tarOverheadBytes is what one entry may take beside its content: headers and padding.
const tarOverheadBytes = 8 << 10

// Unpack writes the archive that r holds into the existing, empty folder dir and gives
// the digest of what it read. It stops at the first entry that breaks a rule; what it
// wrote until then stays, and is the caller's to remove.
func Unpack(r io.Reader, dir string, limits Limits) (dayfly.Digest, Stats, error) {
	limits = limits.filled()
	u, err := newUnpacker(dir, limits)
	if err != nil {
		return "", Stats{}, err
	}
	defer u.root.Close()
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(decoderBytesMax), zstd.WithDecoderMaxMemory(decoderBytesMax))
	if err != nil {
		return "", Stats{}, fmt.Errorf("open archive: %w", err)
	}
	defer z.Close()
	// One byte past the limit is readable, so that reaching it can be told from
	// the end of the archive.
	bounded := &io.LimitedReader{R: z, N: limits.Bytes + int64(limits.Entries+1)*tarOverheadBytes}
	sum := sha256.New()
	content := bufio.NewReaderSize(io.TeeReader(bounded, sum), 64<<10)
	if err := u.tar(tar.NewReader(content)); err != nil {
		return "", Stats{}, archiveError(err, bounded.N <= 0, limits)
	}
	if _, err := io.Copy(io.Discard, content); err != nil {
		return "", Stats{}, archiveError(err, false, limits)
	}
	if bounded.N <= 0 {
		return "", Stats{}, archiveError(nil, true, limits)
	}
	return digestOf(sum), u.stats, nil
}

func archiveError(err error, full bool, limits Limits) error {
	if full {
		return tooLarge(limits)
	}
	var known *dayfly.Error
	if errors.As(err, &known) {
		return err
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("unpack archive: %w", err)
	}
	return dayfly.Errorf(dayfly.KindInvalid, "the archive cannot be read: %w", err)
}

func tooLarge(limits Limits) error {
	return dayfly.Errorf(dayfly.KindInvalid, "the archive unpacks to more than %s",
		dayfly.FormatBytes(limits.Bytes))
}

// unpacker writes entries below one folder. Two things keep it there: os.Root, and
// that the folders above an entry must be ones that it made itself, never links.
type unpacker struct {
	root    *os.Root
	limits  Limits
	entries int
	stats   Stats
	folders map[string]bool // made so far
	buffer  []byte
}

func newUnpacker(dir string, limits Limits) (*unpacker, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open folder to unpack into: %w", err)
	}
	return &unpacker{
		root: root, limits: limits,
		folders: map[string]bool{".": true}, buffer: make([]byte, 64<<10),
	}, nil
}

func (u *unpacker) tar(r *tar.Reader) error {
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := u.tarEntry(header, r); err != nil {
			return err
		}
	}
}

func (u *unpacker) tarEntry(header *tar.Header, r io.Reader) error {
	name, err := u.name(header.Name)
	if err != nil || name == "." {
		return err
	}
	switch header.Typeflag {
	case tar.TypeDir:
		return u.folder(name)
	case tar.TypeReg:
		return u.file(name, fs.FileMode(header.Mode), r)
	case tar.TypeSymlink:
		return u.link(name, header.Linkname)
	}
	return refuse(name, "is of a kind that bundles do not hold (hard link, device or pipe)")
}

func refuse(name, format string, args ...any) error {
	return dayfly.Errorf(dayfly.KindInvalid, "archive entry %q %s", name, fmt.Sprintf(format, args...))
}

// name checks the name of the next entry and gives it in its plain form.
func (u *unpacker) name(name string) (string, error) {
	if u.entries++; u.entries > u.limits.Entries {
		return "", dayfly.Errorf(dayfly.KindInvalid, "the archive has more than %d entries",
			u.limits.Entries)
	}
	shown := name
	if len(shown) > 80 {
		shown = shown[:80] + "…"
	}
	switch {
	case len(name) > u.limits.PathBytes:
		return "", refuse(shown, "has a path longer than %d bytes", u.limits.PathBytes)
	case name == "" || strings.ContainsRune(name, 0):
		return "", refuse(shown, "has no proper name")
	case strings.HasPrefix(name, "/"):
		return "", refuse(shown, "has an absolute path")
	}
	for _, part := range strings.Split(name, "/") {
		if part == ".." {
			return "", refuse(shown, "climbs out of its folder")
		}
		if len(part) > 255 {
			return "", refuse(shown, "has a name longer than 255 bytes")
		}
	}
	return path.Clean(name), nil
}

// folder makes a folder and those above it. It fails where a file or link stands.
func (u *unpacker) folder(name string) error {
	if u.folders[name] {
		return nil
	}
	if err := u.folder(path.Dir(name)); err != nil {
		return err
	}
	if err := u.root.Mkdir(name, 0o755); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return refuse(name, "is a folder here and something else before")
		}
		return fmt.Errorf("make folder: %w", err)
	}
	if err := u.root.Chmod(name, 0o755); err != nil {
		return fmt.Errorf("set mode: %w", err)
	}
	u.folders[name] = true
	return nil
}

func (u *unpacker) file(name string, mode fs.FileMode, r io.Reader) error {
	if err := u.folder(path.Dir(name)); err != nil {
		return err
	}
	permissions := fs.FileMode(0o644)
	if mode&0o111 != 0 {
		permissions = 0o755
	}
	f, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, permissions)
	if err != nil {
		if errors.Is(err, fs.ErrExist) {
			return refuse(name, "appears twice")
		}
		return fmt.Errorf("make file: %w", err)
	}
	left := u.limits.Bytes - u.stats.Bytes
	n, err := io.CopyBuffer(struct{ io.Writer }{f}, io.LimitReader(r, left+1), u.buffer)
	if err == nil {
		err = f.Chmod(permissions) // whatever the umask is
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	u.stats.Files++
	u.stats.Bytes += n
	if n > left {
		return tooLarge(u.limits)
	}
	return err
}

func (u *unpacker) link(name, target string) error {
	if len(target) > u.limits.PathBytes || !linkStays(name, target) {
		return refuse(name, "is a link that leads outside: %.80s", target)
	}
	if err := u.folder(path.Dir(name)); err != nil {
		return err
	}
	if err := u.root.Symlink(target, name); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return refuse(name, "appears twice")
		}
		return fmt.Errorf("make link: %w", err)
	}
	return nil
}
