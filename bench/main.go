// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"time"
)

// options are the flags, and what follows from them.
type options struct {
	quick  bool
	json   bool
	only   *regexp.Regexp
	out    string
	binary string
}

// effort is how much is measured.
type effort struct {
	colds      int           // cold starts of each kind
	processes  int           // starts of each bare process
	rounds     int           // of the warm load, the best counts
	load       time.Duration // of one round at one number of connections
	bursts     int
	overload   time.Duration
	instances  int // alive at once, to weigh one
	sources    int // deploys of new code
	starts     int // of the platform
	peerStarts int // of each peer
}

var (
	full = effort{colds: 300, processes: 40, rounds: 3, load: 3 * time.Second, bursts: 5,
		overload: 8 * time.Second, instances: 40, sources: 7, starts: 10, peerStarts: 5}
	quick = effort{colds: 50, processes: 10, rounds: 1, load: time.Second, bursts: 2,
		overload: 3 * time.Second, instances: 10, sources: 2, starts: 3, peerStarts: 2}
)

// bench is one run.
type bench struct {
	options
	effort
	platform *platform
	report   *report
}

// scenarios in the order in which they run: what wants a quiet machine comes first.
var scenarios = []struct {
	name string
	run  func(*bench, context.Context) error
}{
	{"start", (*bench).start},
	{"floors", (*bench).floorStarts},
	{"cold", (*bench).cold},
	{"languages", (*bench).languages},
	{"memory", (*bench).memory},
	{"source", (*bench).source},
	{"burst", (*bench).burst},
	{"first", (*bench).first},
	{"objects", (*bench).objects},
	{"events", (*bench).events},
	{"site", (*bench).site},
	{"routes", (*bench).routes},
	{"warm", (*bench).warm},
	{"overload", (*bench).overloads},
	{"fairness", (*bench).fairness},
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == fileServerArg {
		fmt.Fprintln(os.Stderr, "bench:", fileServer(os.Args[2], os.Args[3]))
		os.Exit(1)
	}
	var opts options
	only := flag.String("only", "", "run the scenarios that match: start, floors, cold, languages, memory, "+
		"source, burst, first, objects, events, site, routes, warm, overload, fairness, and the peers in floors and warm")
	flag.BoolVar(&opts.quick, "quick", false, "measure less: a minute, good for a look")
	flag.BoolVar(&opts.json, "json", false, "print JSON in place of the table")
	flag.StringVar(&opts.out, "out", "bench/results", "folder for results.json and picture.svg")
	flag.StringVar(&opts.binary, "binary", "", "the dayfly to measure; built when not given")
	flag.Parse()
	var err error
	if opts.only, err = regexp.Compile(*only); err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		err = run(ctx, opts)
		stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures what opts choose and writes the results.
func run(ctx context.Context, opts options) error {
	b := &bench{options: opts, effort: full, report: newReport(opts.quick)}
	if opts.quick {
		b.effort = quick
	}
	if err := os.MkdirAll(opts.out, 0o755); err != nil {
		return err
	}
	if err := b.build(ctx); err != nil {
		return err
	}
	p, err := startPlatform(ctx, b.binary)
	if err != nil {
		return err
	}
	b.platform = p
	defer p.stop()
	var errs []error
	for _, s := range scenarios {
		if !opts.only.MatchString(s.name) || ctx.Err() != nil {
			continue
		}
		say("%s", s.name)
		if err := s.run(b, ctx); err != nil {
			say("%s FAILED: %v", s.name, err)
			b.report.skip(s.name, err)
			errs = append(errs, fmt.Errorf("%s: %w; the platform's log is in %s", s.name, err, p.keepLog(opts.out)))
		}
	}
	return errors.Join(append(errs, b.report.write(opts))...)
}

// build makes the binaries: the platform's, unless one was given, and the bare Go
// server's.
func (b *bench) build(ctx context.Context) error {
	if b.binary == "" {
		b.binary = filepath.Join(b.out, "dayfly")
		if err := goBuild(ctx, ".", b.binary, "./cmd/dayfly"); err != nil {
			return err
		}
	}
	var err error
	if b.binary, err = filepath.Abs(b.binary); err != nil {
		return err
	}
	out, err := filepath.Abs(filepath.Join(b.out, "bare"))
	if err != nil {
		return err
	}
	return goBuild(ctx, filepath.Join(testdata, "go"), out, ".")
}

// goBuild compiles as a release is compiled.
func goBuild(ctx context.Context, dir, out, what string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, what)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", what, err, text)
	}
	return nil
}

// testdata holds the handlers that are measured.
const testdata = "bench/testdata"

// say tells on standard error what goes on.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }

// percentile gives the value below which the share p of values lies; values are
// sorted by it.
func percentile(values []time.Duration, p float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[min(int(p*float64(len(values))), len(values)-1)]
}
