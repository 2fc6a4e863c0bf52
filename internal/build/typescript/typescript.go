// SPDX-License-Identifier: Apache-2.0

package typescript

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// Exit statuses.
const (
	exitDone    = 0
	exitFailed  = 1 // the source cannot be compiled
	exitMisused = 2 // the arguments are wrong
)

// errorsMax bounds how many errors are printed.
const errorsMax = 20

// Main is the command `dayfly guest typescript`; args are those after its name. It
// gives the exit status.
func Main(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("dayfly guest typescript", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var entries, outputs words
	flags.Var(&entries, "entry", "a module to compile; may be said again, with an output of its own")
	flags.Var(&outputs, "output", "the file to write: .cjs or .mjs")
	target := flags.String("target", "node20", "the version of Node that runs it")
	if err := flags.Parse(args); err != nil {
		return exitMisused
	}
	if len(entries) == 0 || len(entries) != len(outputs) || flags.NArg() > 0 {
		fmt.Fprintln(stderr,
			"usage: dayfly guest typescript --entry FILE --output FILE … [--target nodeN]")
		return exitMisused
	}
	for i, entry := range entries {
		result := compile(entry, outputs[i], *target)
		if len(result.Errors) > 0 {
			report(stderr, result.Errors)
			return exitFailed
		}
		for _, file := range result.OutputFiles {
			if err := write(file); err != nil {
				fmt.Fprintln(stderr, err)
				return exitFailed
			}
			fmt.Fprintf(stdout, "%s → %s, %d bytes\n", entry, outputs[i], len(file.Contents))
		}
	}
	return exitDone
}

// words are the values of a flag that may be said several times.
type words []string

func (w *words) String() string { return strings.Join(*w, " ") }

// Set adds a value.
func (w *words) Set(value string) error {
	*w = append(*w, value)
	return nil
}

// compile bundles the modules that the entry imports by path. Packages are left to
// Node: they are installed beside the code.
func compile(entry, output, target string) api.BuildResult {
	format := api.FormatCommonJS
	if filepath.Ext(output) == ".mjs" {
		format = api.FormatESModule
	}
	return api.Build(api.BuildOptions{
		EntryPoints: []string{entry},
		Outfile:     output,
		Bundle:      true,
		Packages:    api.PackagesExternal,
		Platform:    api.PlatformNode,
		Format:      format,
		Engines:     []api.Engine{{Name: api.EngineNode, Version: engine(target)}},
		Sourcemap:   api.SourceMapInline,
		KeepNames:   true, // dialects are told by names, and stacks are read by people
		LogLevel:    api.LogLevelSilent,
		LogLimit:    errorsMax,
		Loader:      map[string]api.Loader{".node": api.LoaderFile, ".txt": api.LoaderText},
	})
}

// engine cuts "node20.11.1" to what esbuild knows: "20.11".
func engine(target string) string {
	parts := strings.SplitN(strings.TrimPrefix(target, "node"), ".", 3)
	for _, part := range parts {
		if _, err := strconv.Atoi(part); err != nil {
			return "18"
		}
	}
	return strings.Join(parts[:min(2, len(parts))], ".")
}

func write(file api.OutputFile) error {
	if err := os.MkdirAll(filepath.Dir(file.Path), 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	if err := os.WriteFile(file.Path, file.Contents, 0o644); err != nil {
		return fmt.Errorf("write compiled module: %w", err)
	}
	return nil
}

func report(w io.Writer, messages []api.Message) {
	for _, message := range messages {
		place := ""
		if at := message.Location; at != nil {
			place = fmt.Sprintf("%s:%d:%d: ", at.File, at.Line, at.Column+1)
		}
		fmt.Fprintf(w, "%serror: %s\n", place, message.Text)
		for _, note := range message.Notes {
			fmt.Fprintf(w, "  %s\n", note.Text)
		}
	}
}
