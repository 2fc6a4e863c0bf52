// SPDX-License-Identifier: Apache-2.0

package webapp

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// Bounds of what is gathered.
const (
	gatherFilesMax = 200_000
	gatherBytesMax = 4 << 30
)

// Gather copies parts of the folder dir to the folder into, which must be empty. A link is
// kept when it stays within its part, as those of installed packages do, and left out else.
// Of a site, hidden files are left out, and what installs its tools.
func Gather(dir string, parts []Part, into string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open folder %s: %w", dir, err)
	}
	defer root.Close()
	to, err := os.OpenRoot(into)
	if err != nil {
		return fmt.Errorf("open folder %s: %w", into, err)
	}
	defer to.Close()
	g := gatherer{root: root, to: to}
	for _, part := range parts {
		info, err := root.Stat(part.Source)
		if errors.Is(err, fs.ErrNotExist) && part.Optional {
			continue
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", part.Source, err)
		}
		if !info.IsDir() {
			err = g.file(part.Source, part.At, info)
		} else {
			err = g.folder(part)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// gatherer copies from one folder to another.
type gatherer struct {
	root, to *os.Root
	files    int
	bytes    int64
}

func (g *gatherer) folder(part Part) error {
	return fs.WalkDir(g.root.FS(), part.Source, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		if part.Source == "." && leftOut(name) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		below := strings.TrimPrefix(strings.TrimPrefix(name, part.Source), "/")
		if part.Source == "." {
			below = name
		}
		at := path.Join(".", part.At, below)
		switch {
		case d.IsDir():
			return g.to.MkdirAll(at, 0o755)
		case d.Type() == fs.ModeSymlink:
			return g.link(part, name, at)
		case !d.Type().IsRegular():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		return g.file(name, at, info)
	})
}

// leftOut reports whether something at the top of a project is no page of it.
func leftOut(name string) bool {
	if name == "." || name == ".well-known" {
		return false
	}
	base := path.Base(name)
	return base[0] == '.' || base == "node_modules" || name == "dayfly.yaml" || name == "dayfly.yml"
}

// link keeps a link that stays within its part.
func (g *gatherer) link(part Part, name, at string) error {
	target, err := g.root.Readlink(name)
	if err != nil {
		return fmt.Errorf("read link %s: %w", name, err)
	}
	target = filepath.ToSlash(target)
	meant := path.Join(path.Dir(name), target)
	if path.IsAbs(target) || part.Source != "." && meant != part.Source && !strings.HasPrefix(meant, part.Source+"/") ||
		meant == ".." || strings.HasPrefix(meant, "../") {
		return nil
	}
	return g.to.Symlink(target, at)
}

func (g *gatherer) file(name, at string, info fs.FileInfo) error {
	g.files++
	g.bytes += info.Size()
	if g.files > gatherFilesMax || g.bytes > gatherBytesMax {
		return dayfly.Errorf(dayfly.KindInvalid, "%s is too much: at most %d files of %d bytes together are deployed", name,
			gatherFilesMax, int64(gatherBytesMax))
	}
	if folder := path.Dir(at); folder != "." {
		if err := g.to.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("make folder %s: %w", folder, err)
		}
	}
	from, err := g.root.Open(name)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	defer from.Close()
	out, err := g.to.OpenFile(at, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, info.Mode().Perm()|0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", at, err)
	}
	_, err = io.Copy(out, from)
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("copy %s: %w", name, err)
	}
	return nil
}
