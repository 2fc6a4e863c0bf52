// SPDX-License-Identifier: Apache-2.0

package caller_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/dayfly-faas/dayfly/bench/caller"
)

func TestCallReadsAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		handler http.HandlerFunc
		want    caller.Answer
		wantErr bool
		close   bool
	}{
		"with a length": {handler: func(w http.ResponseWriter, r *http.Request) {
			if r.RequestURI != "/x?y=1" {
				w.WriteHeader(400)
			}
			w.Header().Set("X-Handler-Micros", "12")
			w.Header().Set("X-Dayfly-Invocation", "id")
			_, _ = io.WriteString(w, "ok\n")
		}, want: caller.Answer{Status: 200, Micros: 12, ID: "id"}},
		"in chunks": {handler: func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "o")
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, "k\n")
		}, want: caller.Answer{Status: 200}},
		"until the end": {handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "close")
			_, _ = io.WriteString(w, "ok\n")
		}, want: caller.Answer{Status: 200}, close: true},
		"wrong body": {handler: func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "no\n")
		}, want: caller.Answer{Status: 200}, wantErr: true},
		"refused": {handler: func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "later", http.StatusTooManyRequests)
		}, want: caller.Answer{Status: 429}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(tt.handler)
			t.Cleanup(s.Close)
			to, err := caller.NewTarget(s.URL + "/x?y=1")
			if err != nil {
				t.Fatal(err)
			}
			c, err := caller.Dial(to)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Conn.Close()
			for range 2 { // the second call finds the connection as it should be
				got, err := c.Call()
				if got != tt.want || (err != nil) != tt.wantErr || c.Spent != tt.close {
					t.Fatalf("call() = %+v, %v, close %v; want %+v, an error: %v, close %v",
						got, err, c.Spent, tt.want, tt.wantErr, tt.close)
				}
				if c.Spent {
					break
				}
			}
		})
	}
}
