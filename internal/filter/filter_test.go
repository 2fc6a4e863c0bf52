// SPDX-License-Identifier: Apache-2.0

package filter_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/filter"
)

// order is the event that most cases are about.
func order() *dayfly.Event {
	return &dayfly.Event{
		ID: "7", Source: "/shop", Type: "order.paid", Subject: "orders/7",
		Time:        time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC),
		ContentType: "application/json",
		Extensions:  map[string]string{"region": "eu", "partitionkey": "c-1"},
		Data: []byte(`{"total": 120.5, "count": 3, "state": "new", "note": null, "big": 300.0,
			"customer": {"name": "Ann", "ip": "10.0.0.7"}, "tags": ["gift", "fast"],
			"lines": [{"sku": "a", "n": 1}, {"sku": "b", "n": 9}]}`),
	}
}

func TestExpressionsDecide(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"":                           true,
		"  \n":                       true,
		`event.type == "order.paid"`: true,
		`event.type == "order.sent"`: false,
		`event.id == "7" && event.source.startsWith("/sh") && event.subject.endsWith("/7")`: true,
		`event.data.total > 100`:                                  true,
		`event.data.total > 100.5 && event.data.count == 3`:       true,
		`event.data.customer.name in ["Ann", "Bob"]`:              true,
		`event.data.lines.exists(l, l.sku == "b" && l.n > 5)`:     true,
		`event.data.lines.all(l, l.n > 5)`:                        false,
		`has(event.data.missing)`:                                 false,
		`has(event.data.missing) && event.data.missing == 1`:      false,
		`event.attributes.region == "eu"`:                         true,
		`event.attributes["datacontenttype"].contains("json")`:    true,
		`event.time.getHours() == 9`:                              true,
		`event.time > timestamp("2026-01-01T00:00:00Z")`:          true,
		`event["data"].state.matches("^n.w$")`:                    true,
		`event.data.note == null`:                                 true,
		`size(event.data.tags) == 2 && "gift" in event.data.tags`: true,
		`!("x" in event.data.tags)`:                               true,
	} {
		check(t, text, order(), want)
	}
}

