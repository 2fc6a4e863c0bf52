// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// events writes server-sent events, each sent at once. It belongs to one goroutine.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
	began   bool
}

func newEvents(w http.ResponseWriter) *events {
	return &events{w: w, control: http.NewResponseController(w)}
}

// put sends one event with v as JSON, which has no line breaks.
func (e *events) put(name string, id uint64, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	return e.send("event: %s\nid: %d\ndata: %s\n\n", name, id, data)
}

// beat shows that the connection lives.
func (e *events) beat() error { return e.send(": idle\n\n") }

func (e *events) send(format string, args ...any) error {
	if !e.began {
		e.began = true
		e.w.Header().Set("Content-Type", "text/event-stream")
		e.w.WriteHeader(http.StatusOK)
	}
	_ = e.control.SetWriteDeadline(time.Now().Add(paceTimeout))
	if _, err := fmt.Fprintf(e.w, format, args...); err != nil {
		return err
	}
	return e.control.Flush()
}
