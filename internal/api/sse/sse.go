// SPDX-License-Identifier: Apache-2.0

package sse

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Writer writes server-sent events, each sent at once. It belongs to one goroutine.
type Writer struct {
	w       http.ResponseWriter
	control *http.ResponseController
	pace    time.Duration
	began   bool
}

// New makes a Writer that gives its reader pace to take each event.
func New(w http.ResponseWriter, pace time.Duration) *Writer {
	return &Writer{w: w, control: http.NewResponseController(w), pace: pace}
}

// Began tells whether anything was sent, after which no other answer can be given.
func (e *Writer) Began() bool { return e.began }

// Put sends one event with v as JSON, which has no line breaks.
func (e *Writer) Put(name string, id uint64, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	return e.send("event: %s\nid: %d\ndata: %s\n\n", name, id, data)
}

// Beat shows that the connection lives.
func (e *Writer) Beat() error { return e.send(": idle\n\n") }

func (e *Writer) send(format string, args ...any) error {
	if !e.began {
		e.began = true
		e.w.Header().Set("Content-Type", "text/event-stream")
		e.w.WriteHeader(http.StatusOK)
	}
	_ = e.control.SetWriteDeadline(time.Now().Add(e.pace))
	if _, err := fmt.Fprintf(e.w, format, args...); err != nil {
		return err
	}
	return e.control.Flush()
}
