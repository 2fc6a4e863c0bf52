// SPDX-License-Identifier: Apache-2.0

package ruby_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/guest/guesttest"
	"github.com/dayfly-faas/dayfly/internal/guest/ruby"
)

// boot starts the guest on a source, whose files are given by name.
func boot(t *testing.T, files map[string]string) (*guesttest.Guest, string) {
	t.Helper()
	program, err := exec.LookPath("ruby")
	if err != nil {
		t.Skip("SKIPPED: there is no ruby on this machine; install it to test the Ruby guest")
	}
	task := t.TempDir()
	for name, text := range files {
		path := filepath.Join(task, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	argv := append([]string{program}, ruby.Flags()...)
	return guesttest.Boot(t, append(argv, filepath.Join("source", ruby.Entry))...), task
}

// serve boots a guest and makes it an instance.
func serve(t *testing.T, dialect dayfly.Dialect, entry string, files map[string]string) *guesttest.Guest {
	t.Helper()
	g, task := boot(t, files)
	if err := g.Become(frame.SpecialiseHead{Dialect: dialect, Entry: entry, Task: task}); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestLambda(t *testing.T) {
	t.Parallel()
	g := serve(t, dayfly.DialectLambda, "src/app.Shop::Cart.add", map[string]string{"src/app.rb": `
require "json"
module Shop
  class Cart
    def self.add(event:, context:)
      puts "adding #{event['item']}"
      raise ArgumentError, "no item" unless event["item"]
      {item: event["item"], id: context.aws_request_id, left: context.get_remaining_time_in_millis > 1000,
       deadline: context.deadline_ms.class.to_s, version: context.function_version.inspect}
    end
  end
end
`})
	got := g.Event(`{"item": "é"}`)
	want := `{"item":"é","id":"inv-1","left":true,"deadline":"Integer","version":"nil"}`
	if got.Body != want || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("answer = %q %v, want %q", got.Body, got.Header, want)
	}
	failed := g.Event(`{}`).Failure
	if failed == nil || failed.Type != "ArgumentError" {
		t.Fatalf("failure = %+v, want ArgumentError", failed)
	}
	var told struct {
		ErrorMessage, ErrorType string
		StackTrace              []string
	}
	if err := json.Unmarshal(failed.Payload, &told); err != nil {
		t.Fatal(err)
	}
	if told.ErrorMessage != "no item" || told.ErrorType != "Function<ArgumentError>" ||
		len(told.StackTrace) != 1 || !strings.Contains(told.StackTrace[0], "app.rb:7:in `add'") {
		t.Errorf("error JSON = %+v", told)
	}
	if !slices.Contains(g.Lines(), "stdout: adding é") {
		t.Errorf("lines = %q", g.Lines())
	}
	if got := g.Event(`{"item": 1}`); got.Status != 200 {
		t.Errorf("an exception ended the guest: %+v", got)
	}
}

func TestLambdaEndsAfterWhatItMayNotSurvive(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"NoMethodError": "nil.nothing", "NameError": "nothing", "NotImplementedError": "raise NotImplementedError",
		"SystemExit": "exit",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := serve(t, dayfly.DialectLambda, "app.handler", map[string]string{
				"app.rb": "def handler(event:, context:)\n  " + body + "\nend\n"})
			failed := g.Event(`{}`).Failure
			if failed == nil || !strings.Contains(string(failed.Payload), "Function<"+name+">") {
				t.Errorf("failure = %+v", failed)
			}
			if status := g.ExitStatus(); status != 255 {
				t.Errorf("exit status = %d, want 255", status)
			}
		})
	}
}

func TestWhatCannotStart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dialect     dayfly.Dialect
		entry, text string
		want        string
	}{
		"a file that is not there": {dayfly.DialectLambda, "none.handler", "", "LoadError: cannot load such file -- none"},
		"a handler without method": {dayfly.DialectLambda, "app", "", "ArgumentError: Invalid handler [\"app\"], must be"},
		"code that raises":         {dayfly.DialectLambda, "app.handler", "raise 'no'", "RuntimeError: no"},
		"a mistake in the code":    {dayfly.DialectLambda, "app.handler", "def (", "SyntaxError: "},
		"no application":           {dayfly.DialectRack, "app", "", "Runtime.HandlerNotFound: the module defines no application"},
		"another dialect":          {dayfly.DialectWSGI, "app", "", `Runtime.UnknownDialect: dialect "wsgi" is not one of Ruby`},
		"a function not registered": {dayfly.DialectFramework, "app.other",
			"require 'functions_framework'\nFunctionsFramework.http('one') { 'x' }", "these are: one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, task := boot(t, map[string]string{"app.rb": c.text})
			err := g.Become(frame.SpecialiseHead{Dialect: c.dialect, Entry: c.entry, Task: task})
			failure, ok := guest.FailureOf(err)
			if !ok {
				t.Fatalf("error = %v, want a failure", err)
			}
			if got := failure.Type + ": " + failure.Message; !strings.Contains(got, c.want) {
				t.Errorf("failure = %q, want %q", got, c.want)
			}
			if !strings.Contains(string(failure.Payload), `"errorType":"Init<`) {
				t.Errorf("error JSON = %s", failure.Payload)
			}
			if status := g.ExitStatus(); status != 252 {
				t.Errorf("exit status = %d, want 252", status)
			}
		})
	}
}

