// SPDX-License-Identifier: Apache-2.0

package python_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEnvironmentOfAFunction(t *testing.T) {
	t.Parallel()
	for _, python := range interpreters(t) {
		env := map[string]string{"TZ": "Asia/Kolkata", "STRIPE_KEY": "é=x", "LANG": "C.UTF-8",
			"PYTHONPATH": testdata(t) + "/nested/deep"}
		g := serve(t, spec{Dialect: "lambda", Entry: "events.environment", Env: env, interpreter: python})
		a := g.call(request{Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
		if a.Error != nil {
			t.Fatalf("%s: error = %v", python, a.Error)
		}
		got := value(t, a.Body)
		want := map[string]any{
			"env": map[string]any{"TZ": "Asia/Kolkata", "STRIPE_KEY": "é=x", "LANG": "C.UTF-8",
				"PYTHONPATH": testdata(t) + "/nested/deep"},
			"trace": "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1",
			"cwd":   testdata(t), "path0": testdata(t), "foreign": []any{}, "zone": "IST", "hour": 5.0,
			"main": []any{}, "exit": true,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: environment differs (-want +got):\n%s", python, diff)
		}
		if got := value(t, g.call(request{}).Body).(map[string]any); got["trace"] != nil {
			t.Errorf("%s: trace of a call without one = %v", python, got["trace"])
		}
		g.stop()
	}
}

func TestVendoredPackages(t *testing.T) {
	t.Parallel()
	task := t.TempDir()
	for path, text := range map[string]string{
		"app.py": "import extra, vendored, shadow\n\n\ndef handler(event, context):\n" +
			"    return [vendored.name, extra.name, shadow.name]\n",
		"shadow.py":                       "name = 'task first'\n",
		".dayfly/python/shadow.py":        "name = 'package'\n",
		".dayfly/python/vendored.py":      "name = 'vendored'\n",
		".dayfly/python/json.py":          "raise ImportError('the standard library goes first')\n",
		".dayfly/python/more.pth":         "sub\n",
		".dayfly/python/sub/extra.py":     "name = 'by pth'\n",
		".dayfly/python/dist-info/RECORD": "",
	} {
		file := filepath.Join(task, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, python := range interpreters(t) {
		g := serve(t, spec{Dialect: "lambda", Entry: "app.handler", Task: task, interpreter: python})
		if a := g.call(request{}); a.Body != `["vendored","by pth","task first"]` {
			t.Errorf("%s: answer = %q %v", python, a.Body, a.Error)
		}
		g.stop()
	}
}

func TestWhatIsPrinted(t *testing.T) {
	t.Parallel()
	for _, python := range interpreters(t) {
		g := serve(t, spec{Dialect: "lambda", Entry: "events.printing", interpreter: python})
		long := strings.Repeat("é", 8192)
		for path, want := range map[string][]string{
			"lines":     {"1 one", "1 two", "1 ", "2 err", "1 three"},
			"long":      {"1 " + long, "1 " + long, "1 " + strings.Repeat("é", 20000-16384)},
			"partial":   {"1 abc", "1 d"},
			"endless":   {"1 " + strings.Repeat("x", 16384), "1 " + strings.Repeat("x", 16384), "1 " + strings.Repeat("x", 16384), "1 " + strings.Repeat("x", 848)},
			"buffer":    {"1 \xff\xfe raw"},
			"surrogate": {`1 \ud800`},
			"thread":    {"1 from a thread"},
		} {
			if diff := cmp.Diff(want, g.call(request{Path: "/" + path}).Logs); diff != "" {
				t.Errorf("%s: %s: logs differ (-want +got):\n%s", python, path, diff)
			}
		}
		a := g.call(request{Path: "/facts"})
		if a.Body != `[false,1,2,"utf-8",true,"<stdout>"]` {
			t.Errorf("%s: facts of stdout = %s %v", python, a.Body, a.Error)
		}
		a = g.call(request{Path: "/logging"})
		if len(a.Logs) < 4 || !strings.HasPrefix(a.Logs[0], "1 [INFO]\t20") || !strings.HasSuffix(a.Logs[0], "\ttold you") ||
			!strings.Contains(a.Logs[0], "Z\t"+fmt.Sprintf("call-%d", g.next)+"\t") || !strings.HasPrefix(a.Logs[1], "1 [ERROR]\t") ||
			a.Logs[2] != "1 Traceback (most recent call last):" || a.Logs[len(a.Logs)-1] != "1 KeyError: 'k'" {
			t.Errorf("%s: logged lines = %q", python, a.Logs)
		}
		g.call(request{Path: "/later"})
		if f := g.read(); f.kind != typeLog || f.stream != 0 || string(f.payload) != "\x01after the call" {
			t.Errorf("%s: line of a thread after the call = %d on %d: %q", python, f.kind, f.stream, f.payload)
		}
		g.call(request{Path: "/raw"})
		if a = g.call(request{Path: "/closed"}); a.Body != "ok" {
			t.Errorf("%s: answer of a handler that closed stdout = %q %v", python, a.Body, a.Error)
		}
		g.stop()
		if got := g.stderr.String(); got != "to descriptor 1\nfrom a subprocess\n" {
			t.Errorf("%s: real descriptors got %q", python, got)
		}
	}
}

func TestJSONLogs(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "lambda", Entry: "events.printing",
		Env: map[string]string{"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "info"}})
	a := g.call(request{Path: "/logging"})
	if len(a.Logs) != 2 {
		t.Fatalf("logs = %q, want two", a.Logs)
	}
	got := object(t, []byte(a.Logs[0][2:]))
	delete(got, "timestamp")
	want := map[string]any{"level": "INFO", "message": "told you", "logger": "root", "requestId": "call-1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("line differs (-want +got):\n%s", diff)
	}
	if got = object(t, []byte(a.Logs[1][2:])); got["errorType"] != "KeyError" || got["stackTrace"] == nil {
		t.Errorf("line of an exception = %v", got)
	}
}

func TestHandlersThatEndTheProcess(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]struct {
		code int
		logs []string
	}{
		"exit": {3, []string{"unfinished"}}, "zero": {0, []string{"unfinished"}},
		"text": {1, []string{"unfinished", "bye"}}, "os": {4, nil}, "close": {0, nil},
	} {
		for _, concurrency := range []int{1, 3} {
			g := serve(t, spec{Dialect: "lambda", Entry: "events.exiting", Concurrency: concurrency})
			g.open(request{Path: "/" + path})
			var logs []string
			for {
				f, err := g.tryRead()
				if err != nil {
					break
				}
				if f.kind != typeLog {
					t.Errorf("%s: frame %d %q, want none but logs", path, f.kind, f.payload)
					continue
				}
				logs = append(logs, string(f.payload[1:]))
			}
			<-g.exited
			slices.Sort(logs)
			wantLogs := slices.Sorted(slices.Values(want.logs))
			if code := g.cmd.ProcessState.ExitCode(); code != want.code || cmp.Diff(wantLogs, logs) != "" {
				t.Errorf("%s at concurrency %d: exit code %d, logs %q, want %d, %q", path, concurrency, code, logs, want.code, wantLogs)
			}
		}
	}
	g := serve(t, spec{Dialect: "asgi", Entry: "loops.app"})
	g.open(request{Path: "/exit"})
	<-g.exited
	if code := g.cmd.ProcessState.ExitCode(); code != 5 {
		t.Errorf("exit code of an ASGI application = %d, want 5", code)
	}
}

func TestForksLeaveTheSocketAlone(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{1, 2} {
		g := serve(t, spec{Dialect: "lambda", Entry: "events.forking", Concurrency: concurrency})
		for path, want := range map[string]string{"exit": "parent 7", "return": "parent 0", "raise": "parent 0"} {
			a := g.call(request{Path: "/" + path})
			if a.Body != want || a.Error != nil || len(a.Logs) != 0 {
				t.Errorf("%s: answer = %q %v, logs %q, want %q", path, a.Body, a.Error, a.Logs, want)
			}
		}
		g.stop()
		if got := strings.Count(g.stderr.String(), "child prints\n"); got != 3 {
			t.Errorf("children printed %q, want three lines on the real descriptor", g.stderr)
		}
	}
}

// pattern is a body whose pieces can be told apart.
func pattern(size int) []byte {
	data := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		data[i] = byte(i / 4096)
	}
	return data
}

// upload sends a body within the window that the guest grants, and gives the answer.
func (g *guest) upload(stream uint32, body []byte) *answer {
	g.t.Helper()
	a, credit := &answer{}, 262144
	over := false
	for len(body) > 0 && !over {
		if n := min(len(body), 65536, credit); n > 0 {
			g.send(typeBody, stream, body[:n])
			body, credit = body[n:], credit-n
			continue
		}
		f := g.read()
		if f.kind == typeWindow {
			credit += int(binary.BigEndian.Uint32(f.payload))
			continue
		}
		over = a.take(g.t, f)
		if f.kind == typeBody {
			g.send(typeWindow, stream, binary.BigEndian.AppendUint32(nil, uint32(len(f.payload))))
		}
	}
	g.send(typeEnd, stream, nil)
	if !over {
		rest := g.finish(stream)
		rest.Body = a.Body + rest.Body
		return rest
	}
	return a
}

func TestLargeBodies(t *testing.T) {
	t.Parallel()
	const size = 8 << 20
	body := pattern(size)
	sum := 0
	for i := 0; i < size; i += 4096 {
		sum += int(body[i])
	}
	for _, concurrency := range []int{1, 2} {
		g := serve(t, spec{Dialect: "lambda", Entry: "events.measure", Concurrency: concurrency})
		a := g.upload(g.open(request{Method: "POST", Length: size}), body)
		if want := fmt.Sprintf(`{"size":%d,"sum":%d}`, size, sum); a.Body != want {
			t.Errorf("lambda upload = %s %v, want %s", a.Body, a.Error, want)
		}
		g.stop()

		g = serve(t, spec{Dialect: "lambda", Entry: "events.large", Concurrency: concurrency})
		stream := g.open(request{Query: fmt.Sprintf("size=%d", size)})
		g.send(typeEnd, stream, nil)
		if a = g.finish(stream); len(a.Body) != size {
			t.Errorf("lambda download = %d bytes %v, want %d", len(a.Body), a.Error, size)
		}
		g.stop()

		g = serve(t, spec{Dialect: "wsgi", Entry: "gateway.reading", Concurrency: concurrency})
		if a = g.upload(g.open(request{Method: "POST", Path: "/echo", Length: -1}), body); a.Body != string(body) {
			t.Errorf("wsgi echo = %d bytes %v, want what was sent", len(a.Body), a.Error)
		}
		g.stop()
	}
	g := serve(t, spec{Dialect: "asgi", Entry: "loops.app"})
	if a := g.upload(g.open(request{Method: "POST", Path: "/echo", Length: -1}), body); a.Body != string(body) {
		t.Errorf("asgi echo = %d bytes %v, want what was sent", len(a.Body), a.Error)
	}
}

func TestUploadsAndDownloadsTakeConstantMemory(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	g := serve(t, spec{Dialect: "wsgi", Entry: "gateway.reading"})
	before := residentKB(t, g)
	a := g.upload(g.open(request{Method: "POST", Path: "/count", Length: size}), make([]byte, size))
	if a.Body != fmt.Sprint(size) {
		t.Fatalf("upload = %q %v", a.Body, a.Error)
	}
	if grown := residentKB(t, g) - before; grown > 4096 {
		t.Errorf("a body of 64 MiB made the guest grow by %d KiB, want at most 4096", grown)
	}
}

func residentKB(t *testing.T, g *guest) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.cmd.Process.Pid))
	if err != nil {
		t.Skipf("no /proc to read memory from: %v", err)
	}
	_, rest, _ := strings.Cut(string(data), "VmHWM:")
	var kb int
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		t.Fatal(err)
	}
	return kb
}

