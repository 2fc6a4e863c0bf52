// SPDX-License-Identifier: Apache-2.0

package bundle

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// zipEncrypted is the flag of an entry that needs a password.
const zipEncrypted = 0x1

// UnpackZip writes the zip file of that name into the existing, empty folder dir,
// under the same rules as Unpack. It counts the bytes that come out, not those that
// the file claims, so that a zip bomb ends at the limit.
func UnpackZip(file, dir string, limits Limits) (Stats, error) {
	limits = limits.filled()
	f, err := os.Open(file)
	if err != nil {
		return Stats{}, openError(file, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Stats{}, fmt.Errorf("look at %s: %w", file, err)
	}
	if info.Size() > limits.Bytes {
		return Stats{}, tooLarge(limits)
	}
	r, err := zip.NewReader(f, info.Size())
	if err != nil {
		return Stats{}, dayfly.Errorf(dayfly.KindInvalid, "%s cannot be read as a zip file: %w",
			path.Base(file), err)
	}
	u, err := newUnpacker(dir, limits)
	if err != nil {
		return Stats{}, err
	}
	defer u.root.Close()
	for _, entry := range r.File {
		if err := u.zipEntry(entry); err != nil {
			return Stats{}, archiveError(err, false, limits)
		}
	}
	return u.stats, nil
}

func (u *unpacker) zipEntry(entry *zip.File) error {
	// Some tools on Windows write backslashes although the format forbids them.
	raw := strings.ReplaceAll(entry.Name, `\`, "/")
	name, err := u.name(raw)
	if err != nil || name == "." || isFinderLitter(name) {
		return err
	}
	mode := entry.Mode()
	if strings.HasSuffix(raw, "/") || mode.IsDir() {
		return u.folder(name)
	}
	if !mode.IsRegular() && mode&fs.ModeSymlink == 0 {
		return refuse(name, "is of a kind that bundles do not hold (device or pipe)")
	}
	if entry.Flags&zipEncrypted != 0 {
		return refuse(name, "is encrypted")
	}
	content, err := entry.Open()
	if err != nil {
		return refuse(name, "cannot be read: %v", err)
	}
	defer content.Close()
	if mode.IsRegular() {
		return u.file(name, mode, content)
	}
	target, err := io.ReadAll(io.LimitReader(content, int64(u.limits.PathBytes)+1))
	if err != nil {
		return refuse(name, "cannot be read: %v", err)
	}
	return u.link(name, string(target))
}

// isFinderLitter tells what macOS adds to every zip file.
func isFinderLitter(name string) bool {
	return name == "__MACOSX" || strings.HasPrefix(name, "__MACOSX/") || path.Base(name) == ".DS_Store"
}
