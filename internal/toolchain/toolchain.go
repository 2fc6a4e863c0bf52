// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// NativeName is the runtime of functions that bring their own executable.
const NativeName dayfly.RuntimeName = "native"

// WasmName is the runtime of WASI modules, which is part of the platform.
const WasmName dayfly.RuntimeName = "wasm"

// Runtime is one installed language toolchain.
type Runtime struct {
	Name     dayfly.RuntimeName `json:"name"` // "python3.11", "node20", "go1.26"
	Language Language           `json:"language"`
	Version  string             `json:"version"` // "3.11.2"
	// Path is the real executable, links resolved; empty for native.
	Path string `json:"path,omitempty"`
	// Prefixes are the host paths that a sandbox must see beside /usr, at the
	// same place: what belongs to the runtime, and nothing more.
	Prefixes []string `json:"prefixes,omitempty"`
	Source   string   `json:"source"` // who installed it: "distribution", "pyenv"
	// Default marks the one that is taken when a version is not given.
	Default bool `json:"default"`
}

// Bin gives the folder of the runtime's programs; empty for native.
func (r Runtime) Bin() string {
	if r.Path == "" {
		return ""
	}
	return filepath.Dir(r.Path)
}

// Config says where to look.
type Config struct {
	// Homes are the home folders whose version managers are searched.
	Homes []string
	// Path is a list of folders as in $PATH, searched last.
	Path string
	// CacheFile keeps what was found for the next start; empty keeps nothing.
	CacheFile string
	// ProbeTimeout bounds how long one program may take to tell its version;
	// default 5 s, for a cold disk.
	ProbeTimeout time.Duration
	// Root is put before every absolute place that is searched; empty is "/".
	Root string
}

// Times between searches.
const (
	refreshEvery = 5 * time.Minute // finds what was installed meanwhile; costs a few ms
	refreshAfter = 3 * time.Second // for a name that is not known
	probeTimeout = 5 * time.Second
)

// Set is the runtimes of this host. Its methods may be called from any goroutine.
type Set struct {
	cfg Config
	log *slog.Logger

	searching sync.Mutex // held while searching; taken before mu
	mu        sync.Mutex // guards found, searched
	found     []Runtime
	searched  time.Time
}

// New makes a Set. It looks for nothing yet.
func New(cfg Config, log *slog.Logger) *Set {
	if cfg.ProbeTimeout <= 0 {
		cfg.ProbeTimeout = probeTimeout
	}
	return &Set{cfg: cfg, log: log}
}

// Run searches at once and then from time to time, until ctx ends.
func (s *Set) Run(ctx context.Context) error {
	ticker := time.NewTicker(refreshEvery)
	defer ticker.Stop()
	for {
		s.search(ctx, 0)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// List gives the runtimes, ordered by language and then the newest first, native last.
// The first call waits for the first search.
func (s *Set) List(ctx context.Context) ([]Runtime, error) {
	s.mu.Lock()
	first := s.searched.IsZero()
	s.mu.Unlock()
	if first {
		s.search(ctx, refreshEvery)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.searched.IsZero() {
		return nil, dayfly.Errorf(dayfly.KindCanceled, "look for runtimes: %w", ctx.Err())
	}
	return slices.Clone(s.found), nil
}

// Find gives the runtime that wanted means: its own name, a language ("python", whose
// default is given), a version or the start of one ("3.11", "node20.1"), or a name of
// AWS Lambda's ("nodejs20.x", "provided.al2023").
func (s *Set) Find(ctx context.Context, wanted dayfly.RuntimeName) (Runtime, error) {
	name := string(wanted)
	list, err := s.List(ctx)
	if err != nil {
		return Runtime{}, err
	}
	if found, ok := match(list, name); ok {
		return found, nil
	}
	s.search(ctx, refreshAfter) // it may have been installed just now
	if list, err = s.List(ctx); err != nil {
		return Runtime{}, err
	}
	if found, ok := match(list, name); ok {
		return found, nil
	}
	return Runtime{}, unknownRuntime(list, name)
}

// search looks anew unless the last search is younger than age.
func (s *Set) search(ctx context.Context, age time.Duration) {
	s.searching.Lock()
	defer s.searching.Unlock()
	s.mu.Lock()
	last := s.searched
	s.mu.Unlock()
	if !last.IsZero() && age > 0 && time.Since(last) < age {
		return
	}
	start := time.Now()
	executables := s.cfg.executables()
	cache := readCache(s.cfg.CacheFile)
	probed := s.probeAll(ctx, executables, cache)
	if ctx.Err() != nil {
		return // half a search would forget runtimes
	}
	found := name(known(executables, cache))
	if probed > 0 {
		if err := cache.write(s.cfg.CacheFile); err != nil {
			s.log.Warn("runtimes were not kept for the next start", "error", err)
		}
	}
	s.mu.Lock()
	changed := !slices.EqualFunc(s.found, found, sameRuntime)
	s.found, s.searched = found, time.Now()
	s.mu.Unlock()
	if changed {
		s.log.Info("runtimes found", "runtimes", strings.Join(names(found), " "),
			"probed", probed, "took", time.Since(start))
	}
}

func sameRuntime(a, b Runtime) bool {
	return a.Name == b.Name && a.Path == b.Path && a.Version == b.Version
}

func names(list []Runtime) []string {
	words := make([]string, len(list))
	for i, runtime := range list {
		words[i] = string(runtime.Name)
	}
	return words
}

func unknownRuntime(list []Runtime, name string) error {
	language, version := ParseName(name)
	known, ok := describe(language)
	text := fmt.Sprintf("runtime %.60q is not on this machine", name)
	if ok {
		list = slices.DeleteFunc(slices.Clone(list), func(r Runtime) bool { return r.Language != language })
	}
	if len(list) > 0 {
		text += "; there is " + strings.Join(names(list), ", ")
	}
	err := dayfly.Errorf(dayfly.KindNotFound, "%s", text)
	if !ok {
		return err.WithHint("runtimes are %s, with or without a version", strings.Join(Words(), ", "))
	}
	install := known.install
	if version == "" {
		version = "VERSION"
	}
	install = strings.ReplaceAll(install, "%s", version)
	return err.WithHint("%s", fmt.Sprintf("install it with %s; it is found at the next call", install))
}

// Words gives the languages as users may name them.
func Words() []string {
	list := []string{string(Native), string(Wasm)}
	for _, l := range languages() {
		list = append(list, string(l.name))
	}
	slices.Sort(list)
	return list
}
