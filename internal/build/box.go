// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/recipe"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

// Bounds of what a step may print.
const (
	lineBytesMax = 4 << 10 // longer lines are cut
	linesMax     = 20_000  // of one step; the rest is thrown away, and said so
	lastLines    = 8       // that an error keeps
)

// run runs one step in a box and waits for its end.
func (j *job) run(ctx context.Context, s recipe.Step) error {
	j.say(s.Stage, "%s", s.Name)
	start := time.Now()
	cache, err := j.projectCache()
	if err != nil {
		return err
	}
	network, release, err := j.acquire(ctx, s)
	if err != nil {
		return err
	}
	defer release()
	out := newOutput(j.progress, s.Stage)
	box, err := j.start(ctx, s, cache, network, out)
	if err != nil {
		out.wait()
		return fmt.Errorf("start %s: %w", s.Name, err)
	}
	full := j.watch(ctx, box, cache)
	<-box.Done()
	out.wait()
	overflow := <-full
	j.log.Debug("build step ended", "function", j.request.Function, "step", s.Name,
		"took", time.Since(start), "exit", box.Exit().Code)
	return j.judge(ctx, s, box.Exit(), verdict{overflow: overflow, last: out.last()})
}

// uplink is a step's way to the network.
type uplink struct {
	namespace *os.File
	resolver  string
}

func (j *job) acquire(ctx context.Context, s recipe.Step) (uplink, func(), error) {
	if !s.Online || j.network == nil {
		return uplink{}, func() {}, nil
	}
	namespace, resolver, release, err := j.network.Acquire(ctx)
	if err != nil {
		return uplink{}, nil, fmt.Errorf("get a network for %s: %w", s.Name, err)
	}
	return uplink{namespace, resolver}, release, nil
}

func (j *job) start(
	ctx context.Context, s recipe.Step, cache string, network uplink, out *output,
) (sandbox.Box, error) {
	stdout, err := out.pipe(dayfly.StreamStdout)
	if err != nil {
		return nil, err
	}
	defer stdout.Close()
	stderr, err := out.pipe(dayfly.StreamStderr)
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	return j.driver.Start(ctx, sandbox.Spec{
		ID:     dayfly.InstanceID("build-" + strings.TrimPrefix(filepath.Base(j.place), workPrefix)),
		Mounts: j.mounts(s, cache), Argv: s.Argv, Env: j.environment(s), Dir: recipe.TaskDir,
		Limits: j.cfg.Limits, Network: network.namespace, Resolver: network.resolver,
		Stdout: stdout, Stderr: stderr,
	})
}

// verdict is what is known of a step beside its exit.
type verdict struct {
	overflow bool // it wrote too much
	last     string
}

// judge turns the end of a step into an error a user understands.
func (j *job) judge(ctx context.Context, s recipe.Step, exit sandbox.Exit, v verdict) error {
	switch {
	case v.overflow:
		return dayfly.Errorf(dayfly.KindInvalid, "%s wrote more than %s to disk and was stopped",
			s.Name, approximate(j.cfg.DiskBytes))
	case ctx.Err() != nil:
		return canceled(ctx)
	case exit.OOM:
		return dayfly.Errorf(dayfly.KindInvalid, "%s needed more memory than %s and was stopped",
			s.Name, approximate(j.cfg.Limits.MemoryBytes))
	case exit.Code == 0 && exit.Signal == "" || s.MayFail && exit.Signal == "":
		return nil
	}
	how := fmt.Sprintf("ended with status %d", exit.Code)
	if exit.Signal != "" {
		how = "was ended by a signal: " + exit.Signal
	}
	text := s.Name + " " + how
	if v.last != "" {
		text += ":\n" + v.last
	}
	return dayfly.Errorf(dayfly.KindInvalid, "%s", text)
}

func canceled(ctx context.Context) error {
	var known *dayfly.Error
	if cause := context.Cause(ctx); errors.As(cause, &known) {
		return known
	}
	return dayfly.Errorf(dayfly.KindCanceled, "the build was canceled: %w", ctx.Err())
}

// output reads what a step prints, line by line, and keeps its last words.
type output struct {
	progress func(Event)
	stage    string
	readers  sync.WaitGroup

	mu    sync.Mutex // guards lines, tail
	lines int
	tail  []string
}

func newOutput(progress func(Event), stage string) *output {
	return &output{progress: progress, stage: stage}
}

// pipe gives the write end of a new pipe and reads the other until all writers ended.
func (o *output) pipe(stream dayfly.LogStream) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("open pipe: %w", err)
	}
	o.readers.Go(func() {
		defer r.Close()
		o.read(r, stream)
	})
	return w, nil
}

func (o *output) read(r io.Reader, stream dayfly.LogStream) {
	lines := bufio.NewReaderSize(r, lineBytesMax)
	for {
		line, isPart, err := lines.ReadLine()
		if err != nil {
			return
		}
		text := strings.ToValidUTF8(string(line), "�")
		for isPart && err == nil {
			_, isPart, err = lines.ReadLine()
		}
		if at := strings.LastIndexByte(strings.TrimRight(text, "\r"), '\r'); at >= 0 {
			text = text[at+1:] // a progress bar that paints over itself
		}
		o.line(strings.TrimRight(text, "\r"), stream)
	}
}

func (o *output) line(text string, stream dayfly.LogStream) {
	o.mu.Lock()
	o.lines++
	n := o.lines
	if strings.TrimSpace(text) != "" {
		o.tail = append(o.tail, text)
		o.tail = o.tail[max(0, len(o.tail)-lastLines):]
	}
	o.mu.Unlock()
	switch {
	case n < linesMax:
		o.progress(Event{Stage: o.stage, Text: text, Stream: stream})
	case n == linesMax:
		o.progress(Event{
			Stage: o.stage, Text: fmt.Sprintf("more than %d lines: the rest is not shown", linesMax),
			Stream: dayfly.StreamPlatform,
		})
	}
}

func (o *output) wait() { o.readers.Wait() }

func (o *output) last() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.tail, "\n")
}