func TestASenderWaitsForTheWindow(t *testing.T) {
	t.Parallel()
	for _, s := range []spec{{Dialect: "wsgi", Entry: "gateway.styles"}, {Dialect: "asgi", Entry: "loops.app"},
		{Dialect: "wsgi", Entry: "gateway.styles", Concurrency: 2}} {
		g := serve(t, s)
		stream := g.open(request{Path: "/endless"})
		g.send(typeEnd, stream, nil)
		got := 0
		for got < 262144 {
			if f := g.read(); f.kind == typeBody {
				got += len(f.payload)
			}
		}
		// Nothing more may come until more is granted.
		_ = g.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if n, err := g.conn.Read(make([]byte, 1)); err == nil || !os.IsTimeout(err) {
			t.Fatalf("%s: guest sent %d bytes (%v) without allowance, after %d", s.Dialect, n, err, got)
		}
		g.send(typeWindow, stream, binary.BigEndian.AppendUint32(nil, 10))
		if f := g.read(); f.kind != typeBody || len(f.payload) != 10 {
			t.Errorf("%s: after a grant of 10 came frame %d of %d bytes", s.Dialect, f.kind, len(f.payload))
		}
		g.send(typeCancel, stream, nil)
		g.finish(stream)
		path, want := "/closed", `["endless"]`
		if s.Dialect == "asgi" {
			path, want = "/log", `[["startup", "listened"]`
		}
		if a := g.call(request{Path: path}); !strings.HasPrefix(a.Body, want) {
			t.Errorf("%s: after cancel: %q, want %q", s.Dialect, a.Body, want)
		}
		g.stop()
	}
}