const rackup = `
require "json"
class Up
  def initialize(app, by: 1) = (@app, @by = app, by)
  def call(env)
    status, headers, body = @app.call(env)
    [status + @by, headers, body]
  end
end
use Up, by: 2
map("/env") { run ->(env) { [200, {"content-type" => "application/json"}, [JSON.generate(
  env.slice("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "SERVER_NAME", "SERVER_PORT",
    "REMOTE_ADDR", "HTTP_X_A", "HTTP_HOST", "CONTENT_TYPE", "CONTENT_LENGTH", "rack.url_scheme", "HTTP_PROXY"))]] } }
map("/body") { run ->(env) {
  first = env["rack.input"].gets
  env["rack.input"].rewind
  [200, {"set-cookie" => "a=1\nb=2"}, [first.to_s, env["rack.input"].read.bytesize.to_s, "|", env["rack.input"].read(1).inspect]] } }
map("/raise") { run ->(_) { raise "in rack" } }
map("/each") { run ->(_) { body = Object.new
  def body.each = 1000.times { |n| yield("x" * 1000) }
  def body.close = puts("closed")
  [200, {"x-list" => %w[1 2]}, body] } }
map("/hijack") { run ->(_) { [200, {"rack.hijack" => ->(io) { Thread.new { io.write("later"); io.close } }}, []] } }
run ->(env) { [404, {}, ["none"]] }
`

func TestRack(t *testing.T) {
	t.Parallel()
	g := serve(t, dayfly.DialectRack, "config", map[string]string{"config.ru": rackup})
	got := g.HTTP("POST", "/env/a%20b?c=d", "hi", "X-A: 1", "X-A: 2", "Content-Type: text/plain", "Proxy: evil")
	want := `{"REQUEST_METHOD":"POST","SCRIPT_NAME":"/env","PATH_INFO":"/a%20b","QUERY_STRING":"c=d",` +
		`"SERVER_NAME":"example.test","SERVER_PORT":"8080","REMOTE_ADDR":"192.0.2.7","HTTP_X_A":"1, 2",` +
		`"HTTP_HOST":"example.test:8080","CONTENT_TYPE":"text/plain","CONTENT_LENGTH":"2","rack.url_scheme":"http"}`
	if diff := cmp.Diff(want, got.Body); diff != "" || got.Status != 202 {
		t.Errorf("status %d, environment (-want +got):\n%s", got.Status, diff)
	}
	large := strings.Repeat("line\n", 500_000) // more than the window, and than what is kept in memory
	got = g.HTTP("POST", "/body", large)
	if want := fmt.Sprintf("line\n%d|nil", len(large)); got.Body != want {
		t.Errorf("body = %.80q, want %q", got.Body, want)
	}
	if diff := cmp.Diff([]string{"a=1", "b=2"}, got.Header["Set-Cookie"]); diff != "" {
		t.Errorf("cookies (-want +got):\n%s", diff)
	}
	if got := g.HTTP("GET", "/each", ""); len(got.Body) != 1_000_000 || len(got.Header["X-List"]) != 2 {
		t.Errorf("streamed %d bytes, header %v", len(got.Body), got.Header)
	}
	if !slices.Contains(g.Lines(), "stdout: closed") {
		t.Error("the body was not closed")
	}
	if got := g.HTTP("GET", "/hijack", ""); got.Body != "later" {
		t.Errorf("hijacked answer = %q", got.Body)
	}
	if got := g.HTTP("GET", "/raise", ""); got.Failure == nil || got.Failure.Message != "in rack" {
		t.Errorf("failure = %+v", got.Failure)
	}
	if got := g.HTTP("GET", "/", ""); got.Status != 406 || got.Body != "none" {
		t.Errorf("default application: %d %q", got.Status, got.Body)
	}
}