func TestPatternsDecide(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{"type": ["order.paid"]}`: true,
		`{"detail-type": ["order.sent", "order.paid"], "source": ["/shop"]}`:          true,
		`{"type": ["order.paid"], "source": ["/other"]}`:                              false,
		`{"data": {"state": ["new"]}}`:                                                true,
		`{"detail": {"state": ["old"]}}`:                                              false,
		`{"body": {"customer": {"name": ["Ann"]}}}`:                                   true,
		`{"data": {"count": [3]}}`:                                                    true,
		`{"data": {"count": ["3"]}}`:                                                  false,
		`{"data": {"big": [300]}}`:                                                    true,
		`{"data": {"note": [null]}}`:                                                  true,
		`{"data": {"missing": [null]}}`:                                               false,
		`{"data": {"missing": [{"exists": false}]}}`:                                  true,
		`{"data": {"state": [{"exists": true}]}}`:                                     true,
		`{"data": {"customer": [{"exists": true}]}}`:                                  false, // of leaves only
		`{"data": {"state": [{"prefix": "ne"}]}}`:                                     true,
		`{"data": {"state": [{"prefix": {"equals-ignore-case": "NE"}}]}}`:             true,
		`{"data": {"state": [{"suffix": "ew"}]}}`:                                     true,
		`{"data": {"state": [{"suffix": {"equals-ignore-case": "EW"}}]}}`:             true,
		`{"data": {"state": [{"suffix": {"equals-ignore-case": "XEW"}}]}}`:            false,
		`{"data": {"state": [{"equals-ignore-case": "NEW"}]}}`:                        true,
		`{"data": {"state": [{"anything-but": "old"}]}}`:                              true,
		`{"data": {"state": [{"anything-but": ["old", "new"]}]}}`:                     false,
		`{"data": {"count": [{"anything-but": [3]}]}}`:                                false,
		`{"data": {"missing": [{"anything-but": "old"}]}}`:                            false,
		`{"data": {"state": [{"anything-but": {"prefix": "n"}}]}}`:                    false,
		`{"data": {"state": [{"anything-but": {"prefix": ["x", "y"]}}]}}`:             true,
		`{"data": {"state": [{"anything-but": {"wildcard": "*w"}}]}}`:                 false,
		`{"data": {"state": [{"anything-but": {"equals-ignore-case": ["NEW"]}}]}}`:    false,
		`{"data": {"total": [{"numeric": [">", 100, "<=", 120.5]}]}}`:                 true,
		`{"data": {"total": [{"numeric": ["<", 100]}]}}`:                              false,
		`{"data": {"total": [{"numeric": ["=", 1.205e2]}]}}`:                          true,
		`{"data": {"state": [{"numeric": ["=", 1]}]}}`:                                false,
		`{"data": {"tags": ["fast"]}}`:                                                true,
		`{"data": {"tags": ["slow"]}}`:                                                false,
		`{"data": {"lines": {"sku": ["b"], "n": [9]}}}`:                               true,
		`{"data": {"lines": {"sku": ["a"], "n": [9]}}}`:                               false, // not of one element
		`{"data": {"customer": {"ip": [{"cidr": "10.0.0.0/24"}]}}}`:                   true,
		`{"data": {"customer": {"ip": [{"cidr": "10.0.1.0/24"}]}}}`:                   false,
		`{"subject": [{"wildcard": "orders/*"}]}`:                                     true,
		`{"subject": [{"wildcard": "o*/*7"}]}`:                                        true,
		`{"subject": [{"wildcard": "o*x*7"}]}`:                                        false,
		`{"subject": [{"wildcard": "orders\\*"}]}`:                                    false,
		`{"region": ["eu"], "partitionkey": [{"prefix": "c-"}]}`:                      true,
		`{"$or": [{"type": ["x"]}, {"data": {"count": [3]}}]}`:                        true,
		`{"type": ["order.paid"], "$or": [{"region": ["us"]}, {"region": ["asia"]}]}`: false,
		`{"data": {"$or": [{"count": [4]}, {"state": ["new"]}]}}`:                     true,
		`{"dataschema": [{"exists": false}]}`:                                         true,
	} {
		check(t, text, order(), want)
	}
}

func TestPlainDataIsText(t *testing.T) {
	t.Parallel()
	e := &dayfly.Event{ContentType: "text/plain", Data: []byte("hello 12")}
	check(t, `event.data.startsWith("hello")`, e, true)
	check(t, `{"body": [{"prefix": "hello"}]}`, e, true)
	check(t, `{"body": {"a": ["b"]}}`, e, false)
	number := &dayfly.Event{Data: []byte(`{"a": 1}`)}
	check(t, `event.data.a == 1`, number, true)
	check(t, `{"data": {"a": [1]}}`, number, true)
	check(t, `event.data == b"\xff\xfe"`, &dayfly.Event{Data: []byte{0xff, 0xfe}}, true)
	check(t, `event.data == null`, &dayfly.Event{}, true)
	check(t, `{"data": [{"exists": false}]}`, &dayfly.Event{}, true)
}

func check(t *testing.T, text string, e *dayfly.Event, want bool) {
	t.Helper()
	f, err := filter.Compile(text)
	if err != nil {
		t.Errorf("Compile(%s): %v", text, err)
		return
	}
	got, err := f.Match(e)
	if err != nil || got != want {
		t.Errorf("Match by %s = %v, %v; want %v", text, got, err, want)
	}
}

func TestBadTextsAreRefusedWhereTheyAreWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`event.type = "a"`:                         "line 1, column 12",
		"event.type == 'a' &&\n event.tpye":        "line 2, column 7: an event has no field tpye",
		`event.id`:                                 "",
		`"a" + "b"`:                                "gives a string",
		`other.type == "a"`:                        "undeclared reference to 'other'",
		`{"type": "a"}`:                            "line 1, column 12: type must be a list",
		"{\"type\":\n [{\"prefixx\": \"a\"}]}":     "line 2, column 18: type: operator \"prefixx\" is unknown",
		`{"type": []}`:                             "empty list",
		`{"type": ["a"]`:                           "not complete",
		`{"type": ["a"]} x`:                        "something follows",
		`{}`:                                       "an empty object says nothing",
		`{"a": [{"numeric": [">"]}]}`:              "numeric needs a list",
		`{"a": [{"numeric": ["~", 1]}]}`:           "numeric knows",
		`{"a": [{"cidr": "10"}]}`:                  "cidr needs a network",
		`{"a": [{"wildcard": "a**b"}]}`:            "two stars",
		`{"a": [{"exists": "yes"}]}`:               "exists needs true or false",
		`{"a": [{"anything-but": []}]}`:            "empty list",
		`{"a": [{"anything-but": {"cidr": "x"}}]}`: "does not go with",
		`{"a": [{"prefix": 1}]}`:                   "prefix needs a text",
		`{"$or": [{"a": [1]}]}`:                    "at least two",
		`{"$or": {"a": [1]}}`:                      "needs a list of objects",
		strings.Repeat(`{"a":`, 40) + `[1]` + strings.Repeat("}", 40): "deeper than",
		strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100):  "",
		strings.Repeat(" ", filter.TextBytesMax+1):                    "at most",
		"\xff": "not UTF-8",
	} {
		f, err := filter.Compile(text)
		if text == `event.id` && err == nil { // known only with an event: fields are dynamic
			_, err = f.Match(order())
		}
		if dayfly.KindOf(err) != dayfly.KindInvalid && !(strings.HasPrefix(text, "(") && err == nil) {
			t.Errorf("Compile(%.60s) = %v, want an error of kind invalid", text, err)
			continue
		}
		if err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("Compile(%.60s): %q does not tell %q", text, err, want)
		}
	}
}

func TestWhatCannotBeSaidIsAnError(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`event.data.missing == 1`, `event.data.state > 3`, `event.data.count`, `event.attributes.none == "a"`,
	} {
		f, err := filter.Compile(text)
		if err != nil {
			t.Fatalf("Compile(%s): %v", text, err)
		}
		if got, err := f.Match(order()); dayfly.KindOf(err) != dayfly.KindInvalid || got {
			t.Errorf("Match by %s = %v, %v; want false and an error of kind invalid", text, got, err)
		}
	}
}

// TestWorkIsBounded gives filters and events that would run for hours.
func TestWorkIsBounded(t *testing.T) {
	t.Parallel()
	list := "[" + strings.Repeat("1,", 50_000) + "2]"
	e := &dayfly.Event{Data: []byte(`{"l": ` + list + `, "s": "` + strings.Repeat("a", 500_000) + `"}`)}
	rules := `[` + strings.TrimSuffix(strings.Repeat(`{"wildcard": "*a*a*a*a*a*b"},`, 60), ",") + `]`
	for name, text := range map[string]string{
		"nested comprehensions": `event.data.l.all(a, event.data.l.all(b, event.data.l.all(c, a+b+c > 0.0)))`,
		"growing lists":         `size(event.data.l.map(a, event.data.l.map(b, event.data.l + event.data.l))) > 0`,
		"growing texts":         `event.data.l.map(a, event.data.s + event.data.s).exists(s, s == "x")`,
		"many rules":            `{"data": {"l": ` + rules + `, "$or": [{"l": ` + rules + `}, {"s": ` + rules + `}]}}`,
	} {
		f, err := filter.Compile(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		began := time.Now()
		got, err := f.Match(e)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s took %s, want an end by itself", name, took)
		}
		if got {
			t.Errorf("%s = true, %v", name, err)
		}
	}
}

func FuzzCompiledFiltersMatch(f *testing.F) {
	f.Add(`event.type == "a"`, `{"a": 1}`)
	f.Add(`{"data": {"a": [{"numeric": [">", 0]}]}}`, `{"a": [1, {"a": "x"}]}`)
	f.Add(`{"$or": [{"a": [null]}, {"b": [{"wildcard": "*x\\**"}]}]}`, `null`)
	f.Add(`{"a": [{"anything-but": {"suffix": ["a", "b"]}}]}`, `"text"`)
	f.Fuzz(func(t *testing.T, text, data string) {
		compiled, err := filter.Compile(text)
		if err != nil {
			if dayfly.KindOf(err) != dayfly.KindInvalid {
				t.Errorf("Compile(%q): kind %s, want invalid: %v", text, dayfly.KindOf(err), err)
			}
			return
		}
		e := &dayfly.Event{Type: "a", Data: []byte(data), Extensions: map[string]string{"a": data}}
		first, err := compiled.Match(e)
		if err != nil && dayfly.KindOf(err) != dayfly.KindInvalid {
			t.Errorf("Match(%q, %q): kind %s, want invalid: %v", text, data, dayfly.KindOf(err), err)
		}
		if again, _ := compiled.Match(e); again != first {
			t.Errorf("Match(%q, %q) = %v, then %v", text, data, first, again)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	for name, text := range map[string]string{
		"expression of attributes": `event.type == "order.paid" && event.attributes.region == "eu"`,
		"expression of data":       `event.data.total > 100 && event.data.state == "new"`,
		"pattern of attributes":    `{"type": ["order.paid"], "region": ["eu"]}`,
		"pattern of data":          `{"data": {"total": [{"numeric": [">", 100]}], "state": ["new"]}}`,
	} {
		f, err := filter.Compile(text)
		if err != nil {
			b.Fatal(err)
		}
		e := order()
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if ok, err := f.Match(e); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}