func TestCancelWhileABodyIsRead(t *testing.T) {
	t.Parallel()
	for _, s := range []spec{{Dialect: "wsgi", Entry: "gateway.reading"}, {Dialect: "lambda", Entry: "events.echo"},
		{Dialect: "wsgi", Entry: "gateway.reading", Concurrency: 2}} {
		g := serve(t, s)
		stream := g.open(request{Method: "POST", Path: "/read", Length: 10})
		g.send(typeBody, stream, []byte("part"))
		g.send(typeCancel, stream, nil)
		g.finish(stream)
		if a := g.call(request{Method: "POST", Path: "/read", body: "whole"}); a.Status != 200 {
			t.Errorf("%s: answer after a canceled one = %d %v", s.Dialect, a.Status, a.Error)
		}
		g.stop()
	}
}

func TestCallsOfOneInstance(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "lambda", Entry: "events.counting"})
	for i := range 20 {
		if a := g.call(request{body: strings.Repeat("unread", i)}); a.Body != fmt.Sprint(i+1) {
			t.Fatalf("call %d = %q", i+1, a.Body)
		}
	}
}

func TestFramesInPieces(t *testing.T) {
	t.Parallel()
	for _, s := range []spec{{Dialect: "lambda", Entry: "events.echo"}, {Dialect: "asgi", Entry: "loops.app"}} {
		g := serve(t, s)
		head, err := json.Marshal(map[string]any{"id": "x", "kind": "http", "method": "GET", "path": "/any", "length": 2})
		if err != nil {
			t.Fatal(err)
		}
		data := slices.Concat(encode(typeRequest, 1, head), encode(typeBody, 1, []byte("ab")), encode(typeEnd, 1, nil))
		for _, b := range data {
			g.raw([]byte{b})
		}
		if a := g.finish(1); a.Status != 200 {
			t.Errorf("%s: answer = %d %v", s.Dialect, a.Status, a.Error)
		}
		g.stop()
	}
}