func TestConcurrentCalls(t *testing.T) {
	t.Parallel()
	g, task := boot(t, map[string]string{"app.rb": `
GATE = Queue.new
App = lambda do |env|
  if env["PATH_INFO"] == "/wait"
    puts "waiting"
    [200, {}, [GATE.pop]]
  else
    GATE << "released"
    [200, {}, [env["rack.multithread"].inspect]]
  end
end
`})
	if err := g.Become(frame.SpecialiseHead{Dialect: dayfly.DialectRack, Entry: "app", Task: task, Concurrency: 4}); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			if got := g.HTTP("GET", "/wait", ""); got.Body != "released" {
				t.Errorf("answer = %q", got.Body)
			}
		})
	}
	for range 3 {
		if got := g.HTTP("GET", "/go", ""); got.Body != "true" {
			t.Errorf("rack.multithread = %s", got.Body)
		}
	}
	wait.Wait()
}

func TestFunctionsFramework(t *testing.T) {
	t.Parallel()
	g := serve(t, dayfly.DialectFramework, "app.one", map[string]string{"app.rb": `
require "functions_framework"
FunctionsFramework.http("one") do |request|
  next [201, {"x-a" => "b"}, ["made"]] if request.path == "/array"
  next({params: request.params, cookies: request.cookies}) if request.path == "/hash"
  raise "broken" if request.path == "/raise"
  "#{request.request_method} #{request.url} #{request.body.read}"
end
`})
	if got := g.HTTP("PUT", "/p?q=1", "in"); got.Body != "PUT http://example.test:8080/p?q=1 in" ||
		got.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("text = %q %v", got.Body, got.Header)
	}
	if got := g.HTTP("GET", "/array", ""); got.Status != 201 || got.Header.Get("X-A") != "b" {
		t.Errorf("array = %+v", got)
	}
	got := g.HTTP("POST", "/hash?a=1", "b=%C3%A9", "Content-Type: application/x-www-form-urlencoded", "Cookie: c=d")
	if want := `{"params":{"a":"1","b":"é"},"cookies":{"c":"d"}}`; got.Body != want {
		t.Errorf("hash = %s, want %s", got.Body, want)
	}
	if got := g.HTTP("GET", "/raise", ""); got.Status != 500 || got.Failure == nil || got.Body != "Unexpected internal error" {
		t.Errorf("raised = %+v", got)
	}
	if got := g.HTTP("GET", "/favicon.ico", ""); got.Status != 404 {
		t.Errorf("favicon = %d", got.Status)
	}
}

func TestCloudEvents(t *testing.T) {
	t.Parallel()
	g := serve(t, dayfly.DialectCloudEvent, "app.e", map[string]string{"app.rb": `
require "functions_framework"
FunctionsFramework.cloud_event("e") { |event| puts [event.id, event.subject, event.data.inspect, event["extra"]].join(" ") }
`})
	required := []string{"ce-id: 1", "ce-type: t", "ce-source: /s", "ce-specversion: 1.0"}
	for _, c := range []struct {
		name, body string
		headers    []string
		status     int
		line       string
	}{
		{"binary", `{"a":1}`, append(required, "ce-subject: a%20%C3%A9", "Content-Type: application/json"), 200, `1 a é {"a"=>1} `},
		{"structured", `{"specversion":"1.0","id":"2","type":"t","source":"s","extra":"x","data_base64":"aGk="}`,
			[]string{"Content-Type: application/cloudevents+json"}, 200, `2  "hi" x`},
		{"no event", `hi`, nil, 400, ""},
		{"not JSON", `{`, []string{"Content-Type: application/cloudevents+json"}, 400, ""},
		{"an attribute lacks", `{}`, []string{"ce-id: 1", "Content-Type: application/json"}, 400, ""},
		{"an empty batch", `[]`, []string{"Content-Type: application/cloudevents-batch+json"}, 200, ""},
		{"a batch", `[{"specversion":"1.0","id":"3","type":"t","source":"s","data":5},{"specversion":"1.0","id":"4","type":"t","source":"s"}]`,
			[]string{"Content-Type: application/cloudevents-batch+json"}, 200, "4  nil "},
		{"no batch", `{}`, []string{"Content-Type: application/cloudevents-batch+json"}, 400, ""},
		{"a batch of what is none", `[5]`, []string{"Content-Type: application/cloudevents-batch+json"}, 400, ""},
		{"another version", `{}`, []string{"ce-id: 1", "ce-type: t", "ce-source: s", "ce-specversion: 0.3"}, 400, ""},
	} {
		got := g.HTTP("POST", "/", c.body, c.headers...)
		if got.Status != c.status {
			t.Errorf("%s: status %d, want %d: %s", c.name, got.Status, c.status, got.Body)
		}
		if c.line != "" && !slices.Contains(g.Lines(), "stdout: "+c.line) {
			t.Errorf("%s: lines %q, want %q", c.name, g.Lines(), c.line)
		}
	}
}

