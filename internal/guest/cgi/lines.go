// SPDX-License-Identifier: Apache-2.0

package cgi

import (
	"bufio"

	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// Lines cuts what is written into lines of at most frame.LineMax bytes.
type Lines struct {
	write func(string)
	part  []byte
}

// NewLines makes Lines that hand each line to write.
func NewLines(write func(string)) *Lines { return &Lines{write: write} }

// Write implements io.Writer.
func (w *Lines) Write(p []byte) (int, error) {
	w.part = append(w.part, p...)
	for {
		advance, line, _ := bufio.ScanLines(w.part, false)
		if advance == 0 && len(w.part) < frame.LineMax {
			return len(p), nil
		}
		if advance == 0 || len(line) > frame.LineMax {
			line, advance = w.part[:frame.LineMax], frame.LineMax
		}
		w.write(string(line))
		w.part = w.part[advance:]
	}
}

// Flush hands on a line that has no end.
func (w *Lines) Flush() {
	if len(w.part) > 0 {
		w.write(string(w.part))
	}
	w.part = nil
}
