// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// doorManifest has a route of every kind, some behind rules.
const doorManifest = `
project: door
hosts: [shop.test]
site: {source: ./public}
auth:
  keys: {keys: {}}
  both: {keys: {query: key}}
  staff: {basic: {users: {ann: "HASH"}}}
queues: {jobs: {}}
routes:
  GET /open/{id}: {function: echo}
  /admin: {function: echo, auth: keys}
  /admin/{rest...}: {function: echo, auth: keys}
  POST /posts: {function: echo, auth: keys, cors: "https://app.test"}
  GET /either: {function: echo, auth: both}
  GET /staff: {function: echo, auth: staff}
  GET /kept: {function: echo, auth: keys, cache: {ttl: 60s}}
  GET /own: {function: echo, auth: keys, cache: {ttl: 60s, private: true}}
  GET /said: {function: echo, cache: {ttl: 60s}}
  GET /few: {respond: {body: few}, limits: {rate: [{limit: 5/h}]}}
  /up/{rest...}: {url: "UPSTREAM"}
  /small: {function: echo, limits: {body: 1KiB, header: 4KiB}}
  POST /jobs: {queue: jobs, auth: keys}
  GET /go/{rest...}: {redirect: {to: "/to/{rest...}", query: true}}
  GET /mapped:
    respond: {body: mapped}
    response: {header: {X-Said: "query.q"}}
  GET /costly: {respond: {body: costly}, allow: "query.q.matches('(a+)+b')"}
  POST /json:
    respond: {body: fine}
    validate: {body: {application/json: {type: object, properties: {s: {type: string, pattern: "^(a+)+$"}}}}}
  /web/{rest...}: {function: web, request: {rewrite: "/{rest...}"}}
functions:
  echo: {source: ./echo, dialect: lambda}
  web: {source: ./web}
`

// doorPassword is that of ann.
const doorPassword = "open sesame"

// doorEcho gives back what it was called with, so that a test can see what got through.
const doorEcho = `
import json

def lambda_handler(event, context):
    headers = {"content-type": "application/json"}
    query = event.get("queryStringParameters") or {}
    if "cc" in query:
        headers["cache-control"] = query["cc"]
    if "cookie" in query:
        headers["set-cookie"] = "session=1"
    if "loc" in query:
        headers["x-loc"] = query["loc"]
    return {"statusCode": 200, "headers": headers, "body": json.dumps({
        "method": event["requestContext"]["http"]["method"], "path": event["rawPath"], "headers": event["headers"],
        "authorizer": event["requestContext"].get("authorizer"), "body": event.get("body"), "base64": event.get("isBase64Encoded")})}
`

// doorWeb is a server of its own: it tells the line and the head that it was sent.
const doorWeb = `
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        n = int(self.headers.get("Content-Length") or 0)
        data = json.dumps({"line": self.requestline, "headers": self.headers.items(), "body": self.rfile.read(n).decode()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET

ThreadingHTTPServer(("127.0.0.1", 8000), Handler).serve_forever()
`

// doorWorld is a node with a front, and the server behind one of its routes.
type doorWorld struct {
	*crashWorld
	address  string // of the public door
	key      string // of the project
	upstream *rawServer
}

// newDoor starts a node and deploys the front.
func newDoor(t *testing.T) *doorWorld {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: starts a whole node")
	}
	skipUnlessAble(t)
	w := &doorWorld{crashWorld: &crashWorld{t: t, dir: t.TempDir(), http: &http.Client{Timeout: time.Minute}}}
	w.upstream = newRawServer(t)
	w.start()
	w.address = strings.TrimPrefix(w.gateway, "http://")
	manifest := strings.ReplaceAll(doorManifest, "HASH", strings.TrimSpace(w.fed(doorPassword+"\n", "key", "hash")))
	w.project("project", strings.ReplaceAll(manifest, "UPSTREAM", w.upstream.url))
	w.dayfly("deploy", filepath.Join(w.dir, "project"))
	w.key = w.newKey("mine", "door")
	return w
}

// project writes a project with that manifest.
func (w *doorWorld) project(folder, manifest string) {
	w.t.Helper()
	w.write(folder+"/echo/app.py", doorEcho)
	w.write(folder+"/web/server.py", doorWeb)
	w.write(folder+"/public/index.html", "<h1>door</h1>")
	w.write(folder+"/public/_redirects", "/sneak/* /admin/:splat 200\n/loop/* /loop/x/:splat 200\n")
	w.write(folder+"/dayfly.yaml", manifest)
}

// newKey makes an API key of a project.
func (w *doorWorld) newKey(name, project string) string {
	w.t.Helper()
	for field := range strings.FieldsSeq(w.dayfly("key", "create", name, "--project", project)) {
		if strings.HasPrefix(field, "dfk_") {
			return field
		}
	}
	w.t.Fatal("no key was printed")
	return ""
}

func (w *doorWorld) write(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	w.check(os.MkdirAll(filepath.Dir(path), 0o755))
	w.check(os.WriteFile(path, []byte(text), 0o644))
}

// fed runs the command line with an input.
func (w *doorWorld) fed(input string, args ...string) string {
	w.t.Helper()
	c := exec.CommandContext(w.t.Context(), filepath.Join(binary, "dayfly"), args...)
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir}
	c.Stdin = strings.NewReader(input)
	out, err := c.Output()
	if err != nil {
		w.t.Fatalf("dayfly %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// answer is what came back for a request.
type answer struct {
	status int
	header http.Header
	body   string
}

// told is what the function saw.
func (a answer) told(t *testing.T) (seen struct {
	Method, Path, Body string
	Headers            map[string]string
}) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &seen); err != nil {
		t.Errorf("the function did not answer: %d %.200s", a.status, a.body)
	}
	return seen
}

// get asks as HTTP clients do. Headers are "Name: value".
func (w *doorWorld) get(method, path string, headers ...string) answer {
	w.t.Helper()
	return w.raw(method+" "+path+" HTTP/1.1\r\nHost: door.localhost\r\nConnection: close\r\n"+
		joined(headers)+"\r\n", method)
}

func joined(headers []string) string {
	var b strings.Builder
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	return b.String()
}

// raw sends bytes and reads one answer.
func (w *doorWorld) raw(wire, method string) answer {
	w.t.Helper()
	answers := w.all(wire, method)
	if len(answers) == 0 {
		return answer{}
	}
	return answers[0]
}

// all sends bytes and reads answers until the connection ends or nothing more comes.
func (w *doorWorld) all(wire, method string) []answer {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.address)
	w.check(err)
	defer conn.Close()
	go func() { _, _ = io.WriteString(conn, wire) }()
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	var answers []answer
	r := bufio.NewReader(conn)
	for {
		res, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			return answers
		}
		body, _ := io.ReadAll(res.Body)
		answers = append(answers, answer{res.StatusCode, res.Header, string(body)})
		_ = conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	}
}

// rawServer is a server that notes each byte that it gets, and answers each head it sees.
type rawServer struct {
	url  string
	seen chan string
}

func newRawServer(t *testing.T) *rawServer {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &rawServer{url: "http://" + l.Addr().String(), seen: make(chan string, 1000)}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

// serve takes one request of each connection, as it is on the wire.
func (s *rawServer) serve(conn net.Conn) {
	defer conn.Close()
	var wire strings.Builder
	buffer := make([]byte, 64<<10)
	for {
		_ = conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)) // of nothing more to come
		n, err := conn.Read(buffer)
		wire.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	if wire.Len() == 0 {
		return
	}
	s.seen <- wire.String()
	fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
}
