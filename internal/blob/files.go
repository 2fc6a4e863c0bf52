// SPDX-License-Identifier: Apache-2.0

package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/dayfly-faas/dayfly"
)

// fanOut is the number of folders for data files, one for each first byte of their
// identities: a million files make four thousand in each, which any file system can.
const fanOut = 256

// files is the folder of data files. A file is named by a random identity and means
// nothing until a record names it, so it needs no temporary name.
type files struct {
	dir     string
	folders [fanOut]folder

	mu   sync.Mutex // guards pins
	pins map[fileID]int
}

// folder is one of the fan-out folders, with its syncs grouped.
type folder struct {
	handle *os.File
	asked  atomic.Uint64 // syncs asked for

	mu   sync.Mutex // guards done; held during a sync
	done uint64     // syncs asked for that are done
}

func openFiles(dir string) (*files, error) {
	f := &files{dir: dir, pins: map[fileID]int{}}
	for i := range f.folders {
		path := filepath.Join(dir, fmt.Sprintf("%02x", i))
		err := os.MkdirAll(path, 0o700)
		if err == nil {
			f.folders[i].handle, err = os.Open(path)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open folder of objects: %w", err), f.close())
		}
	}
	return f, syncFolder(dir)
}

func syncFolder(dir string) error {
	handle, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open folder of objects: %w", err)
	}
	return errors.Join(handle.Sync(), handle.Close())
}

func (f *files) close() error {
	var errs []error
	for i := range f.folders {
		if h := f.folders[i].handle; h != nil {
			errs = append(errs, h.Close())
		}
	}
	return errors.Join(errs...)
}

func (f *files) path(id fileID) string {
	name := id.String()
	return filepath.Join(f.dir, name[:2], name)
}

func (f *files) create(id fileID) (*os.File, error) {
	return os.OpenFile(f.path(id), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// link makes to another name of the file from; both folders stay to be synced.
func (f *files) link(from, to fileID) error { return os.Link(f.path(from), f.path(to)) }

// remove removes a file; that there is none is no error.
func (f *files) remove(id fileID) error {
	if err := os.Remove(f.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove data file: %w", err)
	}
	return nil
}

// sync makes the names in the folder of id durable. Who comes while a sync is under way
// shares the next one with all others who came.
func (f *files) sync(id fileID) error {
	d := &f.folders[id[0]]
	mine := d.asked.Add(1)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done >= mine {
		return nil
	}
	covers := d.asked.Load()
	if err := d.handle.Sync(); err != nil {
		return fmt.Errorf("sync folder of objects: %w", err)
	}
	d.done = covers
	return nil
}

// pin keeps the files of a version from being removed; id is that of the first.
func (f *files) pin(id fileID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pins[id]++
}

func (f *files) unpin(id fileID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pins[id]--; f.pins[id] == 0 {
		delete(f.pins, id)
	}
}

func (f *files) pinned(id fileID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pins[id] > 0
}

// sweep removes the files that are not in use and gives their number. Nothing else may
// write meanwhile.
func (f *files) sweep(used map[fileID]struct{}) (int, error) {
	removed := 0
	for i := range f.folders {
		entries, err := os.ReadDir(filepath.Join(f.dir, fmt.Sprintf("%02x", i)))
		if err != nil {
			return removed, fmt.Errorf("list folder of objects: %w", err)
		}
		for _, e := range entries {
			var id fileID
			if id.UnmarshalText([]byte(e.Name())) != nil {
				continue // not ours
			}
			if _, ok := used[id]; ok {
				continue
			}
			if err := f.remove(id); err != nil {
				return removed, err
			}
			removed++
		}
	}
	return removed, nil
}

// room gives an error of the disk its kind.
func room(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return dayfly.Errorf(dayfly.KindExhausted, "%w: the disk is full", ErrQuota)
	}
	return err
}
