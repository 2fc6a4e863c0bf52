// SPDX-License-Identifier: Apache-2.0

package dotnet_test

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/dayfly-faas/dayfly"
)

const lambdaSource = `
using System; using System.Collections.Generic; using System.IO; using System.Threading.Tasks;
using Amazon.Lambda.Core; using System.Text.Json.Serialization;
namespace Hello {
  public class Point { public int X { get; set; } public double? Y { get; set; } public List<string> Tags { get; set; }
    [JsonPropertyName("other")] public Dictionary<string, Point> Others { get; set; } [JsonIgnore] public string Secret { get { return "s"; } } }
  public class Function {
    int calls;
    public Point Same(Point p, ILambdaContext context) { return p; }
    public string Upper(string input, ILambdaContext context) { return input == null ? null : input.ToUpper(); }
    public async Task<int> Length(string input) { await Task.Yield(); return input.Length; }
    public async Task Nothing(object input) { await Task.Yield(); }
    public void Void() { }
    public Stream Streams(Stream input, ILambdaContext context) { var m = new MemoryStream(); m.WriteByte((byte)'"'); input.CopyTo(m); m.WriteByte((byte)'"'); return m; }
    public int Count(object ignored) { return ++calls; }
    public static string Static(Dictionary<string, object> input) { return string.Join(",", input.Keys); }
    public string Context(object ignored, ILambdaContext c) { return c.AwsRequestId + " " + c.FunctionName + " " + c.MemoryLimitInMB + " " + (c.RemainingTime > TimeSpan.FromSeconds(20)) + " " + Environment.GetEnvironmentVariable("BOOT") + Environment.GetEnvironmentVariable("GREETING"); }
    public string Fails(object ignored) { throw new ArgumentException("asked \"to\" fail", new InvalidOperationException("why")); }
    public string Prints(string word, ILambdaContext c) { Console.WriteLine("out " + word); Console.Error.Write("err " + word); c.Logger.LogLine("log " + word); return word; }
    public string Large(int n) { return new string('x', n); }
    public void Overloaded(int a) { } public void Overloaded(string a) { }
  }
}`

