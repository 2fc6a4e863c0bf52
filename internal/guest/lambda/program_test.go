// SPDX-License-Identifier: Apache-2.0

package lambda_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// perl is a runtime in a page: it takes events, and does with each what its text says.
const perl = `#!/usr/bin/perl
use strict; use IO::Socket::INET; $| = 1;
sub ask { my ($method, $path, $body) = @_;
  my $s = IO::Socket::INET->new($ENV{AWS_LAMBDA_RUNTIME_API}) or die $!;
  print $s "$method /2018-06-01/runtime/$path HTTP/1.0\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
  local $/; my $all = <$s>; my ($head, $text) = split /\r\n\r\n/, $all, 2; return ($head, $text); }
BEGIN
while (1) {
  my ($head, $event) = ask("GET", "invocation/next", "");
  my ($id) = $head =~ /Request-Id: (\S+)/i;
  if ($event =~ /exit (\d+)/) { exit $1 }
  if ($event =~ /kill/) { kill 9, $$ }
  if ($event =~ /last words/) { ask("POST", "invocation/$id/error", '{"errorType":"Last","errorMessage":"words"}'); exit 5 }
  if ($event =~ /answer and exit/) { ask("POST", "invocation/$id/response", '"bye"'); exit 6 }
  ask("POST", "invocation/$id/response", $event);
}
`

// needPerl skips where there is none.
func needPerl(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/usr/bin/perl"); err != nil {
		t.Skip("SKIPPED: /usr/bin/perl is not on this machine; the package perl has it")
	}
}

func perlWorld(t *testing.T, begin string, change func(*frame.SpecialiseHead)) *world {
	t.Helper()
	needPerl(t)
	w := newWorld(t, []string{"./bootstrap"}, change)
	file := filepath.Join(w.rev.Task, "bootstrap")
	if err := os.WriteFile(file, []byte(strings.Replace(perl, "BEGIN", begin, 1)), 0o755); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestABootstrapServes(t *testing.T) {
	t.Parallel()
	w := perlWorld(t, "", nil)
	if failure := w.specialise(); failure != nil {
		t.Fatal(failure)
	}
	for range 3 {
		if got, _ := w.exchange(t.Context(), invocation(dayfly.RequestEvent, `{"n":1}`)); got != `200  {"n":1}` {
			t.Errorf("call = %s", got)
		}
	}
	got, _ := w.exchange(t.Context(), invocation(dayfly.RequestHTTP, "x"))
	if !strings.HasPrefix(got, `200 application/json {"version":"2.0"`) {
		t.Errorf("HTTP call = %s", got)
	}
}

func TestTheGuestEndsAsItsProgramDoes(t *testing.T) {
	t.Parallel()
	for event, want := range map[string]struct {
		text   string
		status int
	}{
		"exit 0":          {"error: guest is gone", 0},
		"exit 3":          {"error: guest is gone", 3},
		"kill":            {"error: guest is gone", 128 + 9},
		"last words":      {`exception Last {"errorType":"Last","errorMessage":"words"}`, 5},
		"answer and exit": {`200  "bye"`, 6},
	} {
		w := perlWorld(t, "", nil)
		if failure := w.specialise(); failure != nil {
			t.Fatal(failure)
		}
		got, _ := w.exchange(t.Context(), invocation(dayfly.RequestEvent, `"`+event+`"`))
		if got != want.text {
			t.Errorf("%s: caller got %s, want %s", event, got, want.text)
		}
		wait(t, w.ended, "end of the guest")
		if w.status != want.status {
			t.Errorf("%s: status %d, want %d", event, w.status, want.status)
		}
	}
}

func TestStartsThatFail(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ begin, want string }{
		"exit status": {"exit 4;", `Runtime.ExitError {"errorType":"Runtime.ExitError","errorMessage":"Error: Runtime exited with error: exit status 4"}`},
		"exit 0":      {"exit 0;", `Runtime.ExitError {"errorType":"Runtime.ExitError","errorMessage":"Error: Runtime exited without providing a reason"}`},
		"init error": {`ask("POST", "init/error", '{"errorType":"Oops","errorMessage":"m","requestId":""}'); exit 1;`,
			`Oops {"errorType":"Oops","errorMessage":"m","requestId":""}`},
	} {
		w := perlWorld(t, row.begin, nil)
		failure := w.specialise()
		if failure == nil || failure.Kind != dayfly.FailureInit || failure.Type+" "+string(failure.Payload) != row.want {
			t.Errorf("%s: %+v %s, want %s", name, failure, failure.Payload, row.want)
		}
	}
}

