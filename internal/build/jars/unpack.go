// SPDX-License-Identifier: Apache-2.0

package jars

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Bounds of an archive: Maven has 130 files and 11 MB.
const (
	entriesMax       = 20_000
	unpackedBytesMax = 1 << 30
)

// unpack puts an archive's content below folder, in a folder of the archive's name. It
// appears at once and whole: a crash leaves another name behind.
func unpack(archive, folder string) error {
	target := filepath.Join(folder, strings.TrimSuffix(filepath.Base(archive), ".zip"))
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		return nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(folder, ".part-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp) // gone already when it was renamed
	if err := extract(archive, temp); err != nil {
		return fmt.Errorf("unpack %s: %w", filepath.Base(archive), err)
	}
	return os.Rename(temp, target)
}

func extract(archive, folder string) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer z.Close()
	if len(z.File) > entriesMax {
		return fmt.Errorf("it has more than %d files", entriesMax)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	left := int64(unpackedBytesMax)
	for _, f := range z.File {
		n, err := entry(root, f, left)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		left -= n
	}
	return nil
}

func entry(root *os.Root, f *zip.File, left int64) (int64, error) {
	name := strings.TrimSuffix(f.Name, "/")
	if !fs.ValidPath(name) {
		return 0, errors.New("the name leads out of the archive")
	}
	if f.FileInfo().IsDir() {
		return 0, root.MkdirAll(name, 0o755)
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return 0, err
	}
	in, err := f.Open()
	if err != nil {
		return 0, err
	}
	defer in.Close()
	mode := fs.FileMode(0o644) | f.Mode()&0o111
	out, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(out, io.LimitReader(in, left+1))
	if err == nil && n > left {
		err = errors.New("the archive is too large")
	}
	return n, errors.Join(err, out.Close())
}
