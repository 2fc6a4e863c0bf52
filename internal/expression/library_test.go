// SPDX-License-Identifier: Apache-2.0

package expression_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/expression"
)

func TestFunctions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		`"AbÉ".lowerAscii() + "abé".upperAscii()`: "abÉABé",
		`"  a ".trim()`:                                                       "a",
		`"a,b,,c".split(",")`:                                                 []any{"a", "b", "", "c"},
		`"a,b,c".split(",", 2)`:                                               []any{"a", "b,c"},
		`"a,b".split(",", 0)`:                                                 []any{},
		`"éa".split("")`:                                                      []any{"é", "a"},
		`"aXbX".replace("X", "yy")`:                                           "ayybyy",
		`"aXbX".replace("X", "", 1)`:                                          "abX",
		`["a", "b"].join()`:                                                   "ab",
		`["", "b"].join("-")`:                                                 "-b",
		`queries.x.join("+")`:                                                 "1+2",
		`"héllo".substring(1) + "héllo".substring(1, 3)`:                      "élloél",
		`"héllo".indexOf("l")`:                                                int64(2),
		`"héllo".lastIndexOf("l")`:                                            int64(3),
		`"x".indexOf("y")`:                                                    int64(-1),
		`"abc".matches("^a.c$") && matches("abc", "b")`:                       true,
		`"abc".matches(query.x + "$")`:                                        false,
		`regex.extract("Bearer abc", "^Bearer (.+)$").orValue("-")`:           "abc",
		`regex.extract("x", "^Bearer (.+)$").orValue("-")`:                    "-",
		`regex.replace("a1b22", "[0-9]+", "<$0>")`:                            "a<1>b<22>",
		`base64.encode("hi?>") + base64.encode(b"hi")`:                        "aGk/Pg==aGk=",
		`base64.encodeUrl("hi?>")`:                                            "aGk_Pg",
		`string(base64.decode("aGk_Pg")) + string(base64.decode("aGk/Pg=="))`: "hi?>hi?>",
		`json.encode({"a": [1, 2.5, null, "<"]})`:                             "{\"a\":[1,2.5,null,\"\\u003c\"]}",
		`json.decode('{"a": {"b": 7}}').a.b`:                                  7.0,
		`url.encode("a b&é") + url.decode("a+b%26")`:                          "a+b%26%C3%A9a b&",
		`header["x-api-key"].startsWith("k")`:                                 true,
		`int(query.x) + 1`:                                                    int64(2),
		`body.items.filter(i, i.n > 1).size()`:                                int64(1),
		`[{"a": 1}].map(m, m.a)[0]`:                                           int64(1),
		`body.?missing.?deeper.orValue("none")`:                               "none",
		`has(body.missing) ? 1 : 2`:                                           int64(2),
		`timestamp("2026-01-01T00:00:00Z") < now`:                             true,
		`duration("90m")`:                                                     "1h30m0s",
		`b"\xff"`:                                                             "/w==",
		`principal.?subject.orValue("nobody")`:                                "ann",
	} {
		x, err := expression.Compile(text, expression.Any, expression.RequestPhase)
		if err != nil {
			t.Errorf("Compile(%s): %v", text, err)
			continue
		}
		got, err := x.Value(t.Context(), order())
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", text, err, diff)
		}
	}
}

func TestBadExpressionsAreRefusedWithTheirPlace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		kind expression.Kind
		want string
	}{
		{"", expression.Any, "empty"},
		{" \n", expression.Any, "empty"},
		{"\xff", expression.Any, "UTF-8"},
		{strings.Repeat("a", 64<<10+1), expression.Any, "65537 bytes"},
		{"1 +", expression.Any, "line 1, column 4"},
		{"true &&\n  nope", expression.Bool, "line 2, column 3: undeclared reference to 'nope'"},
		{"'a'", expression.Bool, "gives a string, not true or false"},
		{"[1]", expression.Text, "not a text"},
		{"'1'", expression.Number, "not a number"},
		{"request.nope", expression.Any, "column 8: request has no field nope, only method"},
		{"response.status", expression.Any, "undeclared reference to 'response'"},
		{"error.kind", expression.Any, "undeclared reference to 'error'"},
		{"'a'.matches('(')", expression.Bool, "regular expression is wrong"},
		{"'a'.matches('" + strings.Repeat("(a)", 21) + "')", expression.Bool, "21 groups"},
		{"'a'.matches('" + strings.Repeat("a", 1001) + "')", expression.Bool, "1001 bytes"},
		{strings.Repeat("-(", 5000) + "1" + strings.Repeat(")", 5000), expression.Any, ""},
		{"1" + strings.Repeat("+1", 6000), expression.Any, ""},
		{"type(1)", expression.Any, "not a value"},
	} {
		_, err := expression.Compile(tt.text, tt.kind, expression.RequestPhase)
		if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Compile(%.40q) = %v, want an error of kind invalid with %q", tt.text, err, tt.want)
		}
	}
}

