// SPDX-License-Identifier: Apache-2.0

package look

import (
	"io"
	"io/fs"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

// Bounds of what is read.
const (
	FileBytesMax  = 1 << 20  // of one file; of a larger one both ends, as bundlers export last
	totalBytesMax = 16 << 20 // of all files together, which takes seconds at most
	filesMax      = 2000     // that are read of one source
	namesMax      = 50_000   // of entries that are listed
)

// Source reads the files of one source, within bounds.
type Source struct {
	// Files are the source's, for what Read is not enough for.
	Files fs.FS
	// Settings are what the user said of the function.
	Settings manifest.Function
	// Top is what lies in the root.
	Top []fs.DirEntry

	cache map[string]string
	total int                  // bytes in cache
	found map[reflect.Type]any // what once found
}

// New looks at the files of a source that its user said settings of.
func New(files fs.FS, settings manifest.Function) (*Source, error) {
	s := &Source{
		Files: files, Settings: settings,
		cache: map[string]string{}, found: map[reflect.Type]any{},
	}
	var err error
	if s.Top, err = fs.ReadDir(files, "."); err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "read source: %w", err)
	}
	if len(s.Top) == 0 {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the source is empty")
	}
	return s, nil
}

// Once gives what find makes of a source, and looks for it but once. The type tells
// findings apart: each has one of its own.
func Once[T any](s *Source, find func(*Source) T) T {
	kind := reflect.TypeFor[T]()
	if known, ok := s.found[kind]; ok {
		return known.(T)
	}
	found := find(s)
	s.found[kind] = found
	return found
}

// Read gives the text of a file, within the bounds; "" when there is none.
func (s *Source) Read(name string) string {
	if text, ok := s.cache[name]; ok {
		return text
	}
	if len(s.cache) >= filesMax || s.total >= totalBytesMax || !fs.ValidPath(name) {
		return ""
	}
	text := strings.TrimPrefix(readEnds(s.Files, name), "\ufeff")
	s.cache[name] = text
	s.total += len(text)
	return text
}

// readEnds reads a regular file: all of it, or both ends of a large one. What cannot
// be read is as good as empty.
func readEnds(files fs.FS, name string) string {
	f, err := files.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	seeker, canSeek := f.(io.Seeker)
	if info.Size() <= FileBytesMax || !canSeek {
		text, _ := io.ReadAll(io.LimitReader(f, FileBytesMax))
		return string(text)
	}
	head, _ := io.ReadAll(io.LimitReader(f, FileBytesMax/2))
	if _, err := seeker.Seek(-FileBytesMax/2, io.SeekEnd); err != nil {
		return string(head)
	}
	tail, _ := io.ReadAll(io.LimitReader(f, FileBytesMax/2))
	return string(head) + "\n" + string(tail)
}

// Has tells whether a regular file is there.
func (s *Source) Has(name string) bool {
	info, err := fs.Stat(s.Files, name)
	return fs.ValidPath(name) && err == nil && info.Mode().IsRegular()
}

// HasFolder tells whether a folder is there.
func (s *Source) HasFolder(name string) bool {
	info, err := fs.Stat(s.Files, name)
	return fs.ValidPath(name) && err == nil && info.IsDir()
}

// Present keeps the names of files that are there.
func (s *Source) Present(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !s.Has(name) })
}

// Names gives the files of a folder that a test takes, in order.
func (s *Source) Names(dir string, take func(string) bool) []string {
	entries := s.Top
	if dir != "." {
		entries, _ = fs.ReadDir(s.Files, dir) // a folder that is not there is empty
	}
	var names []string
	for _, entry := range entries {
		if !entry.IsDir() && take(entry.Name()) {
			names = append(names, path.Join(dir, entry.Name()))
		}
	}
	return names
}

// Folders gives the folders in a folder, in order.
func (s *Source) Folders(dir string) []string {
	entries, _ := fs.ReadDir(s.Files, dir) // a folder that is not there is empty
	var names []string
	for _, entry := range entries[:min(len(entries), namesMax)] {
		if entry.IsDir() && !strings.HasPrefix(entry.Name(), ".") {
			names = append(names, path.Join(dir, entry.Name()))
		}
	}
	return names
}

// Walk gives every file below dir that a test takes, without what was installed.
func (s *Source) Walk(dir string, take func(string) bool) []string {
	var names []string
	seen := 0
	_ = fs.WalkDir(s.Files, dir, func(name string, entry fs.DirEntry, err error) error {
		if seen++; err != nil || seen > namesMax {
			return fs.SkipAll
		}
		base := entry.Name()
		if entry.IsDir() && name != dir &&
			(base == "node_modules" || base == "vendor" || strings.HasPrefix(base, ".")) {
			return fs.SkipDir
		}
		if !entry.IsDir() && take(name) && len(names) < filesMax {
			names = append(names, name)
		}
		return nil
	})
	return names
}

// Suffixed is the test that takes names with one of the suffixes.
func Suffixed(suffixes ...string) func(string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(suffixes, func(suffix string) bool {
			return strings.HasSuffix(name, suffix)
		})
	}
}

// Single gives the name of the only file, when there is nothing else.
func (s *Source) Single() string {
	if len(s.Top) == 1 && !s.Top[0].IsDir() {
		return s.Top[0].Name()
	}
	return ""
}

// Executable tells a program that the kernel can start: ELF, or a script with #!.
func (s *Source) Executable(name string) (program, script bool) {
	text := s.Read(name)
	return strings.HasPrefix(text, "\x7fELF"), strings.HasPrefix(text, "#!")
}

var toolLine = grep.Of(`(?m)^\s*([\w-]+)\s+v?(\S+)`)

// miseFile is what matters of a mise.toml.
type miseFile struct {
	Tools map[string]any `toml:"tools"`
}

// ToolVersion reads .tool-versions of asdf, and mise.toml.
func (s *Source) ToolVersion(names ...string) string {
	for _, match := range toolLine.FindAllStringSubmatch(s.Read(".tool-versions"), -1) {
		if slices.Contains(names, match[1]) {
			return match[2]
		}
	}
	for _, file := range s.Present([]string{"mise.toml", ".mise.toml"}) {
		var mise miseFile
		if ReadTOML(s.Read(file), &mise) != nil {
			continue // as if it were not there
		}
		for _, name := range names {
			if version, ok := mise.Tools[name].(string); ok {
				return version
			}
		}
	}
	return ""
}
