// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/internal/config"
)

// lines passes on what is written to it.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// chatter answers one request, and goes on unasked.
func chatter(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokUNASKED")
			}
		}
	}()
	return "http://" + l.Addr().String()
}

// TestLibrariesLogDetails is about the logger of the process: not parallel.
func TestLibrariesLogDetails(t *testing.T) {
	told := make(lines, 100)
	adopt(newLogger(told, config.Config{LogLevel: slog.LevelDebug}))
	resp, err := http.Get(chatter(t))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	for late := time.After(10 * time.Second); ; {
		select {
		case line := <-told:
			if !strings.Contains(line, "UNASKED") {
				continue
			}
			if !strings.Contains(line, "level=DEBUG") {
				t.Errorf("logged: %s", line)
			}
			return
		case <-late:
			t.Fatal("what came unasked was not logged")
		}
	}
}