// TestGarbage feeds frames that no host sends. The guest may answer, ignore or end;
// it must not hang nor spin once the connection is closed.
func TestGarbage(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	entries := []spec{{Dialect: "lambda", Entry: "events.echo"}, {Dialect: "wsgi", Entry: "gateway.reading", Concurrency: 2},
		{Dialect: "asgi", Entry: "loops.app"}}
	for round := range 12 {
		g := serve(t, entries[round%len(entries)])
		go func() { // the guest's answers, so that it never waits for us
			buffer := make([]byte, 65536)
			for {
				if _, err := g.conn.Read(buffer); err != nil {
					return
				}
			}
		}()
		for range 50 {
			payload := make([]byte, random.IntN(200))
			for i := range payload {
				payload[i] = byte(random.UintN(256))
			}
			if random.IntN(3) == 0 {
				payload = []byte(`{"id":3,"kind":"http","headers":[["a","b"]],"length":4}`)
			}
			data := encode(random.IntN(16), uint32(random.IntN(4)), payload)
			if random.IntN(20) == 0 {
				data = data[:random.IntN(len(data)+1)]
			}
			_ = g.conn.SetWriteDeadline(time.Now().Add(patience))
			if _, err := g.conn.Write(data); err != nil {
				break
			}
		}
		g.stop()
	}
	g := boot(t, system(t))
	g.raw([]byte{0xff, 0xff, 0xff, typeSpecialise, 0, 0, 0, 0})
	<-g.exited
}

func TestGuestIsSmallAndQuick(t *testing.T) {
	g := boot(t, system(t)) // compiles, and warms the file cache
	g.stop()
	start := time.Now()
	g = boot(t, system(t))
	took := time.Since(start)
	kb := residentKB(t, g)
	t.Logf("hello after %s, %d KiB resident", took, kb)
	if kb > 28<<10 {
		t.Errorf("a stem takes %d KiB, want at most 28 MiB", kb)
	}
}

func TestErrorPayloadIsBase64(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "wsgi", Entry: "gateway.styles"})
	a := g.call(request{Path: "/raise"})
	payload, err := base64.StdEncoding.DecodeString(a.Error["payload"].(string))
	if err != nil || object(t, payload)["errorType"] != "LookupError" {
		t.Errorf("payload = %q, %v", payload, err)
	}
}

func TestWhatDoesNotFitAFrameIsToldAllTheSame(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "lambda", Entry: "events.long_headers"})
	a := g.call(request{})
	if a.Error["kind"] != "bad_response" || !strings.HasPrefix(a.Error["message"].(string), "the response's headers take 1048") {
		t.Errorf("error = %v", a.Error)
	}
	g = serve(t, spec{Dialect: "lambda", Entry: "events.long_type"})
	if a = g.call(request{}); !strings.HasPrefix(fmt.Sprint(a.Error["type"]), "TTTT") {
		t.Errorf("error = %.100v", a.Error)
	}
}
