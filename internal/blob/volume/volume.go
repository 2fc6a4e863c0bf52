// SPDX-License-Identifier: Apache-2.0

package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
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

// Errors of data that cannot be taken.
var (
	ErrBadDigest  = errors.New("the data does not match its checksum")
	ErrIncomplete = errors.New("fewer bytes came than announced")
	ErrTooLarge   = errors.New("the object is too large")
	ErrQuota      = errors.New("there is no room left for objects")
	ErrNoSum      = errors.New("a part has no checksum of that algorithm")
)

// BytesMax bounds what Receive takes: 5 TiB, as in S3.
const BytesMax = 5 << 40

// Config says where files are and how much may be in them.
type Config struct {
	// Dir is the folder; it is created when missing.
	Dir string
	// MaxBytes bounds what is reserved; 0 is the disk.
	MaxBytes int64
	// At is called at fault points, for tests that end the process there.
	At func(step string)
}

// Volume is a folder of data files.
type Volume struct {
	cfg     Config
	log     *slog.Logger
	folders [fanOut]folder
	chunks  sync.Pool    // of *[chunkBytes]byte
	used    atomic.Int64 // bytes reserved

	mu   sync.Mutex // guards pins
	pins map[ID]int
}

// folder is one of the fan-out folders, with its syncs grouped.
type folder struct {
	handle *os.File
	asked  atomic.Uint64 // syncs asked for

	mu   sync.Mutex // guards done; held during a sync
	done uint64     // syncs asked for that are done
}

// New makes a volume; it opens nothing.
func New(cfg Config, log *slog.Logger) *Volume {
	if cfg.At == nil {
		cfg.At = func(string) {}
	}
	return &Volume{cfg: cfg, log: log, pins: map[ID]int{}}
}

// OpenFolders opens the folders, creating those that are missing.
func (v *Volume) OpenFolders() error {
	for i := range v.folders {
		path := filepath.Join(v.cfg.Dir, fmt.Sprintf("%02x", i))
		err := os.MkdirAll(path, 0o700)
		if err == nil {
			v.folders[i].handle, err = os.Open(path)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("open folder of objects: %w", err), v.Close())
		}
	}
	return syncFolder(v.cfg.Dir)
}

func syncFolder(dir string) error {
	handle, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open folder of objects: %w", err)
	}
	return errors.Join(handle.Sync(), handle.Close())
}

// Close closes the folders.
func (v *Volume) Close() error {
	var errs []error
	for i := range v.folders {
		if h := v.folders[i].handle; h != nil {
			errs = append(errs, h.Close())
		}
	}
	return errors.Join(errs...)
}

func (v *Volume) path(id ID) string {
	name := id.String()
	return filepath.Join(v.cfg.Dir, name[:2], name)
}

func (v *Volume) create(id ID) (*os.File, error) {
	return os.OpenFile(v.path(id), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// Link makes to another name of the file from; both folders stay to be synced.
func (v *Volume) Link(from, to ID) error { return os.Link(v.path(from), v.path(to)) }

// Remove removes a file; that there is none is no error.
func (v *Volume) Remove(id ID) error {
	if err := os.Remove(v.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove data file: %w", err)
	}
	return nil
}

// Sync makes the names in the folder of id durable. Who comes while a sync is under way
// shares the next one with all others who came.
func (v *Volume) Sync(id ID) error {
	d := &v.folders[id[0]]
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

// Pin keeps the files of a version from being removed; id is that of the first.
func (v *Volume) Pin(id ID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pins[id]++
}

// Unpin takes back one Pin.
func (v *Volume) Unpin(id ID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.pins[id]--; v.pins[id] == 0 {
		delete(v.pins, id)
	}
}

// Pinned tells whether id is pinned.
func (v *Volume) Pinned(id ID) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.pins[id] > 0
}

// Sweep removes the files that are not in use and gives their number. Nothing else may
// write meanwhile.
func (v *Volume) Sweep(used map[ID]struct{}) (int, error) {
	removed := 0
	for i := range v.folders {
		entries, err := os.ReadDir(filepath.Join(v.cfg.Dir, fmt.Sprintf("%02x", i)))
		if err != nil {
			return removed, fmt.Errorf("list folder of objects: %w", err)
		}
		for _, e := range entries {
			var id ID
			if id.UnmarshalText([]byte(e.Name())) != nil {
				continue // not ours
			}
			if _, ok := used[id]; ok {
				continue
			}
			if err := v.Remove(id); err != nil {
				return removed, err
			}
			removed++
		}
	}
	return removed, nil
}

// Room gives an error of a full disk its kind.
func Room(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return dayfly.Errorf(dayfly.KindExhausted, "%w: the disk is full", ErrQuota)
	}
	return err
}
