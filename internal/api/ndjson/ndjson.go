// SPDX-License-Identifier: Apache-2.0

package ndjson

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// Lines is one such answer.
type Lines struct {
	w       http.ResponseWriter
	control *http.ResponseController
	pace    time.Duration

	mu    sync.Mutex // guards w, began, err
	began bool
	err   error
}

// New makes an answer of which a line may take as long as pace.
func New(w http.ResponseWriter, pace time.Duration) *Lines {
	return &Lines{w: w, control: http.NewResponseController(w), pace: pace}
}

// Begin sends the head of the answer, so that the caller knows it is being served.
func (l *Lines) Begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.head()
	_ = l.control.Flush() // a dead connection shows with the first line
}

// Put sends v. Once the caller is gone it does nothing and keeps saying so.
func (l *Lines) Put(v any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	l.head()
	_ = l.control.SetWriteDeadline(time.Now().Add(l.pace))
	if l.err = json.NewEncoder(l.w).Encode(v); l.err == nil {
		l.err = l.control.Flush()
	}
	return l.err
}

func (l *Lines) head() {
	if !l.began {
		l.began = true
		l.w.Header().Set("Content-Type", "application/x-ndjson")
		l.w.WriteHeader(http.StatusOK)
	}
}

// Started tells whether the head is out: from then on errors are lines.
func (l *Lines) Started() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.began
}