func TestEvaluationsThatFailSayWhy(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`header["x-none"]`:                  "no such key: x-none",
		`path.nope`:                         "no such key: nope",
		`body.none.deeper`:                  "no such key",
		`body.total + "x"`:                  "no such overload",
		`1 / 0`:                             "division by zero",
		`1.0 / 0.0`:                         "JSON cannot say",
		`"a".substring(2)`:                  "1 letters",
		`base64.decode("!")`:                "not base64",
		`json.decode("{")`:                  "not JSON",
		`url.decode("%zz")`:                 "rightly escaped",
		`"a".matches(request.method + "(")`: "regular expression is wrong",
		`key.id`:                            "no such key",
	} {
		x, err := expression.Compile(text, expression.Any, expression.RequestPhase)
		if err == nil {
			_, err = x.Value(t.Context(), order())
		}
		if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error of kind invalid with %q", text, err, want)
		}
	}
}

func TestWorkAndResultsAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 900<<10)
	list := "[" + strings.Repeat("1,", 200_000) + "1]"
	for text, body := range map[string]string{
		`body.replace("", body)`:                                 long,
		`body.replace("a", "` + strings.Repeat("b", 1000) + `")`: long,
		`[` + strings.Repeat("body,", 1000) + `body].join("")`:   long,
		`body.split("")`: long,
		`body.matches("(a*)*(b|c){50}(a|b|c)*$")`:   long,
		`regex.replace(body, "a", "$0$0$0$0")`:      long,
		`regex.replace(body, "", "x")`:              long,
		`[body, body, body, body, body]`:            long,
		`body.map(a, body.map(b, body.map(c, a)))`:  list,
		`body.all(a, body.all(b, a == b))`:          list,
		`base64.encode(body) + base64.encode(body)`: long,
		`json.encode([body, body])`:                 long,
		`body`:                                      strings.Repeat("a", 1<<20+1),
		`body.a`:                                    strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200),
		`[1,2,3,4,5,6,7,8,9].map(a, [1,2,3,4,5,6,7,8,9].map(b, [1,2,3,4,5,6,7,8,9].map(c, [1,2,3,4,5,6,7,8,9].map(d, body))))`: long,
	} {
		x, err := expression.Compile(text, expression.Any, expression.RequestPhase)
		if err != nil {
			t.Errorf("Compile(%.60s): %v", text, err)
			continue
		}
		in := order()
		in.Body = []byte(body)
		in.Request.Header.Set("Content-Type", "text/plain")
		if strings.ContainsAny(body[:1], "[{") {
			in.Request.Header.Set("Content-Type", "application/json")
		}
		began := time.Now()
		_, err = x.Value(t.Context(), in)
		if dayfly.KindOf(err) != dayfly.KindInvalid {
			t.Errorf("%.60s: %v, want an error of kind invalid", text, err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%.60s took %s", text, took)
		}
	}
}

func TestBodiesAreReadByTheirType(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind, body, text string
		want             any
	}{
		{"application/problem+json", `{"a": 1}`, `body.a`, 1.0},
		{"", `{"a": 1}`, `body`, `{"a": 1}`},
		{"text/plain", "", `body == null`, true},
		{"application/json", "", `body == null`, true},
		{"application/octet-stream", "\xff", `body`, "/w=="},
		{"application/x-www-form-urlencoded", "a=1&a=2&b=%20", `[body.a, body.b]`, []any{"1", " "}},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n" +
			"--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"g\"\r\n\r\n2\r\n--x--\r\n",
			`{"a": body.a, "f": has(body.f)}`, map[string]any{"a": "1", "f": false}},
		{"application/json", `[12345678901234567890, 1234567890123456789, 0.1234567890123456789]`, `body`,
			[]any{12345678901234567890.0, int64(1234567890123456789), 0.12345678901234568}},
	} {
		x, err := expression.Compile(tt.text, expression.Any, expression.RequestPhase)
		if err != nil {
			t.Fatal(err)
		}
		in := order()
		in.Request.Header.Set("Content-Type", tt.kind)
		in.Body = []byte(tt.body)
		got, err := x.Value(t.Context(), in)
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("%s as %q: %v (-want +got)\n%s", tt.text, tt.kind, err, diff)
		}
	}
	for kind, body := range map[string]string{"application/json": `{"a": 1} x`, "application/x-www-form-urlencoded": "a=%zz",
		"multipart/form-data; boundary=x": "--x\r\nbroken", "multipart/form-data": "x"} {
		x, err := expression.Compile(`body.a == "1"`, expression.Bool, expression.RequestPhase)
		if err != nil {
			t.Fatal(err)
		}
		in := order()
		in.Request.Header.Set("Content-Type", kind)
		in.Body = []byte(body)
		if yes, err := x.Bool(t.Context(), in); yes || dayfly.KindOf(err) != dayfly.KindInvalid {
			t.Errorf("%s %q: %v, %v, want an error of kind invalid", kind, body, yes, err)
		}
	}
}

