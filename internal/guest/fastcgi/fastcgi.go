// SPDX-License-Identifier: Apache-2.0

package fastcgi

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/dayfly-faas/dayfly/internal/guest/web"
)

// options are what the command line says.
type options struct {
	root    string
	workers int
	program string
	rest    []string
}

// Main serves a FastCGI program on $PORT, and gives the exit status:
//
//	dayfly guest fastcgi [--root FOLDER] [--workers N] PROGRAM [ARGUMENT…]
func Main(args []string, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if err != nil {
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := o.serve(ctx, stderr); err != nil {
		fmt.Fprintln(stderr, "dayfly guest fastcgi:", err)
		return 1
	}
	return 0
}

func parse(args []string, stderr io.Writer) (options, error) {
	o := options{workers: workersDefault}
	if n, err := strconv.Atoi(os.Getenv("PHP_FCGI_CHILDREN")); err == nil && n > 0 {
		o.workers = n
	}
	flags := flag.NewFlagSet("dayfly guest fastcgi", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.root, "root", "", "`FOLDER` of the files and PHP scripts")
	flags.IntVar(&o.workers, "workers", o.workers, "calls at once, `N`")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() == 0 || o.workers < 1 || isPHP(flags.Arg(0)) && o.root == "" {
		err := errors.New("name a program, and for PHP --root")
		fmt.Fprintln(stderr, "dayfly guest fastcgi:", err)
		return o, err
	}
	o.program, o.rest = flags.Arg(0), flags.Args()[1:]
	return o, nil
}

// serve runs the program and answers requests until ctx ends or the program does.
func (o options) serve(ctx context.Context, stderr io.Writer) error {
	w, err := newWorkers(o.program, o.rest, o.workers)
	if err != nil {
		return err
	}
	defer w.close()
	w.stdout, w.stderr = stderr, stderr
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan error, 1)
	go func() {
		err := w.run(ctx)
		cancel(err)
		ended <- err
	}()
	handler := &Server{Socket: w.socket, Workers: o.workers, Stderr: stderr, Environ: os.Environ()}
	if !isPHP(w.argv[0]) {
		handler.Program = w.argv[0]
	}
	if o.root != "" {
		if handler.Root, err = filepath.Abs(o.root); err != nil {
			return fmt.Errorf("find document root: %w", err)
		}
	}
	if err := w.await(ctx); err == nil {
		err = web.Serve(ctx, handler, stderr)
		cancel(err)
		if err != nil {
			<-ended
			return err
		}
	}
	return <-ended
}