func TestLambdaHandlersAreCalled(t *testing.T) {
	t.Parallel()
	task := compile(t, lambdaSource)
	for name, tc := range map[string]struct{ method, event, want string }{
		"an object of its own": {"Same", `{"x":1,"Y":2.5,"tags":["a"],"other":{"k":{"X":2}}}`,
			`{"X":1,"Y":2.5,"Tags":["a"],"other":{"k":{"X":2,"Y":null,"Tags":null,"other":null}}}`},
		"a string":              {"Upper", `"héllo 😀"`, `"HÉLLO \ud83d\ude00"`},
		"null":                  {"Upper", `null`, `null`},
		"a task with a result":  {"Length", `"four"`, `4`},
		"a task without":        {"Nothing", `{"a":[1,null,true]}`, `null`},
		"no parameter":          {"Void", `{}`, `null`},
		"streams":               {"Streams", `1`, `"1"`},
		"a static method":       {"Static", `{"a":1,"b":2}`, `"a,b"`},
		"the context":           {"Context", `{}`, `"call-1 hello 256 True hi"`},
		"a body that is larger": {"Large", `700000`, `"` + strings.Repeat("x", 700_000) + `"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := boot(t)
			if err := g.become(t, task, dayfly.DialectLambda, "Hello::Hello.Function::"+tc.method); err != nil {
				t.Fatal(err)
			}
			if got := g.event(t, tc.event); got != tc.want {
				t.Errorf("%s(%s) = %.300s, want %.300s", tc.method, tc.event, got, tc.want)
			}
		})
	}
}

func TestTheObjectLivesFromCallToCall(t *testing.T) {
	t.Parallel()
	g := serve(t, lambdaSource, dayfly.DialectLambda, "Hello::Hello.Function::Count")
	if got := g.event(t, "1") + g.event(t, "1") + g.event(t, "1"); got != "123" {
		t.Errorf("three calls count %s, want 123", got)
	}
}

func TestExceptionsAreToldAsLambdaDoes(t *testing.T) {
	t.Parallel()
	g := serve(t, lambdaSource, dayfly.DialectLambda, "Hello::Hello.Function::Fails")
	got := g.event(t, "1")
	kind, payload, _ := strings.Cut(got, ` fail {`)
	if kind != `ArgumentException: asked "to"` {
		t.Errorf("failure %s", got)
	}
	payload = "{" + payload
	var told struct {
		ErrorType, ErrorMessage string
		StackTrace              []string
		Cause                   struct{ ErrorType, ErrorMessage string }
	}
	if err := json.Unmarshal([]byte(payload), &told); err != nil {
		t.Fatalf("%v: %s", err, payload)
	}
	if told.ErrorType != "ArgumentException" || told.Cause.ErrorMessage != "why" ||
		len(told.StackTrace) == 0 || !strings.HasPrefix(told.StackTrace[0], "at Hello.Function.Fails") {
		t.Errorf("told %+v", told)
	}
	if !strings.HasPrefix(payload, "{\n  \"errorType\": \"ArgumentException\",\n  \"errorMessage\": \"asked \\\"to\\\" fail\",\n") {
		t.Errorf("the error is not printed as Lambda prints it:\n%s", payload)
	}
}

func TestEntriesThatNameNothingFailTheStart(t *testing.T) {
	t.Parallel()
	task := compile(t, lambdaSource)
	for entry, want := range map[string]string{
		"Hello":                              "The valid format for a Handler string is",
		"None::Hello.Function::Same":         "Could not find the specified handler assembly",
		"Hello::Hello.None::Same":            "Unable to load type 'Hello.None'",
		"Hello::Hello.Function::None":        "Unable to find method 'None'",
		"Hello::Hello.Function::Overloaded":  "appears more than once",
		"Hello::Hello.Function::Same::Extra": "The valid format",
	} {
		g := boot(t)
		err := g.become(t, task, dayfly.DialectLambda, entry)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", entry, err, want)
		}
	}
}

func TestInputThatDoesNotFitIsAFailureOfTheCall(t *testing.T) {
	t.Parallel()
	g := serve(t, lambdaSource, dayfly.DialectLambda, "Hello::Hello.Function::Same")
	if got := g.event(t, `{"X":"no number"}`); !strings.HasPrefix(got, "JsonException: The JSON value, a string") {
		t.Errorf("a bad input gives %s", got)
	}
	deep := strings.Repeat("[", 100_000)
	if got := g.event(t, deep); !strings.Contains(got, "nested too deeply") {
		t.Errorf("a deep input gives %.200s", got)
	}
	if got := g.event(t, `{"X":5}`); !strings.Contains(got, `"X":5`) {
		t.Errorf("after failures a call gives %s", got)
	}
}

func TestLinesBelongToTheCallThatPrintedThem(t *testing.T) {
	t.Parallel()
	g := serve(t, lambdaSource, dayfly.DialectLambda, "Hello::Hello.Function::Prints")
	var calls sync.WaitGroup
	for i := range 8 {
		calls.Go(func() { g.event(t, fmt.Sprintf(`"w%d"`, i)) })
	}
	calls.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	words := map[string]string{} // of each call
	for _, line := range g.lines {
		fields := strings.Fields(line)
		if word := words[fields[0]]; word != "" && word != fields[3] {
			t.Errorf("a call printed %s and %s", word, fields[3])
		}
		words[fields[0]] = fields[3]
	}
	if len(g.lines) != 24 || len(words) != 8 {
		t.Errorf("%d lines of %d calls, want 24 of 8: %q", len(g.lines), len(words), g.lines)
	}
}

func TestOtherDialects(t *testing.T) {
	t.Parallel()
	whisk := serve(t, `using System.Collections.Generic; public class Hello {
		public Dictionary<string, object> Main(Dictionary<string, object> args) {
			if (!args.ContainsKey("name")) throw new System.Exception("no name");
			return new Dictionary<string, object> { { "body", "hi " + args["name"] } }; } }`,
		dayfly.DialectOpenWhisk, "Hello::Hello::Main")
	if got := whisk.event(t, `{"name":"Ann"}`); got != `{"body":"hi Ann"}` {
		t.Errorf("the action gives %s", got)
	}
	if got := whisk.event(t, `{}`); got != `Exception: no name {"error":"no name"}` {
		t.Errorf("the failing action gives %s", got)
	}
	faas := serve(t, `namespace Function { public class FunctionHandler {
		public string Handle(string input) { return "Hi there - your input was: " + input; } } }`,
		dayfly.DialectOpenFaaS, "Hello::Function.FunctionHandler::Handle")
	got := faas.call(t, dayfly.Request{Kind: dayfly.RequestHTTP, Body: io.NopCloser(strings.NewReader("x")), ContentLength: 1})
	if got != "Hi there - your input was: x" {
		t.Errorf("the handler gives %s", got)
	}
}

// ownCore is a package that a function brings: the interface as an older release had it,
// and a serializer of its own.
const ownCore = `using System; using System.IO;
namespace Amazon.Lambda.Core {
  public interface IClientContext { } public interface ICognitoIdentity { }
  public interface ILambdaLogger { void Log(string m); void LogLine(string m); }
  public interface ILambdaContext { string AwsRequestId { get; } IClientContext ClientContext { get; } string FunctionName { get; }
    string FunctionVersion { get; } ICognitoIdentity Identity { get; } string InvokedFunctionArn { get; } ILambdaLogger Logger { get; }
    string LogGroupName { get; } string LogStreamName { get; } int MemoryLimitInMB { get; } TimeSpan RemainingTime { get; } }
  public interface ILambdaSerializer { T Deserialize<T>(Stream s); void Serialize<T>(T v, Stream s); }
  public class LambdaSerializerAttribute : Attribute { public LambdaSerializerAttribute(Type t) { SerializerType = t; } public Type SerializerType { get; set; } }
}`

const ownFunction = `using System; using System.IO; using Amazon.Lambda.Core;
[assembly: LambdaSerializer(typeof(Hello.Lines))]
namespace Hello {
  public class Lines : ILambdaSerializer {
    public T Deserialize<T>(Stream s) { return (T)(object)new StreamReader(s).ReadToEnd(); }
    public void Serialize<T>(T v, Stream s) { var w = new StreamWriter(s); w.Write("<" + v + ">"); w.Flush(); }
  }
  public class Function { public string Call(string line, ILambdaContext c) { c.Logger.LogLine("x"); return c.FunctionName + " " + line; } }
}`

func TestTheFunctionsOwnPackageIsTaken(t *testing.T) {
	t.Parallel()
	task := t.TempDir()
	assemble(t, task, "Amazon.Lambda.Core.dll", ownCore)
	assemble(t, task, "Hello.dll", ownFunction, "-r:"+filepath.Join(task, ".dayfly/app/Amazon.Lambda.Core.dll"))
	g := boot(t)
	if err := g.become(t, task, dayfly.DialectLambda, "Hello::Hello.Function::Call"); err != nil {
		t.Fatal(err)
	}
	if got := g.event(t, "a line"); got != "<hello a line>" {
		t.Errorf("the function gives %s, want <hello a line>", got)
	}
}
