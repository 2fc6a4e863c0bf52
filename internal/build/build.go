// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/grep"
	"github.com/dayfly-faas/dayfly/internal/build/nuget"
	"github.com/dayfly-faas/dayfly/internal/build/recipe"
	"github.com/dayfly-faas/dayfly/internal/bundle"
	"github.com/dayfly-faas/dayfly/internal/manifest"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// Config bounds builds and says where they work.
type Config struct {
	// Dir is a private folder for work, caches and remembered results.
	Dir string
	// Binary is the path of the dayfly executable, for steps of ours in a sandbox.
	Binary string
	// Env is passed on to every step, as KEY=value: proxies and package indexes.
	Env []string
	// Timeout bounds one build, 1 s … 2 h; default 10 min.
	Timeout time.Duration
	// MaxParallel is how many builds use a sandbox at once; others wait. Default 1:
	// compilers and package managers use every processor by themselves.
	MaxParallel int
	// Limits bound each step; default 2 GiB of memory with /tmp, two processors,
	// 512 processes, 4096 files, 1 GiB of /tmp.
	Limits dayfly.Limits
	// DiskBytes bounds what one build may write, its project's cache included;
	// default 6 GiB.
	DiskBytes int64
}

func (c Config) filled() Config {
	fill := func(field *int64, value int64) {
		if *field <= 0 {
			*field = value
		}
	}
	fill(&c.Limits.MemoryBytes, 2<<30)
	fill(&c.Limits.CPUMilli, 2000)
	fill(&c.Limits.Pids, 512)
	fill(&c.Limits.Files, 4096)
	fill(&c.Limits.TmpBytes, 1<<30)
	fill(&c.DiskBytes, 6<<30)
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Minute
	}
	if c.MaxParallel <= 0 {
		c.MaxParallel = 1
	}
	return c
}

// Network gives a step its way to the internet: an open network namespace, which the
// sandbox takes over, and the address of its name server. The release is called once
// the sandbox has ended.
type Network interface {
	Acquire(ctx context.Context) (ns *os.File, resolver string, release func(), err error)
}

// Builder builds sources. Its methods may be called from any goroutine.
type Builder struct {
	cfg      Config
	log      *slog.Logger
	driver   sandbox.Driver
	network  Network
	runtimes *toolchain.Set
	bundles  *bundle.Store

	slots    chan struct{}
	prepared sync.Once
	failure  error // of preparing

	mu      sync.Mutex // guards users, trimmed
	users   map[string]int
	trimmed map[string]time.Time
}

// New makes a Builder; it touches nothing yet. Without a network steps have none.
func New(
	cfg Config, log *slog.Logger, driver sandbox.Driver, network Network,
	runtimes *toolchain.Set, bundles *bundle.Store,
) *Builder {
	cfg = cfg.filled()
	return &Builder{
		cfg: cfg, log: log, driver: driver, network: network, runtimes: runtimes,
		bundles: bundles, slots: make(chan struct{}, cfg.MaxParallel),
		users: map[string]int{}, trimmed: map[string]time.Time{},
	}
}

// Request is what to build.
type Request struct {
	Function dayfly.FunctionRef
	Source   dayfly.Digest // of a bundle that the store has
	Settings manifest.Function
}

// Stages of a build, in their order.
const (
	StageDetect  = recipe.StageDetect
	StageInstall = recipe.StageInstall
	StageCompile = recipe.StageCompile
	StagePack    = recipe.StagePack
)

// Event is one thing that happened during a build.
type Event struct {
	Stage string
	Text  string
	// Stream is where a step printed the text; platform for words of ours.
	Stream dayfly.LogStream
}

// Built is the result of a build.
type Built struct {
	Spec   dayfly.Spec   // complete and valid
	Bundle dayfly.Digest // kept by the store
	// Found says what was found, one line each: "python3.11 · handler (lambda) ·
	// app.handler", then what a user may not expect.
	Found []string
	// Cached tells that nothing had to be done.
	Cached bool
}

// Build makes a bundle and a Spec of a source. progress may be nil; it is called from
// one goroutine at a time, and not after Build has returned.
func (b *Builder) Build(
	ctx context.Context, req Request, progress func(Event),
) (Built, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, b.cfg.Timeout, errTimeout(b.cfg.Timeout))
	defer cancel()
	if err := b.prepare(); err != nil {
		return Built{}, err
	}
	// 1 look at the source
	j := &job{Builder: b, request: req, progress: serial(progress)}
	defer j.close()
	if err := j.open(ctx); err != nil {
		return Built{}, err
	}
	// 2 decide what it is
	built, err := j.decide(ctx)
	if err != nil {
		return Built{}, err
	}
	// 3 make the bundle, unless it is the source or was made before
	return j.finish(ctx, built)
}