func TestTheProgramIsFound(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		command []string
		prepare func(task string) error
		want    string
	}{
		"no bootstrap": {nil, nil, "Couldn't find valid bootstrap(s): [TASK/bootstrap /opt/bootstrap]"},
		"a folder": {[]string{"bootstrap"}, func(task string) error { return os.Mkdir(filepath.Join(task, "bootstrap"), 0o755) },
			"TASK/bootstrap is a folder, not a program"},
		"not executable": {[]string{"./bootstrap"}, func(task string) error {
			return os.WriteFile(filepath.Join(task, "bootstrap"), []byte("x"), 0o644)
		}, "TASK/bootstrap is not executable"},
		"nowhere":          {[]string{"no-such-program"}, nil, "no-such-program is neither in the code nor on the PATH"},
		"not in the code":  {[]string{"./x/y"}, nil, "./x/y is neither in the code nor on the PATH"},
		"no ELF, no shell": {[]string{"./bootstrap"}, func(task string) error { return os.WriteFile(filepath.Join(task, "bootstrap"), []byte("x"), 0o755) }, "exec format error"},
	} {
		w := newWorld(t, row.command, nil)
		if row.prepare != nil {
			if err := row.prepare(w.rev.Task); err != nil {
				t.Fatal(err)
			}
		}
		failure := w.specialise()
		want := strings.ReplaceAll(row.want, "TASK", w.rev.Task)
		if failure == nil || failure.Type != "Runtime.InvalidEntrypoint" || !strings.Contains(failure.Message, want) {
			t.Errorf("%s: %v, want Runtime.InvalidEntrypoint: %s", name, failure, want)
		}
	}
}

func TestExtensionsOfTheProgramItself(t *testing.T) {
	t.Parallel()
	runs := filepath.Join(t.TempDir(), "runs")
	w := newWorld(t, []string{"sh", "-c", "touch " + runs + "; exec sleep 1000"}, nil)
	started := make(chan *dayfly.Failure, 1)
	go func() { started <- w.specialise() }()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(runs); err == nil {
			break // it is the program's turn, for which the test speaks
		}
		if time.Now().After(deadline) {
			t.Fatal("the program was not started")
		}
	}
	register := func(name, body string) *http.Response {
		return w.do("POST", "/2020-01-01/extension/register", body, []string{"Lambda-Extension-Name", name})
	}
	resp := register("mine", `{"events":["INVOKE"]}`)
	id := resp.Header.Get("Lambda-Extension-Identifier")
	if said := text(resp); len(id) != 36 || said != `200 {"functionName":"fn","functionVersion":"3","handler":"h"}` {
		t.Fatalf("register = %s, id %q", said, id)
	}
	for name, got := range map[string]*http.Response{
		"Extension.InvalidExtensionName":       register("", `{}`),
		"InvalidRequestFormat":                 register("x", `{`),
		"Extension.InvalidEventType":           register("x", `{"events":["SHUTDOWN"]}`),
		"Extension.AlreadyRegistered":          register("mine", `{}`),
		"Extension.MissingExtensionIdentifier": w.do("GET", "/2020-01-01/extension/event/next", "", nil),
		"Extension.InvalidExtensionIdentifier": w.do("GET", "/2020-01-01/extension/event/next", "", []string{"Lambda-Extension-Identifier", "x"}),
		"Extension.UnknownExtensionIdentifier": w.do("GET", "/2020-01-01/extension/event/next", "", []string{"Lambda-Extension-Identifier", strings.Repeat("0", 36)}),
		"Extension.MissingHeader":              w.do("POST", "/2020-01-01/extension/exit/error", "", []string{"Lambda-Extension-Identifier", id}),
	} {
		if said := text(got); !strings.HasPrefix(said, "403 ") || !strings.Contains(said, `"errorType":"`+name+`"`) {
			t.Errorf("%s = %s", name, said)
		}
	}
	for path, name := range map[string]string{"/2022-07-01/telemetry": "Telemetry", "/2020-08-15/logs": "Logs"} {
		want := `202 {"errorMessage":"` + name + ` API is not supported","errorType":"` + name + `.NotSupported"}`
		if said := text(w.do("PUT", path, "{}", nil)); said != want {
			t.Errorf("%s = %s", path, said)
		}
	}
	event := make(chan *http.Response, 1)
	go func() {
		event <- w.do("GET", "/2020-01-01/extension/event/next", "", []string{"Lambda-Extension-Identifier", id})
	}()
	next := make(chan *http.Response, 1)
	go func() { next <- w.next() }()
	if failure := wait(t, started, "start"); failure != nil {
		t.Fatal(failure)
	}
	if said := text(register("late", `{}`)); !strings.Contains(said, "Extension.RegistrationClosed") {
		t.Errorf("late register = %s", said)
	}
	inv := invocation(dayfly.RequestEvent, "{}")
	got := w.call(inv)
	_ = wait(t, next, "event").Body.Close()
	var told map[string]any
	if err := json.NewDecoder(wait(t, event, "extension's event").Body).Decode(&told); err != nil ||
		told["eventType"] != "INVOKE" || told["requestId"] != string(inv.ID) {
		t.Errorf("extension was told %v, %v", told, err)
	}
	_ = w.answer(string(inv.ID), "response", "1")
	go w.next()
	wait(t, got, "answer")
}
