// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// linesMax and bytesMax bound what waits to be written: a second of a busy door.
	linesMax, bytesMax = 16 << 10, 8 << 20
	// sayPause is how long nothing more is said of lines that were lost.
	sayPause = 10 * time.Second
	// Stdout is the name of the file that stands for standard output.
	Stdout = "-"
)

// Format is how a line is written.
type Format string

// The formats: an object of JSON, and the combined format of web servers.
const (
	JSON     Format = "json"
	Combined Format = "combined"
)

// Config says where lines go.
type Config struct {
	// File is appended to; Stdout stands for Out.
	File   string
	Format Format
	Out    io.Writer
	// Reopen has the file opened anew, which another program has moved away.
	Reopen <-chan os.Signal
	// SizeMax is how large the file may become: then it is named FILE.1, and what was FILE.1
	// is FILE.2, up to Keep old ones, at least 1. 0 lets it grow.
	SizeMax int64
	Keep    int
}

// Journal is an access log.
type Journal struct {
	cfg     Config
	log     *slog.Logger
	lines   chan []byte
	pending atomic.Int64 // bytes of lines
	lost    atomic.Int64 // lines since it was said
	file    *os.File     // nil: Out
	size    int64        // of file
}

// New makes an access log; it opens nothing.
func New(cfg Config, log *slog.Logger) *Journal {
	return &Journal{cfg: cfg, log: log, lines: make(chan []byte, linesMax)}
}

// Open opens the file.
func (j *Journal) Open() error {
	switch {
	case j.cfg.File != Stdout:
	case j.cfg.SizeMax > 0:
		return dayfly.Errorf(dayfly.KindInvalid, "the access log is standard output, which has no size to be bounded")
	default:
		return nil
	}
	f, err := os.OpenFile(j.cfg.File, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return dayfly.Errorf(dayfly.KindInvalid, "the access log cannot be opened: %w", err)
	}
	info, err := f.Stat()
	if err == nil && j.cfg.SizeMax > 0 && !info.Mode().IsRegular() {
		err = errors.New("it is no file whose size could be bounded")
	}
	if err != nil {
		_ = f.Close()
		return dayfly.Errorf(dayfly.KindInvalid, "the access log %s cannot be used: %w", j.cfg.File, err)
	}
	if j.file != nil {
		_ = j.file.Close() // its lines were written
	}
	j.file, j.size = f, info.Size()
	return nil
}

// Wrap has the requests that next answers written down.
func (j *Journal) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := &entry{began: time.Now(), request: r, method: r.Method, host: r.Host,
			path: r.URL.EscapedPath(), query: r.URL.RawQuery, uri: r.RequestURI, aborted: true}
		e.agent, e.referer = r.UserAgent(), r.Referer()
		counted := &writer{ResponseWriter: w}
		defer func() {
			e.header, e.status, e.bytes = w.Header(), counted.code(), counted.bytes.Load()
			j.add(e.line(j.cfg.Format, time.Now()))
		}()
		next.ServeHTTP(counted, r.WithContext(context.WithValue(r.Context(), noteKey{}, &e.note)))
		e.aborted = counted.broken
	})
}

// add queues a line, or drops it.
func (j *Journal) add(line []byte) {
	size := int64(len(line))
	if j.pending.Add(size) <= bytesMax {
		select {
		case j.lines <- line:
			return
		default:
		}
	}
	j.pending.Add(-size)
	j.lost.Add(1)
}

// Run writes until ctx ends, and then what is left.
func (j *Journal) Run(ctx context.Context) error {
	out := bufio.NewWriterSize(j, 64<<10)
	say := time.NewTicker(sayPause)
	defer say.Stop()
	for {
		select {
		case line := <-j.lines:
			j.write(out, line)
		case <-j.cfg.Reopen:
			j.flush(out)
			if err := j.Open(); err != nil {
				j.log.Error("access log stays where it was", "error", err)
			}
		case <-say.C:
			j.say()
		case <-ctx.Done():
			for len(j.lines) > 0 {
				j.write(out, <-j.lines)
			}
			j.say()
			if j.file != nil {
				return j.file.Close()
			}
			return nil
		}
	}
}

// write writes a line, and sends on what is buffered when no other waits.
func (j *Journal) write(out *bufio.Writer, line []byte) {
	before := j.size + int64(out.Buffered())
	if j.file != nil && j.cfg.SizeMax > 0 && before > 0 && before+int64(len(line)) > j.cfg.SizeMax {
		j.flush(out)
		if err := j.rotate(); err != nil {
			j.log.Error("access log was not rotated: it grows as large again", "error", err)
			j.size = 0
		}
	}
	_, err := out.Write(line)
	j.pending.Add(-int64(len(line)))
	if err != nil || len(j.lines) == 0 {
		j.flush(out)
	}
}

// rotate gives the file the name of the newest old one, and begins another.
func (j *Journal) rotate() error {
	old := func(n int) string { return j.cfg.File + "." + strconv.Itoa(n) }
	for n := j.cfg.Keep - 1; n > 0; n-- { // the last one's place is taken
		if err := os.Rename(old(n), old(n+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Rename(j.cfg.File, old(1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return j.Open()
}

// flush sends on what is buffered; what cannot be written is lost, and the next is tried.
func (j *Journal) flush(out *bufio.Writer) {
	if err := out.Flush(); err != nil {
		j.lost.Add(1)
		j.log.Debug("access log cannot be written", "error", err)
		out.Reset(j)
	}
}

// Write implements io.Writer for Run's buffer.
func (j *Journal) Write(p []byte) (int, error) {
	if j.file != nil {
		n, err := j.file.Write(p)
		j.size += int64(n)
		return n, err
	}
	if j.cfg.Out == nil {
		return 0, errors.New("there is no standard output")
	}
	return j.cfg.Out.Write(p)
}

// say tells of lines that were lost.
func (j *Journal) say() {
	if n := j.lost.Swap(0); n > 0 {
		j.log.Warn("access log lost lines: its file is slow or full", "lines", n)
	}
}