func TestOpenFaaS(t *testing.T) {
	t.Parallel()
	classic := serve(t, dayfly.DialectOpenFaaS, "handler.Handler", map[string]string{
		"handler.rb": "class Handler\n  def run(req) = req.reverse\nend\n"})
	if got := classic.HTTP("POST", "/", "é!"); got.Body != "!é\n" {
		t.Errorf("classic = %q", got.Body)
	}
	http := serve(t, dayfly.DialectOpenFaaS, "function/handler.Handler", map[string]string{"function/handler.rb": `
class Handler
  def run(body, env)
    ["#{env['REQUEST_METHOD']} #{body.read}", {"Content-Type" => "text/x"}, 202]
  end
end
`})
	if got := http.HTTP("POST", "/", "hi"); got.Body != "POST hi" || got.Status != 202 || got.Header.Get("Content-Type") != "text/x" {
		t.Errorf("http = %+v", got)
	}
}

func TestOpenWhisk(t *testing.T) {
	t.Parallel()
	g := serve(t, dayfly.DialectOpenWhisk, "main.main", map[string]string{
		"main.rb": "def main(params)\n  params['bad'] ? 7 : {id: ENV['__OW_ACTIVATION_ID'], got: params}\nend\n"})
	if got := g.Event(`{"a":1}`); got.Body != `{"id":"inv-1","got":{"a":1}}` {
		t.Errorf("answer = %s", got.Body)
	}
	if got := g.Event(`{"bad":1}`).Failure; got == nil || got.Message != "The action did not return a dictionary." ||
		got.Kind != dayfly.FailureResponse {
		t.Errorf("failure = %+v", got)
	}
}

func TestStandardStreams(t *testing.T) {
	t.Parallel()
	g := serve(t, dayfly.DialectLambda, "app.handler", map[string]string{"app.rb": `
require "logger"
$stdout.sync = true
LOG = Logger.new(STDOUT, formatter: ->(*words) { "#{words.last}\n" })
def handler(event:, context:)
  STDOUT.print "a"
  $stdout << "b" << "\n"
  warn "careful"
  LOG.info "logged"
  p :symbol
  $stderr.printf("%d\n", 7)
  print "no end"
  child = fork { puts "from the child" }
  Process.wait(child)
  {tty: $stdout.tty?, number: $stdout.fileno}
end
`})
	if got := g.Event(`{}`); got.Body != `{"tty":false,"number":1}` {
		t.Errorf("answer = %+v", got)
	}
	want := []string{"stdout: ab", "stderr: careful", "stdout: logged", "stdout: :symbol", "stderr: 7", "stdout: no end"}
	if diff := cmp.Diff(want, g.Lines()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestTheBundleHasItsOwnJSON(t *testing.T) {
	t.Parallel()
	g := serve(t, dayfly.DialectLambda, "app.handler", map[string]string{
		"Gemfile": "gem 'json', path: 'own'\n",
		"Gemfile.lock": "PATH\n  remote: own\n  specs:\n    json (9.9.9)\n\nPLATFORMS\n  ruby\n  x86_64-linux\n\n" +
			"DEPENDENCIES\n  json!\n\nBUNDLED WITH\n   2.3.15\n",
		"own/json.gemspec": "Gem::Specification.new do |s|\n  s.name, s.version, s.summary, s.authors = 'json', '9.9.9', 'x', ['x']\n" +
			"  s.files = ['lib/json.rb']\nend\n",
		"own/lib/json.rb": "module JSON\n  VERSION = '9.9.9'\nend\n",
		"app.rb":          "require 'json'\ndef handler(event:, context:) = {version: JSON::VERSION, event: event}\n",
	})
	if got := g.Event(`{"a":1}`); got.Body != `{"version":"9.9.9","event":{"a":1}}` {
		t.Errorf("answer = %+v", got)
	}
}

func TestMissingGemsAreTold(t *testing.T) {
	t.Parallel()
	g, task := boot(t, map[string]string{"Gemfile": "gem 'no-such-gem'\n", "config.ru": rackup,
		"Gemfile.lock": "GEM\n  remote: https://rubygems.org/\n  specs:\n    no-such-gem (1.0)\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  no-such-gem\n"})
	err := g.Become(frame.SpecialiseHead{Dialect: dayfly.DialectRack, Entry: "config", Task: task})
	failure, ok := guest.FailureOf(err)
	if !ok || !strings.Contains(failure.Message, "no-such-gem") {
		t.Errorf("error = %v, want a failure that names the gem", err)
	}
}
