// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

// How a build's disk use is watched. Counting 60,000 files takes about 100 ms, so the
// pause grows with what counting costs.
const (
	watchPause     = time.Second
	watchShare     = 20      // the pause is at least so many times the counting
	watchFilesMax  = 500_000 // a build with more is stopped, too
	cacheBytesMax  = 4 << 30 // of one project; past it the cache starts anew
	cacheFilesMax  = 400_000
	cacheRoundings = 4 << 10 // a file takes whole blocks
)

// watch ends the box when ctx ends or when what it writes passes the limit. What it
// gives tells, once the box is done, whether the limit was why.
func (j *job) watch(ctx context.Context, box sandbox.Box, cache string) <-chan bool {
	result := make(chan bool, 1)
	go func() {
		defer close(result)
		timer := time.NewTimer(watchPause)
		defer timer.Stop()
		for {
			select {
			case <-box.Done():
				result <- false
				return
			case <-ctx.Done():
				box.Kill()
				<-box.Done()
				result <- false
				return
			case <-timer.C:
			}
			start := time.Now()
			if used, files := diskUse(j.code, cache); used > j.cfg.DiskBytes || files > watchFilesMax {
				box.Kill()
				<-box.Done()
				result <- true
				return
			}
			timer.Reset(max(watchPause, watchShare*time.Since(start)))
		}
	}()
	return result
}

// diskUse counts what is below folders, links not followed.
func diskUse(folders ...string) (bytes int64, files int) {
	for _, folder := range folders {
		_ = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
			if err != nil {
				return nil // it vanished while we count
			}
			if files++; files > watchFilesMax {
				return fs.SkipAll
			}
			if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
				bytes += (info.Size() + cacheRoundings - 1) / cacheRoundings * cacheRoundings
			}
			return nil
		})
	}
	return bytes, files
}

// projectCache gives the folder that package managers and compilers cache in. It
// belongs to the project: what one tenant's build writes never reaches another's.
func (j *job) projectCache() (string, error) {
	name := string(j.request.Function.Project) + "-" + string(j.plan.Language)
	folder := filepath.Join(j.cfg.Dir, "cache", name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("make cache of project: %w", err)
	}
	return folder, nil
}

// trimEvery is how often a project's cache is measured, which reads its folders.
const trimEvery = time.Hour

// useCache marks the project's cache as in use until the function it gives is called.
// If nobody else uses it, one that grew too large is emptied first.
func (j *job) useCache() (done func(), err error) {
	folder, err := j.projectCache()
	if err != nil {
		return nil, err
	}
	j.mu.Lock()
	isFree := j.users[folder] == 0
	isDue := time.Since(j.trimmed[folder]) > trimEvery
	j.users[folder]++
	if isFree && isDue {
		j.trimmed[folder] = time.Now()
	}
	j.mu.Unlock()
	if isFree && isDue {
		j.trim(folder)
	}
	return func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		if j.users[folder]--; j.users[folder] == 0 {
			delete(j.users, folder)
		}
	}, nil
}

// trim empties a cache that grew too large. Another build of the project may start
// meanwhile: package managers take what they do not find as not cached.
func (j *job) trim(folder string) {
	used, files := diskUse(folder)
	if used < min(cacheBytesMax, j.cfg.DiskBytes/2) && files < cacheFilesMax {
		return
	}
	entries, err := os.ReadDir(folder)
	for _, entry := range entries {
		if err == nil {
			err = os.RemoveAll(filepath.Join(folder, entry.Name()))
		}
	}
	if err != nil {
		j.log.Warn("cache of a project was not emptied", "folder", folder, "error", err)
	}
}
