// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/manifest"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// Bounds of what is read.
const (
	fileBytesMax  = 1 << 20  // of one file; of a larger one both ends, as bundlers export last
	totalBytesMax = 16 << 20 // of all files together, which takes seconds at most
	filesMax      = 2000     // that are read of one source
	namesMax      = 50_000   // of entries that are listed
)

// source reads the files of one source, within bounds.
type source struct {
	files    fs.FS
	settings manifest.Function
	cache    map[string]string
	total    int // bytes in cache
	top      []fs.DirEntry

	javaFound *javaProject // once javaSeen
	javaSeen  bool

	dotnetFound *dotnetProject // once dotnetSeen
	dotnetWhy   string         // there is none
	dotnetSeen  bool
}

// Source decides how what is in files is built and called.
func Source(files fs.FS, settings manifest.Function) (*Plan, error) {
	s := &source{files: files, settings: settings, cache: map[string]string{}}
	var err error
	if s.top, err = fs.ReadDir(files, "."); err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "read source: %w", err)
	}
	if len(s.top) == 0 {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the source is empty")
	}
	wanted, err := s.language()
	if err != nil {
		return nil, err
	}
	plan, err := s.plan(wanted)
	if err != nil {
		return nil, err
	}
	s.finish(plan)
	return plan, nil
}

func (s *source) plan(wanted toolchain.Language) (*Plan, error) {
	if len(s.settings.Command) > 0 {
		return s.command(wanted)
	}
	if s.settings.Entry != "" {
		return s.entry(wanted)
	}
	found, err := s.candidates(wanted)
	if err != nil {
		return nil, err
	}
	for i, c := range found {
		if !s.fits(c) {
			continue
		}
		if c.problem != "" {
			return nil, dayfly.Errorf(dayfly.KindInvalid, "%s", c.problem)
		}
		plan := s.accept(c)
		for _, other := range found[i+1:] {
			if other.problem == "" && other.language != c.language && other.rank == c.rank {
				plan.notice("also found " + other.name() + "; say runtime to choose")
				break
			}
		}
		return plan, nil
	}
	return nil, s.nothing(found)
}

// language gives the language that the settings name; "" when they name none.
func (s *source) language() (toolchain.Language, error) {
	if s.settings.Runtime == "" {
		return "", nil
	}
	language, _ := toolchain.ParseName(s.settings.Runtime)
	if language == "" {
		return "", dayfly.Errorf(dayfly.KindInvalid, "runtime %.60q is not known", s.settings.Runtime).
			WithHint("runtimes are python, node, go and native, with or without a version")
	}
	return language, nil
}

// fits tells whether a candidate is what the settings ask for.
func (s *source) fits(c candidate) bool {
	if c.problem != "" {
		return s.settings.Contract == "" && s.settings.Dialect == ""
	}
	contract, dialect := s.settings.Contract, s.settings.Dialect
	if contract == "" && dialect != "" {
		contract = string(dayfly.ContractHandler)
	}
	if contract != "" && contract != string(c.contract) {
		return false
	}
	return dialect == "" || dialect == string(c.dialect)
}

// read gives the text of a file, within the bounds; "" when there is none.
func (s *source) read(name string) string {
	if text, ok := s.cache[name]; ok {
		return text
	}
	if len(s.cache) >= filesMax || s.total >= totalBytesMax || !fs.ValidPath(name) {
		return ""
	}
	text := strings.TrimPrefix(readEnds(s.files, name), "\ufeff")
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
	if info.Size() <= fileBytesMax || !canSeek {
		text, _ := io.ReadAll(io.LimitReader(f, fileBytesMax))
		return string(text)
	}
	head, _ := io.ReadAll(io.LimitReader(f, fileBytesMax/2))
	if _, err := seeker.Seek(-fileBytesMax/2, io.SeekEnd); err != nil {
		return string(head)
	}
	tail, _ := io.ReadAll(io.LimitReader(f, fileBytesMax/2))
	return string(head) + "\n" + string(tail)
}

func (s *source) has(name string) bool {
	info, err := fs.Stat(s.files, name)
	return fs.ValidPath(name) && err == nil && info.Mode().IsRegular()
}

func (s *source) hasFolder(name string) bool {
	info, err := fs.Stat(s.files, name)
	return fs.ValidPath(name) && err == nil && info.IsDir()
}

// present keeps the names of files that are there.
func (s *source) present(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !s.has(name) })
}

// names gives the files of a folder that a test takes, in order.
func (s *source) names(dir string, take func(string) bool) []string {
	entries := s.top
	if dir != "." {
		entries, _ = fs.ReadDir(s.files, dir) // a folder that is not there is empty
	}
	var names []string
	for _, entry := range entries {
		if !entry.IsDir() && take(entry.Name()) {
			names = append(names, path.Join(dir, entry.Name()))
		}
	}
	return names
}

// folders gives the folders in a folder, in order.
func (s *source) folders(dir string) []string {
	entries, _ := fs.ReadDir(s.files, dir) // a folder that is not there is empty
	var names []string
	for _, entry := range entries[:min(len(entries), namesMax)] {
		if entry.IsDir() && !strings.HasPrefix(entry.Name(), ".") {
			names = append(names, path.Join(dir, entry.Name()))
		}
	}
	return names
}

// walk gives every file below dir that a test takes, without what was installed.
func (s *source) walk(dir string, take func(string) bool) []string {
	var names []string
	seen := 0
	_ = fs.WalkDir(s.files, dir, func(name string, entry fs.DirEntry, err error) error {
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

func withSuffix(suffixes ...string) func(string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(suffixes, func(suffix string) bool {
			return strings.HasSuffix(name, suffix)
		})
	}
}

// single gives the name of the only file, when there is nothing else.
func (s *source) single() string {
	if len(s.top) == 1 && !s.top[0].IsDir() {
		return s.top[0].Name()
	}
	return ""
}

// executable tells a program that the kernel can start: ELF, or a script with #!.
func (s *source) executable(name string) (program, script bool) {
	text := s.read(name)
	return strings.HasPrefix(text, "\x7fELF"), strings.HasPrefix(text, "#!")
}
