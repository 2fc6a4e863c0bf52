// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames asks over HTTP/2 with the fields as they are given, and gives status and body; the
// status is "" when the request was refused without an answer.
func (w *doorWorld) frames(body string, fields ...string) (status, text string) {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.address)
	w.check(err)
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, err = conn.Write([]byte(http2.ClientPreface))
	w.check(err)
	var block strings.Builder
	encoder := hpack.NewEncoder(&block)
	for i := 0; i+1 < len(fields); i += 2 {
		w.check(encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}))
	}
	f := http2.NewFramer(conn, conn)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	w.check(f.WriteSettings())
	w.check(f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte(block.String()), EndHeaders: true,
		EndStream: body == ""}))
	if body != "" {
		w.check(f.WriteData(1, true, []byte(body)))
	}
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return status, text
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			status = frame.PseudoValue("status")
		case *http2.DataFrame:
			text += string(frame.Data())
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return status, text
		}
		if frame.Header().Flags.Has(http2.FlagDataEndStream) && frame.Header().StreamID == 1 {
			return status, text
		}
	}
}

// http2: what HTTP/2 can carry and HTTP/1 cannot says nothing else behind the door.
func (w *doorWorld) http2(t *testing.T) {
	head := func(path string, more ...string) []string {
		return append([]string{":method", "GET", ":scheme", "http", ":authority", "door.localhost", ":path", path}, more...)
	}
	if status, text := w.frames("", head("/web/x")...); status != "200" {
		t.Fatalf("plain: %s %s", status, text)
	}
	for name, fields := range map[string][]string{
		"host beside authority": head("/web/x", "host", "evil.test"), "chunked": head("/web/x", "transfer-encoding", "chunked"),
		"connection": head("/web/x", "connection", "evil"), "upper case": head("/web/x", "X-Evil", "evil"),
		"line break": head("/web/x", "x-a", "1\r\nX-Evil: evil"), "line break in the path": head("/web/x HTTP/1.1\r\nX-Evil: evil"),
		"colon": head("/web/x", "x-a: evil", "1"), "upgrade": head("/web/x", "upgrade", "h2c-evil"),
		"another path": head("/web/x", ":path", "/web/evil"), "forged": head("/web/x", "x-dayfly-principal", "evil"),
		"a scheme":     {":method", "GET", ":scheme", "evil", ":authority", "door.localhost", ":path", "/web/x"},
		"a method":     {":method", "GET /evil HTTP/1.1\r\nX: ", ":scheme", "http", ":authority", "door.localhost", ":path", "/web/x"},
		"an authority": {":method", "GET", ":scheme", "http", ":authority", "door.localhost/evil", ":path", "/web/x"},
	} {
		if status, text := w.frames("", fields...); status == "200" && strings.Contains(text, "evil") {
			t.Errorf("%s: %s %s", name, status, text)
		}
	}
	if status, _ := w.frames("", head("/admin", "host", "other.test")...); status != "401" {
		t.Errorf("authority and host: %s", status)
	}
	if status, text := w.frames("longer than it says", ":method", "POST", ":scheme", "http", ":authority", "door.localhost",
		":path", "/web/x", "content-length", "3"); status == "200" {
		t.Errorf("a body longer than its length: %s", text)
	}
}

// manyRoutes: as many routes as are allowed are published in bounded time and memory.
func (w *doorWorld) manyRoutes(t *testing.T) {
	const routes = 100_000
	var text strings.Builder
	for i := range routes {
		fmt.Fprintf(&text, `,"GET /a%d/{id}/b":{"respond":{"body":"hi"}}`, i)
	}
	before, began := w.memory(), time.Now()
	status, err := w.ask(t.Context(), http.MethodPut, w.api+"/v1/projects/many/front",
		http.Header{"Authorization": {"Bearer " + w.token}}, `{"routes":{`+text.String()[1:]+`}}`)
	if err != nil || status/100 != 2 {
		t.Fatalf("publish: %d %v", status, err)
	}
	t.Logf("%d routes were published in %s, with %d MiB more", routes, time.Since(began), (w.memory()-before)>>10)
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %s", took)
	}
	if more := w.memory() - before; more > 1<<20 {
		t.Errorf("it took %d KiB", more)
	}
	a := w.raw("GET /a99999/7/b HTTP/1.1\r\nHost: many.localhost\r\nConnection: close\r\n\r\n", "GET")
	if a.status != 200 || a.body != "hi" {
		t.Errorf("the last route: %d %s", a.status, a.body)
	}
}

// memory gives the KiB that the node has.
func (w *doorWorld) memory() int {
	w.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid))
	w.check(err)
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kib int
	_, err = fmt.Sscan(rest, &kib)
	w.check(err)
	return kib
}