func errTimeout(limit time.Duration) error {
	return dayfly.Errorf(dayfly.KindTimeout, "the build took longer than %s", limit)
}

// serial lets callers from several goroutines take turns.
func serial(progress func(Event)) func(Event) {
	if progress == nil {
		return func(Event) {}
	}
	var mu sync.Mutex
	return func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		progress(e)
	}
}

// prepare makes the folders and removes what a crash left, once.
func (b *Builder) prepare() error {
	b.prepared.Do(func() {
		for _, name := range []string{"cache", "results"} {
			if err := os.MkdirAll(filepath.Join(b.cfg.Dir, name), 0o700); err != nil {
				b.failure = fmt.Errorf("make folder for builds: %w", err)
				return
			}
		}
		left, _ := filepath.Glob(filepath.Join(b.cfg.Dir, workPrefix+"*")) // the pattern is good
		for _, folder := range left {
			if err := os.RemoveAll(folder); err != nil {
				b.log.Warn("work of an earlier build was not removed", "folder", folder, "error", err)
			}
		}
	})
	return b.failure
}

// decide detects, chooses the runtime and completes the Spec.
func (j *job) decide(ctx context.Context) (Built, error) {
	if err := j.detect(); err != nil {
		return Built{}, err
	}
	plan := j.plan
	if err := j.chooseRuntime(ctx); err != nil {
		return Built{}, err
	}
	recipe.Settle(j.order())
	spec := dayfly.DefaultSpecOf(plan.Contract, plan.Dialect)
	if plan.Language == toolchain.Java {
		javaDefaults(&spec)
	}
	if plan.Payload != "" {
		spec.Payload = plan.Payload
	}
	if plan.Concurrency > 0 {
		spec.Scaling.Concurrency = plan.Concurrency
	}
	spec.Triggers = plan.Triggers
	// What was detected has these settings in it already, checked and completed.
	settings := j.request.Settings
	settings.Runtime, settings.Contract, settings.Dialect = "", "", ""
	settings.Entry, settings.Command = "", nil
	if err := settings.Apply(&spec); err != nil {
		return Built{}, err
	}
	if spec.Payload != "" && dayfly.DefaultSpecOf(plan.Contract, plan.Dialect).Payload == "" {
		plan.Notices = append(plan.Notices, fmt.Sprintf(
			"payload %s changes nothing: it is for handlers of Lambda events", spec.Payload))
		spec.Payload = ""
	}
	for name, value := range plan.Env {
		if _, isSet := spec.Env[name]; !isSet {
			spec.Env = withVariable(spec.Env, name, value)
		}
	}
	spec.Runtime = j.runtime.Name
	if j.runtime.Language.IsCompiler() {
		spec.Runtime = toolchain.NativeName // the compiler is not needed any more
	}
	spec.Contract, spec.Dialect = plan.Contract, plan.Dialect
	if plan.Language == toolchain.Java {
		plan.Command = withHeap(plan.Command, spec.Limits.MemoryBytes)
	}
	spec.Entry, spec.Command = plan.Entry, j.withInterpreter(plan.Command)
	spec.Command = recipe.WithWorkers(spec.Command, spec.Scaling.Concurrency)
	if err := spec.Validate(); err != nil {
		return Built{}, err
	}
	found := append([]string{string(j.runtime.Name) + " · " + plan.Describe()}, plan.Notices...)
	for _, line := range found {
		j.say(StageDetect, "%s", line)
	}
	return Built{Spec: spec, Found: found}, nil
}

// withVariable adds to a map that others may hold too.
func withVariable(env map[string]string, name, value string) map[string]string {
	env = maps.Clone(env)
	if env == nil {
		env = map[string]string{}
	}
	env[name] = value
	return env
}

