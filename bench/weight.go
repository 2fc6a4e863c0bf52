// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly/bench/caller"
	"github.com/dayfly-faas/dayfly/client"
)

const (
	// idlePromise bounds the platform's own resident memory at rest.
	idlePromise = 80 << 20
	// sourcePromise bounds the way from one file of source to its first answer.
	sourcePromise = time.Second
	// settle is how long the platform rests before it is weighed.
	settle = 2 * time.Second
)

// memory weighs the platform at rest, and one idle instance of each language: the
// proportional set size (PSS) of its processes, so that shared pages count once.
func (b *bench) memory(ctx context.Context) error {
	fresh, err := startPlatform(ctx, b.binary)
	if err != nil {
		return err
	}
	time.Sleep(settle)
	rss, err := procNumber(fresh.cmd.Process.Pid, "status", "VmRSS")
	fresh.stop()
	if err != nil {
		return err
	}
	b.report.weight("platform at rest, resident", rss).promiseBytes(idlePromise)
	for _, l := range languages {
		if err := b.weigh(ctx, l.name, l.folder); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) weigh(ctx context.Context, language, folder string) error {
	name := "weigh-" + folder
	url, err := b.platform.deploy(ctx, folder, name, client.Settings{})
	if err != nil {
		return err
	}
	if err := b.platform.evict(ctx, name); err != nil {
		return err
	}
	time.Sleep(settle)
	before := descendants(b.platform.cmd.Process.Pid)
	var callers sync.WaitGroup
	errs := make([]error, b.instances)
	for i := range errs {
		callers.Go(func() { _, _, errs[i] = once(url + "?sleep=500") })
	}
	callers.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	seen, err := b.platform.client.Inspect(ctx, ref(name))
	if err != nil {
		return err
	}
	if len(seen.Instances) == 0 {
		return fmt.Errorf("%s has no instance to weigh", name)
	}
	time.Sleep(settle)
	after := descendants(b.platform.cmd.Process.Pid)
	sum := func(pids map[int]bool) (bytes int64) {
		for pid := range pids {
			pss, err := procNumber(pid, "smaps_rollup", "Pss")
			if err == nil { // a process may end meanwhile
				bytes += pss
			}
		}
		return bytes
	}
	each := (sum(after) - sum(before)) / int64(len(seen.Instances))
	b.report.weight("idle instance, "+language, each).Note =
		fmt.Sprintf("proportional set size, mean of %d", len(seen.Instances))
	return b.platform.client.Remove(ctx, ref(name))
}

// descendants gives every process below pid.
func descendants(pid int) map[int]bool {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		id, rest, ok := strings.Cut(string(text), " ")
		end := strings.LastIndexByte(rest, ')')
		if !ok || end < 0 {
			continue
		}
		fields := strings.Fields(rest[end+1:])
		child, _ := strconv.Atoi(id)
		parent, _ := strconv.Atoi(fields[1])
		children[parent] = append(children[parent], child)
	}
	found := map[int]bool{}
	for queue := children[pid]; len(queue) > 0; queue = queue[1:] {
		found[queue[0]] = true
		queue = append(queue, children[queue[0]]...)
	}
	return found
}

// procNumber reads a size, in bytes, of a file in /proc.
func procNumber(pid int, file, key string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			kilobytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("%s of process %d lacks %s", file, pid, key)
}

// source measures the way from new source to its first answer: dayfly deploy on a
// file nobody has seen, as a user types it, and a call.
func (b *bench) source(ctx context.Context) error {
	for language, file := range map[string]string{"Python": "python/app.py", "Node.js": "node/index.js"} {
		text, err := os.ReadFile(filepath.Join(testdata, file))
		if err != nil {
			return err
		}
		comment := map[string]string{"Python": "#", "Node.js": "//"}[language]
		dir, err := os.MkdirTemp("", "dayfly-source-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, filepath.Base(file))
		var times []time.Duration
		for i := range b.sources {
			fresh := fmt.Appendf(text, "%s %d %d\n", comment, i, time.Now().UnixNano())
			if err := os.WriteFile(path, fresh, 0o644); err != nil {
				return err
			}
			took, err := b.deployAndCall(ctx, path, "source-"+filepath.Dir(file), "")
			if err != nil {
				return err
			}
			times = append(times, took)
		}
		b.report.spread("source", groupDayfly, language+", one file: dayfly deploy and the first answer", times).
			promise("p50", sourcePromise)
	}
	return nil
}

// deployAndCall deploys what is at path and makes the first call; query is the call's.
func (b *bench) deployAndCall(ctx context.Context, path, name, query string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, b.binary, "deploy", path, "--function", name)
	cmd.Env = append(os.Environ(), "DAYFLY_DATA="+b.platform.data())
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("dayfly deploy %s: %w\n%s", path, err, out)
	}
	_, _, err := once(b.platform.gateway + "/function/" + name + query + "#" + caller.AnyBody)
	return time.Since(began), err
}
