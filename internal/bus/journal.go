// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"fmt"
	"log/slog"
	"sync"
)

// journal hands the server's own words to slog. The server notices much that is
// no state change of ours, so its notices are debug lines here.
type journal struct {
	log *slog.Logger

	mu    sync.Mutex // guards fatal
	fatal string
}

// Noticef records what the server tells of its normal course.
func (j *journal) Noticef(format string, v ...any) { j.write(j.log.Debug, format, v) }

// Warnf records what healed itself.
func (j *journal) Warnf(format string, v ...any) { j.write(j.log.Warn, format, v) }

// Errorf records what a person must look at.
func (j *journal) Errorf(format string, v ...any) { j.write(j.log.Error, format, v) }

// Fatalf keeps why the server could not start; Open returns it.
func (j *journal) Fatalf(format string, v ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fatal == "" {
		j.fatal = fmt.Sprintf(format, v...)
	}
}

// Debugf is never asked for: the server runs with its debug output off.
func (j *journal) Debugf(format string, v ...any) { j.write(j.log.Debug, format, v) }

// Tracef is never asked for: the server runs with its trace output off.
func (j *journal) Tracef(format string, v ...any) { j.write(j.log.Debug, format, v) }

func (j *journal) write(to func(string, ...any), format string, v []any) {
	to("bus server spoke", "text", fmt.Sprintf(format, v...))
}

// failure gives why the server could not start, or "".
func (j *journal) failure() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.fatal
}
