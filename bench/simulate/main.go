// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/dayfly-faas/dayfly/internal/place"
	"github.com/dayfly-faas/dayfly/internal/scale"
	"github.com/dayfly-faas/dayfly/internal/simtest"
)

func main() {
	if err := simulate(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(1)
	}
}

// simulation is what its flags say.
type simulation struct {
	made                          simtest.Synthetic
	days                          int
	nodes                         int
	memory                        int64
	placement                     string
	hold                          time.Duration
	invocations, durations, usage string
	calls                         string
	out                           string
}

// simulate runs the policies over a trace and writes a table and a picture.
func simulate(args []string) error {
	var s simulation
	flags := flag.NewFlagSet("simulate", flag.ContinueOnError)
	flags.IntVar(&s.made.Functions, "functions", 10_000, "functions of the trace that is made up")
	flags.Uint64Var(&s.made.Seed, "seed", 1, "the same seed gives the same figures")
	flags.IntVar(&s.days, "days", 7, "length of the trace that is made up; the first day is for learning")
	flags.Float64Var(&s.made.Wave, "wave", 0, "how much rates swing over a day, from 0 to 1")
	flags.Float64Var(&s.made.Burst, "burst", 0, "calls that come at the same moment with each, on average")
	flags.IntVar(&s.nodes, "nodes", 100, "nodes")
	flags.Int64Var(&s.memory, "memory", 0, "GiB of a node for instances; 0 is without bound")
	flags.StringVar(&s.placement, "placement", "idle", "home, bounded, popular, idle or two, for the policies")
	flags.DurationVar(&s.hold, "hold", 0, "what 128 MiB may be idle for a cold start; 0 is Dayfly's default")
	flags.StringVar(&s.invocations, "azure2019", "", "invocations_per_function_md.anon.d*.csv, as a pattern")
	flags.StringVar(&s.durations, "durations", "", "function_durations_percentiles.anon.d*.csv, as a pattern")
	flags.StringVar(&s.usage, "app-memory", "", "app_memory_percentiles.anon.d*.csv, as a pattern")
	flags.StringVar(&s.calls, "azure2021", "", "the file of calls of the trace of 2021")
	flags.StringVar(&s.out, "out", "bench/results", "folder for simulation.txt and simulation.svg")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	method, ok := simtest.MethodOf(s.placement)
	if !ok || s.nodes < 1 || s.made.Functions < 1 || s.days < 1 || s.memory < 0 {
		return errors.New("a number or the placement is out of range; -h lists the flags")
	}
	trace, err := s.trace()
	if err != nil {
		return err
	}
	return s.run(trace, method)
}

// trace reads the trace that flags name, or makes one up.
func (s *simulation) trace() (*simtest.Trace, error) {
	switch {
	case s.invocations != "":
		var files [3][]io.Reader
		for i, pattern := range []string{s.invocations, s.durations, s.usage} {
			opened, err := openAll(pattern)
			if err != nil {
				return nil, err
			}
			defer closeAll(opened)
			files[i] = opened
		}
		return simtest.Azure2019{Invocations: files[0], Durations: files[1], Memory: files[2],
			Seed: s.made.Seed}.Read()
	case s.calls != "":
		file, err := os.Open(s.calls)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		return simtest.Azure2021(file)
	}
	s.made.Span = time.Duration(s.days) * 24 * time.Hour
	return simtest.Generate(s.made), nil
}

// openAll opens the files of a pattern, in order of their names.
func openAll(pattern string) ([]io.Reader, error) {
	if pattern == "" {
		return nil, nil
	}
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("find files of %s: %w", pattern, errors.Join(err, os.ErrNotExist))
	}
	var files []io.Reader
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			closeAll(files)
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

func closeAll(files []io.Reader) {
	for _, file := range files {
		if c, ok := file.(io.Closer); ok {
			c.Close()
		}
	}
}

// run runs each policy, and each placement under Dayfly's.
func (s *simulation) run(trace *simtest.Trace, method place.Method) error {
	config := simtest.Config{Nodes: s.nodes, Method: method, NodeMemory: s.memory << 30,
		Learn: min(24*time.Hour, trace.Span/2)}
	trade := scale.Trade{Hold: s.hold}
	own := simtest.Weighed("Dayfly", trade)
	var results []*simtest.Result
	do := func(p simtest.Policy, c simtest.Config) {
		began := time.Now()
		results = append(results, simtest.Run(trace, c, p))
		fmt.Fprintf(os.Stderr, "%s: %s\n", p.Name, time.Since(began).Round(time.Millisecond))
	}
	for _, p := range []simtest.Policy{simtest.Fixed("fixed 10 minutes", 10*time.Minute), simtest.Knative(),
		simtest.Hybrid("hybrid histogram, 1 h", time.Hour), own, simtest.Scheduled("Dayfly, timers are crons", trade)} {
		do(p, config)
	}
	for _, other := range []place.Method{place.MethodHome, place.MethodBounded, place.MethodPopular,
		place.MethodIdle, place.MethodTwo} {
		if config.Method = other; other != method {
			do(own, config)
		}
	}
	title := fmt.Sprintf("%s: %d functions, %d nodes, %s, seed %d", trace.Name, len(trace.Functions),
		s.nodes, trace.Span, s.made.Seed)
	if err := os.MkdirAll(s.out, 0o755); err != nil {
		return err
	}
	text, err := os.Create(filepath.Join(s.out, "simulation.txt"))
	if err != nil {
		return err
	}
	both := io.MultiWriter(os.Stdout, text)
	fmt.Fprintln(both, title)
	err = errors.Join(simtest.WriteTable(both, results), text.Close())
	picture := simtest.Picture(title, results)
	return errors.Join(err, os.WriteFile(filepath.Join(s.out, "simulation.svg"), picture, 0o644))
}
