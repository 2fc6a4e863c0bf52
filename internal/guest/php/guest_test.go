// SPDX-License-Identifier: Apache-2.0

package php_test

import (
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
	"github.com/dayfly-faas/dayfly/internal/guest/php"
)

// boot starts the guest on a source, whose files are given by name.
func boot(t *testing.T, files map[string]string) (*guesttest.Guest, string) {
	t.Helper()
	program, err := exec.LookPath("php")
	if err != nil {
		t.Skip("SKIPPED: there is no php on this machine; install php-cli to test the PHP guest")
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
	argv := append([]string{program}, php.Flags()...)
	return guesttest.Boot(t, append(argv, filepath.Join("source", php.Entry))...), task
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

const functions = `<?php
use Psr\Http\Message\{ServerRequestInterface, ResponseInterface};
use Nyholm\Psr7\Response;

function one(ServerRequestInterface $request): ResponseInterface|string|int
{
    $path = $request->getUri()->getPath();
    return match ($path) {
        '/request' => json_encode([
            $request->getMethod(), (string) $request->getUri(), $request->getHeaderLine('x-a'), $request->getQueryParams(),
            $request->getCookieParams(), $request->getParsedBody(), $request->getServerParams()['REMOTE_ADDR'],
            $request->withAttribute('k', 'v')->getAttribute('k'), strlen((string) $request->getBody()),
        ], JSON_UNESCAPED_SLASHES),
        '/upload' => (function ($file) use ($request) {
            $file->moveTo('/tmp/' . uniqid('moved'));
            return $file->getClientFilename() . ' ' . $file->getSize() . ' ' . json_encode($request->getParsedBody());
        })($request->getUploadedFiles()['f']),
        '/response' => (new Response(201, ['X-List' => ['1', '2']], 'made'))->withHeader('x-b', 'c')->withoutHeader('x-c'),
        '/large' => new Response(200, [], str_repeat('x', 1000000)),
        '/wrong' => 7,
        '/throw' => throw new DomainException('thrown'),
        '/warn' => (string) print("echo\nno end") . $undefined,
        '/exit' => exit(3),
        '/memory' => str_repeat('x', PHP_INT_MAX >> 20) . (function () { ini_set('memory_limit', '32M'); return str_repeat('x', 1 << 27); })(),
        '/buffer' => (function () { ob_start(); echo 'lost'; return 'kept'; })(),
    };
}
`

func TestFramework(t *testing.T) {
	t.Parallel()
	g := serve(t, dayfly.DialectFramework, "index.one", map[string]string{"index.php": functions})
	got := g.HTTP("POST", "/request?q[]=1&q[]=2", "a=b%20c", "X-A: 1", "X-A: 2", "Cookie: c=d%21; e=f",
		"Content-Type: application/x-www-form-urlencoded")
	want := `["POST","http://example.test:8080/request?q[]=1&q[]=2","1, 2",{"q":["1","2"]},{"c":"d!","e":"f"},` +
		`{"a":"b c"},"192.0.2.7","v",7]`
	if diff := cmp.Diff(want, got.Body); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	form := "--b\r\nContent-Disposition: form-data; name=\"x[y]\"\r\n\r\n1\r\n--b\r\nContent-Disposition: form-data; " +
		"name=\"f\"; filename=\"../a.txt\"\r\n\r\nfour\r\n--b--\r\n"
	if got := g.HTTP("POST", "/upload", form, "Content-Type: multipart/form-data; boundary=b"); got.Body != `a.txt 4 {"x":{"y":"1"}}` {
		t.Errorf("upload = %+v", got)
	}
	got = g.HTTP("GET", "/response", "")
	if got.Status != 201 || got.Body != "made" || len(got.Header["X-List"]) != 2 || got.Header.Get("X-B") != "c" {
		t.Errorf("response = %+v", got)
	}
	if got := g.HTTP("GET", "/large", ""); len(got.Body) != 1_000_000 {
		t.Errorf("large: %d bytes", len(got.Body))
	}
	if got := g.HTTP("POST", "/request", strings.Repeat("x", 1_000_000)); !strings.HasSuffix(got.Body, ",1000000]") {
		t.Errorf("a large request came as %q", got.Body)
	}
	for path, want := range map[string]string{"/throw": "DomainException: thrown", "/wrong": "UnexpectedValueException: "} {
		got := g.HTTP("GET", path, "")
		if got.Status != 500 || got.Header.Get("X-Google-Status") != "crash" || got.Failure == nil ||
			!strings.Contains(got.Failure.Type+": "+got.Failure.Message, want) {
			t.Errorf("%s = %+v", path, got)
		}
	}
	if got := g.HTTP("GET", "/buffer", ""); got.Body != "kept" {
		t.Errorf("buffer = %+v", got)
	}
	if got := g.HTTP("GET", "/warn", ""); got.Body != "1" || !slices.Contains(g.Lines(), "stdout: echo") ||
		!slices.Contains(g.Lines(), "stdout: no end") {
		t.Errorf("echo: %+v, lines %q", got, g.Lines())
	}
}

func TestCallsAtOnceWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	g, task := boot(t, map[string]string{"index.php": functions})
	if err := g.Become(frame.SpecialiseHead{Dialect: dayfly.DialectFramework, Entry: "index.one", Task: task, Concurrency: 8}); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			size := i * 100_000
			got := g.HTTP("POST", "/request", strings.Repeat("x", size))
			if want := fmt.Sprintf(",%d]", size); !strings.HasSuffix(got.Body, want) {
				t.Errorf("answer = %q, want %q at its end", got.Body, want)
			}
			if got := g.HTTP("GET", "/large", ""); len(got.Body) != 1_000_000 {
				t.Errorf("large: %d bytes", len(got.Body))
			}
		})
	}
	wait.Wait()
}

