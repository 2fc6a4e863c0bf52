// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// Bounds of probing.
const (
	probesAtOnce  = 2       // interpreters are heavy to start, and nobody waits for them
	answerMax     = 4 << 10 // an answer is about 100 bytes
	cacheBytesMax = 4 << 20
	cacheFormat   = 1
)

// answer is what a program says of itself.
type answer struct {
	Version string `json:"version"`
	Prefix  string `json:"prefix"`
}

// probeAll asks every program that the cache does not know and gives how many.
func (s *Set) probeAll(ctx context.Context, list []executable, cache *cache) int {
	unknown := slices.DeleteFunc(slices.Clone(list), func(program executable) bool {
		_, known := cache.get(program)
		return known
	})
	var group errgroup.Group
	group.SetLimit(probesAtOnce)
	var mu sync.Mutex // guards cache
	for _, program := range unknown {
		group.Go(func() error {
			got, err := probe(ctx, program, s.cfg.ProbeTimeout)
			if err != nil {
				s.log.Debug("program is no runtime", "path", program.path, "error", err)
			}
			mu.Lock()
			defer mu.Unlock()
			cache.put(program, got, err)
			return nil
		})
	}
	_ = group.Wait() // no error is given
	return len(unknown)
}

func probe(ctx context.Context, program executable, limit time.Duration) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	known, _ := describe(program.language)
	cmd := exec.CommandContext(ctx, program.path, known.question...)
	cmd.Env = append([]string{"PATH=/usr/bin:/bin", "HOME=/dev/null", "LC_ALL=C.UTF-8"}, known.env...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return answer{}, fmt.Errorf("open pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return answer{}, fmt.Errorf("start %s: %w", program.path, err)
	}
	text, readErr := io.ReadAll(io.LimitReader(out, answerMax))
	if err := cmd.Wait(); err != nil || readErr != nil {
		return answer{}, fmt.Errorf("ask %s: %w", program.path, errors.Join(err, readErr, ctx.Err()))
	}
	return parseAnswer(program, text)
}

func parseAnswer(program executable, text []byte) (answer, error) {
	known, _ := describe(program.language)
	got, err := known.read(program.path, text)
	if err != nil {
		return answer{}, fmt.Errorf("read answer of %s: %w", program.path, err)
	}
	if len(versionParts(got.Version)) < 2 || !filepath.IsAbs(got.Prefix) {
		return answer{}, fmt.Errorf("%s answers version %.20q, prefix %.80q",
			program.path, got.Version, got.Prefix)
	}
	return got, nil
}

// cache holds the answers of programs by their paths.
type cache struct {
	Format  int               `json:"format"`
	Entries map[string]cached `json:"entries"`
}

// cached is an answer and what the program was like then. An error is kept, too: a
// broken program is not started again until it changes.
type cached struct {
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"`
	Answer   answer `json:"answer"`
	Error    string `json:"error,omitempty"`
}

func readCache(file string) *cache {
	empty := &cache{Format: cacheFormat, Entries: map[string]cached{}}
	if file == "" {
		return empty
	}
	info, err := os.Stat(file)
	if err != nil || info.Size() > cacheBytesMax {
		return empty
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return empty
	}
	var read cache
	err = json.Unmarshal(text, &read)
	if err != nil || read.Format != cacheFormat || read.Entries == nil {
		return empty // of another version, or cut short: it is only a cache
	}
	return &read
}

func (c *cache) get(program executable) (answer, bool) {
	entry, ok := c.Entries[program.path]
	if !ok || entry.Size != program.size || entry.Modified != program.modified {
		return answer{}, false
	}
	return entry.Answer, true
}

func (c *cache) put(program executable, got answer, err error) {
	entry := cached{Size: program.size, Modified: program.modified, Answer: got}
	if err != nil {
		entry.Error = err.Error()
	}
	c.Entries[program.path] = entry
}

func (c *cache) write(file string) error {
	if file == "" {
		return nil
	}
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode cache: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("make folder of cache: %w", err)
	}
	temp := file + ".new"
	if err := os.WriteFile(temp, text, 0o600); err != nil {
		return fmt.Errorf("write cache: %w", err)
	}
	if err := os.Rename(temp, file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("publish cache: %w", err)
	}
	return nil
}