// chooseRuntime finds the runtime that the settings name, else the source, else the
// default of the language. Only what the settings name must be there.
func (j *job) chooseRuntime(ctx context.Context) error {
	language, version := string(j.plan.Language), j.plan.Version
	var err error
	if named := j.request.Settings.Runtime; named != "" {
		j.runtime, err = j.runtimes.Find(ctx, dayfly.RuntimeName(named))
		return err
	}
	if version != "" {
		j.runtime, err = j.runtimes.Find(ctx, dayfly.RuntimeName(language+version))
		if err == nil {
			return nil
		}
		if newer, ok := recipe.NewerJava(ctx, j.order(), version); ok {
			j.runtime = newer
			return nil
		}
	}
	j.runtime, err = j.runtimes.Find(ctx, dayfly.RuntimeName(language))
	if err != nil {
		return j.fallBack(ctx, err)
	}
	if version != "" {
		j.plan.Notices = append(j.plan.Notices, fmt.Sprintf(
			"the source asks for %s %s, which is not on this machine", language, version))
	}
	return nil
}

// fallBack takes the other runtime that a plan may be for, or tells why there is none.
func (j *job) fallBack(ctx context.Context, missing error) error {
	other, why := nuget.Fallback(j.plan)
	if why != "" {
		told := dayfly.Errorf(dayfly.KindOf(missing), "%w; %s", missing, why)
		if known, ok := missing.(*dayfly.Error); ok {
			told.Hint = known.Hint
		}
		return told
	}
	if other == "" {
		return missing
	}
	found, err := j.runtimes.Find(ctx, dayfly.RuntimeName(other))
	if err != nil {
		return missing
	}
	j.runtime = found
	nuget.Switch(j.plan, other)
	return nil
}

var (
	interpreterName = grep.Of(`^(?:python3?|node|nodejs)$`)
	interpreterWord = grep.Of(`(^|\bexec |&& ?|; ?|\| ?)(?:python3?|nodejs?) `)
)

// withInterpreter names the interpreter in a command as the chosen runtime's program is
// called: hosts differ in whether there is a plain "python", and which one that is. Its
// folder is the first on the path of instances.
func (j *job) withInterpreter(words []string) []string {
	if len(words) == 0 || j.runtime.Path == "" || j.runtime.Language.IsCompiler() {
		return words
	}
	words = slices.Clone(words)
	program := filepath.Base(j.runtime.Path)
	ours := func(word string) bool {
		return strings.HasPrefix(word, string(j.runtime.Language))
	}
	switch {
	case interpreterName.MatchString(words[0]) && ours(words[0]):
		words[0] = program
	case words[0] == "/bin/sh" && len(words) == 3:
		words[2] = interpreterWord.ReplaceAllStringFunc(words[2], func(found string) string {
			at := interpreterWord.FindStringSubmatch(found)
			if !ours(strings.TrimPrefix(found, at[1])) {
				return found
			}
			return at[1] + program + " "
		})
	}
	return words
}

func (j *job) say(stage, format string, args ...any) {
	j.progress(Event{Stage: stage, Text: fmt.Sprintf(format, args...), Stream: dayfly.StreamPlatform})
}

// finish gives the bundle: the source itself, a remembered one, or a new one.
func (j *job) finish(ctx context.Context, built Built) (Built, error) {
	steps, err := j.steps(ctx)
	if err != nil {
		return Built{}, err
	}
	if len(steps) == 0 && len(j.plan.Extra) == 0 && j.unpacked == "" && j.below == "" {
		built.Bundle, built.Cached = j.request.Source, true
		return built, nil
	}
	key := j.resultKey(steps)
	if digest, ok := j.remembered(ctx, key); ok {
		j.say(StagePack, "nothing changed: bundle %.12s was built before", digest)
		built.Bundle, built.Cached = digest, true
		return built, nil
	}
	if err := j.work(ctx, steps); err != nil {
		return Built{}, err
	}
	digest, stats, err := j.bundles.PutFolder(ctx, j.code, j.resultOptions())
	if err != nil {
		return Built{}, fmt.Errorf("pack result of %s: %w", j.request.Function, err)
	}
	for _, dropped := range stats.Dropped {
		j.say(StagePack, "left out %s", dropped)
	}
	j.say(StagePack, "%d files, %s", stats.Files, approximate(stats.Bytes))
	j.remember(key, digest)
	built.Bundle = digest
	return built, nil
}

// approximate prints a size as a person reads it: "12.3 MiB".
func approximate(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	value, i := float64(n), 0
	for value >= 1024 && i < len(units)-1 {
		value, i = value/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d bytes", n)
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", value), ".0") + " " + units[i]
}
