// SPDX-License-Identifier: Apache-2.0

package cgibin

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cgi"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/guest/static"
	"github.com/dayfly-faas/dayfly/internal/guest/web"
)

// Folder answers requests with the programs of a folder.
type Folder struct {
	root   *os.Root
	dir    string
	prefix string       // of the paths that are programs: "/cgi-bin/"
	pages  http.Handler // the rest; nil answers 404
	stderr io.Writer
}

// New serves the programs in dir below the path of its name. pages answers other paths
// and may be nil; what programs say on standard error goes to stderr.
func New(dir string, pages http.Handler, stderr io.Writer) (*Folder, error) {
	whole, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find folder of programs: %w", err)
	}
	root, err := os.OpenRoot(whole)
	if err != nil {
		return nil, fmt.Errorf("open folder of programs: %w", err)
	}
	return &Folder{root: root, dir: whole, prefix: "/" + filepath.Base(whole) + "/", pages: pages,
		stderr: stderr}, nil
}

// Close lets go of the folder.
func (f *Folder) Close() error { return f.root.Close() }

// Main serves the folder that args name on $PORT, and gives the exit status.
func Main(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("dayfly guest cgi", flag.ContinueOnError)
	flags.SetOutput(stderr)
	pages := flags.String("pages", "", "`FOLDER` of the pages beside the programs")
	if err := flags.Parse(args); err != nil || flags.NArg() != 1 {
		fmt.Fprintln(stderr, "dayfly guest cgi: name one folder of programs")
		return 2
	}
	if err := serve(flags.Arg(0), *pages, stderr); err != nil {
		fmt.Fprintln(stderr, "dayfly guest cgi:", err)
	}
	return 1
}

// serve does not return without an error.
func serve(dir, pages string, stderr io.Writer) error {
	var site http.Handler
	if pages != "" {
		opened, err := static.New(pages)
		if err != nil {
			return err
		}
		defer opened.Close()
		site = opened
	}
	folder, err := New(dir, site, stderr)
	if err != nil {
		return err
	}
	defer folder.Close()
	return web.Serve(context.Background(), folder, stderr)
}

// ServeHTTP implements http.Handler.
func (f *Folder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, isProgram := strings.CutPrefix(path.Clean(r.URL.Path), f.prefix)
	switch {
	case isProgram:
		f.run(w, r, name)
	case f.pages != nil:
		f.pages.ServeHTTP(w, r)
	default:
		http.NotFound(w, r)
	}
}

// run starts the program that a path begins with.
func (f *Folder) run(w http.ResponseWriter, r *http.Request, name string) {
	program := f.program(name)
	if program == "" {
		http.NotFound(w, r)
		return
	}
	done, err := web.Measure(r)
	if err != nil {
		fmt.Fprintln(f.stderr, "dayfly guest cgi:", err)
		web.Refuse(w, err)
		return
	}
	defer done()
	handler := cgi.Handler{
		Path: filepath.Join(f.dir, program), Root: f.prefix + program,
		Dir: filepath.Dir(filepath.Join(f.dir, program)),
		Env: os.Environ(), Stderr: f.stderr,
		Logger: slog.NewLogLogger(slog.NewTextHandler(f.stderr, nil), slog.LevelWarn),
	}
	handler.ServeHTTP(w, r)
}

// program gives the executable that the first parts of a path name; the rest is the
// program's own matter. Empty when there is none.
func (f *Folder) program(name string) string {
	parts := strings.Split(name, "/")
	for i := range parts {
		candidate := path.Join(parts[:i+1]...)
		info, err := f.root.Stat(candidate)
		if err != nil || strings.HasPrefix(parts[i], ".") {
			return ""
		}
		if info.Mode().IsRegular() {
			if info.Mode()&0o111 == 0 {
				return ""
			}
			return candidate
		}
	}
	return ""
}