func TestNobodyIsNull(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`principal == null`: "true", `principal != null`: "false", `has(principal.subject)`: "false",
		`principal.?subject`: "", `jwt == null && key == null`: "true",
	} {
		x, err := expression.Compile(text, expression.Text, expression.RequestPhase)
		if err != nil {
			t.Fatal(err)
		}
		in := order()
		in.Principal = nil
		if got, err := x.Text(t.Context(), in); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestAnswersAndErrorsHaveTheirPhase(t *testing.T) {
	t.Parallel()
	in := order()
	in.Response = &expression.Response{Status: 201, Header: map[string][]string{"Content-Type": {"application/json"}, "Vary": {"a", "b"}},
		Body: []byte(`{"id": 7}`)}
	in.Error = &expression.Error{Kind: "timeout", Message: "m", Hint: "h", Invocation: "i", Status: 504}
	for text, want := range map[string]string{
		`string(response.status) + response.header.vary + string(response.body.id) + path.id`: "201a77 a",
		`response["headers"].vary.join()`: "ab",
	} {
		x, err := expression.Compile(text, expression.Text, expression.ResponsePhase)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := x.Text(t.Context(), in); err != nil || got != want || !x.UsesAnswer() || x.UsesBody() {
			t.Errorf("%s = %q, %v, uses %v %v; want %q", text, got, err, x.UsesAnswer(), x.UsesBody(), want)
		}
	}
	x, err := expression.Compile(`error.kind + error.message + error.hint + error.invocation + string(error.status)`,
		expression.Text, expression.ErrorPhase)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := x.Text(t.Context(), in); err != nil || got != "timeoutmhi504" {
		t.Errorf("of an error: %q, %v", got, err)
	}
	x, err = expression.Compile(`response.status * 2`, expression.Number, expression.ResponsePhase)
	if err != nil || x.UsesAnswer() {
		t.Fatalf("uses the answer's body: %v", err)
	}
	if got, err := x.Number(t.Context(), in); err != nil || got != 402 {
		t.Errorf("a number: %v, %v", got, err)
	}
	x, err = expression.Compile(`[path.id, path.x, has(path.y) ? "" : path["z"]]`, expression.Any, expression.RequestPhase)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"id", "x"}, x.Params()); diff != "" {
		t.Error(diff)
	}
}

func FuzzExpressions(f *testing.F) {
	for _, text := range []string{`body.a.map(x, x + 1)`, `header.?x.orValue("") + path.id`, `"a".matches(body)`,
		`json.decode(body).x`, `{"a": [b"x", now, 1u]}`, `regex.replace(body, "a(b)?", "$1")`, "header.`x-y`"} {
		f.Add(text, `{"a": [1, "x", null]}`)
	}
	f.Fuzz(func(t *testing.T, text, body string) {
		for phase := expression.RequestPhase; phase <= expression.ErrorPhase; phase++ {
			x, err := expression.Compile(text, expression.Any, phase)
			if err != nil {
				if dayfly.KindOf(err) != dayfly.KindInvalid {
					t.Fatalf("Compile(%q): kind %s: %v", text, dayfly.KindOf(err), err)
				}
				continue
			}
			in := order()
			in.Body = []byte(body)
			in.Response = &expression.Response{Status: 200, Body: []byte(body)}
			in.Error = &expression.Error{Kind: body}
			if _, err := x.Value(t.Context(), in); err != nil && dayfly.KindOf(err) != dayfly.KindInvalid {
				t.Fatalf("Value(%q): kind %s: %v", text, dayfly.KindOf(err), err)
			}
			_, _ = x.Text(t.Context(), in)
		}
	})
}

func BenchmarkExpressions(b *testing.B) {
	for name, text := range map[string]string{
		"allow by claim":   `"admin" in jwt.roles && request.method == "POST"`,
		"key by header":    `header["x-api-key"]`,
		"map of the body":  `{"id": path.id, "user": jwt.sub, "n": body.count}`,
		"matches constant": `path.id.matches("^[0-9]+ a$")`,
	} {
		x, err := expression.Compile(text, expression.Any, expression.RequestPhase)
		if err != nil {
			b.Fatal(err)
		}
		in := order()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := x.Value(b.Context(), in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
