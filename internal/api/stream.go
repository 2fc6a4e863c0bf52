// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// lines writes a stream of JSON values, one a line, each sent at once. Its methods
// may be called from any goroutine.
type lines struct {
	w       http.ResponseWriter
	control *http.ResponseController

	mu    sync.Mutex // guards w, began, err
	began bool
	err   error
}

func newLines(w http.ResponseWriter) *lines {
	return &lines{w: w, control: http.NewResponseController(w)}
}

// begin sends the head of the answer, so that the caller knows it is being served.
func (l *lines) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.head()
	_ = l.control.Flush() // a dead connection shows with the first line
}

// put sends v. Once the caller is gone it does nothing and keeps saying so.
func (l *lines) put(v any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	l.head()
	_ = l.control.SetWriteDeadline(time.Now().Add(paceTimeout))
	if l.err = json.NewEncoder(l.w).Encode(v); l.err == nil {
		l.err = l.control.Flush()
	}
	return l.err
}

func (l *lines) head() {
	if !l.began {
		l.began = true
		l.w.Header().Set("Content-Type", "application/x-ndjson")
		l.w.WriteHeader(http.StatusOK)
	}
}

// started tells whether the head is out: from then on errors are lines.
func (l *lines) started() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.began
}

// writeJSON answers with v.
// writeJSONStatus answers with a status that is not 200.
func writeJSONStatus(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}

func writeJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}