func TestTheEndOfTheProcess(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/exit": "Runtime.ExitError: the handler ended the process", "/memory": "FatalError: Allowed memory size",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			g := serve(t, dayfly.DialectFramework, "index.one", map[string]string{
				"index.php": strings.Replace(functions, "str_repeat('x', PHP_INT_MAX >> 20) . ", "", 1)})
			got := g.HTTP("GET", path, "")
			if got.Failure == nil || !strings.HasPrefix(got.Failure.Type+": "+got.Failure.Message, want) {
				t.Errorf("failure = %+v, want %s", got.Failure, want)
			}
			g.ExitStatus()
		})
	}
}

func TestCloudEvents(t *testing.T) {
	t.Parallel()
	g := serve(t, dayfly.DialectCloudEvent, "index.seen", map[string]string{"index.php": `<?php
use Google\CloudFunctions\{CloudEvent, FunctionsFramework};
FunctionsFramework::cloudEvent('seen', function (CloudEvent $event) {
    if ($event->getType() === 'bad') { throw new Exception('bad event'); }
    echo implode(' ', [$event->getId(), $event->getSubject(), json_encode($event->getData())]), "\n";
});
`})
	for _, c := range []struct {
		name, body string
		headers    []string
		status     int
		line       string
	}{
		{"binary", `{"a":1}`, []string{"ce-id: 1", "ce-type: t", "ce-source: s", "ce-specversion: 1.0",
			"ce-subject: a%20%C3%A9", "Content-Type: application/json"}, 200, `1 a é {"a":1}`},
		{"structured", `{"specversion":"1.0","id":"2","type":"t","source":"s","data":{"b":2}}`,
			[]string{"Content-Type: application/cloudevents+json"}, 200, `2  {"b":2}`},
		{"no event", `hi`, nil, 400, ""},
		{"not JSON", `{`, []string{"Content-Type: application/cloudevents+json"}, 400, ""},
		{"an attribute lacks", `{}`, []string{"ce-id: 1"}, 400, ""},
		{"a batch", `[{"specversion":"1.0","id":"3","type":"t","source":"s"},{"specversion":"1.0","id":"4","type":"t","source":"s"}]`,
			[]string{"Content-Type: application/cloudevents-batch+json"}, 200, `4  null`},
		{"no batch", `{}`, []string{"Content-Type: application/cloudevents-batch+json"}, 400, ""},
		{"a batch of what is none", `[5]`, []string{"Content-Type: application/cloudevents-batch+json"}, 400, ""},
		{"thrown", `{"specversion":"1.0","id":"2","type":"bad","source":"s"}`,
			[]string{"Content-Type: application/cloudevents+json"}, 500, ""},
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
	g := serve(t, dayfly.DialectOpenFaaS, "src/Handler.Handler", map[string]string{"src/Handler.php": `<?php
namespace Any\Name;
class Handler { public function handle($data) { echo getenv('Http_Method'), ' '; return strrev($data); } }
`})
	if got := g.HTTP("PUT", "/", "abc"); got.Body != "PUT cba" {
		t.Errorf("answer = %+v", got)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	whisk := serve(t, dayfly.DialectOpenWhisk, "index.main", map[string]string{"index.php": `<?php
function main(array $args) { return isset($args['bad']) ? 7 : ['id' => getenv('__OW_ACTIVATION_ID'), 'got' => $args]; }`})
	if got := whisk.Event(`{"a":1.0}`); got.Body != `{"id":"inv-1","got":{"a":1.0}}` {
		t.Errorf("answer = %s", got.Body)
	}
	if got := whisk.Event(`{"bad":1}`).Failure; got == nil || got.Message != "The action did not return a dictionary." {
		t.Errorf("failure = %+v", got)
	}
	lambda := serve(t, dayfly.DialectLambda, "handler", map[string]string{"handler.php": `<?php
use Bref\Context\Context;
use Bref\Event\Handler;
return new class implements Handler {
    public function handle($event, Context $context) {
        if ($event === null) { throw new LogicException('no event'); }
        return [$event, $context->getAwsRequestId(), $context->getRemainingTimeInMillis() > 1000];
    }
};`})
	if got := lambda.Event(`{"a":"é/"}`); got.Body != `[{"a":"é/"},"inv-1",true]` {
		t.Errorf("answer = %s", got.Body)
	}
	failed := lambda.Event(`null`).Failure
	if failed == nil || !strings.Contains(string(failed.Payload), `"errorType":"LogicException","errorMessage":"no event"`) {
		t.Errorf("failure = %+v", failed)
	}
}

func TestWhatCannotStart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dialect     dayfly.Dialect
		entry, text string
		want        string
	}{
		"a file that is not there": {dayfly.DialectLambda, "none", "<?php", "Runtime.HandlerNotFound: entry \"none\" names"},
		"a file above the code":    {dayfly.DialectLambda, "../../etc/passwd", "<?php", "Runtime.HandlerNotFound: entry"},
		"a file without handler":   {dayfly.DialectLambda, "index", "<?php", "Runtime.HandlerNotFound: the file returns no"},
		"a missing function":       {dayfly.DialectFramework, "index.f", "<?php", "Runtime.HandlerNotFound: \"f\" is not defined"},
		"a mistake in the code":    {dayfly.DialectLambda, "index", "<?php function (", "ParseError: "},
		"code that throws":         {dayfly.DialectLambda, "index", "<?php throw new Exception('no');", "Exception: no"},
		"code that exits":          {dayfly.DialectLambda, "index", "<?php exit(4);", "Runtime.ExitError: "},
		"another dialect":          {dayfly.DialectWSGI, "index", "<?php", "Runtime.UnknownDialect: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, task := boot(t, map[string]string{"index.php": c.text})
			err := g.Become(frame.SpecialiseHead{Dialect: c.dialect, Entry: c.entry, Task: task})
			failure, ok := guest.FailureOf(err)
			if !ok {
				t.Fatalf("error = %v, want a failure", err)
			}
			if got := fmt.Sprintf("%s %s: %s", failure.Kind, failure.Type, failure.Message); !strings.HasPrefix(got, "init "+c.want) {
				t.Errorf("failure = %q, want %q", got, c.want)
			}
			g.ExitStatus()
		})
	}
}
