// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

var update = flag.Bool("update", false, "write the golden files anew")

const schemaFile = "../../docs/dayfly.schema.json"

// golden compares got with the file of that name, or writes it with -update.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got), -update writes it anew:\n%s", file, diff)
	}
}

func manifests(t *testing.T, kind string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", kind, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests in testdata/%s: %v", kind, err)
	}
	return files
}

func TestGoodManifestsAreRead(t *testing.T) {
	t.Parallel()
	for _, file := range manifests(t, "good") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			m, err := manifest.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(m, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".json", append(got, '\n'))
			for name, settings := range m.Functions {
				spec := dayfly.DefaultSpec()
				if err := settings.Apply(&spec); err != nil {
					t.Errorf("Apply of %s: %v", name, err)
				}
			}
		})
	}
}

func TestBadManifestsAreRefusedWithTheirPlace(t *testing.T) {
	t.Parallel()
	var told bytes.Buffer
	for _, file := range manifests(t, "bad") {
		_, err := manifest.Load(file)
		if dayfly.KindOf(err) != dayfly.KindInvalid {
			t.Errorf("%s: error %v, want an invalid one", file, err)
			continue
		}
		told.WriteString(err.Error() + "\n")
	}
	golden(t, "testdata/bad/errors.golden", told.Bytes())
}

func TestPublishedSchemaIsThatOfTheTable(t *testing.T) {
	t.Parallel()
	schema, err := manifest.Schema()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, schemaFile, schema)
}

func TestSchemaJudgesAsTheParserDoes(t *testing.T) {
	t.Parallel()
	schema, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	check := func(file string) (text string, err error) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		converted, err := yaml.YAMLToJSON(data)
		if err != nil {
			return string(data), err
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(converted))
		if err != nil {
			return string(data), err
		}
		return string(data), schema.Validate(document)
	}
	for _, file := range manifests(t, "good") {
		if _, err := check(file); err != nil {
			t.Errorf("the schema refuses %s: %v", file, err)
		}
	}
	refused := 0
	for _, file := range manifests(t, "bad") {
		text, err := check(file)
		if strings.Contains(text, "# the schema cannot tell") {
			continue
		}
		if refused++; err == nil {
			t.Errorf("the schema accepts %s", file)
		}
	}
	if refused < 20 {
		t.Errorf("only %d bad manifests were judged", refused)
	}
}

func TestApplyFillsASpec(t *testing.T) {
	t.Parallel()
	m, err := manifest.Load("testdata/good/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	settings := m.Functions["thumbnail"]
	got := dayfly.DefaultSpec()
	if err := settings.Apply(&got); err != nil {
		t.Fatal(err)
	}
	want := dayfly.Spec{
		Runtime: "python3.11", Contract: dayfly.ContractHandler, Dialect: dayfly.DialectLambda,
		Entry: "app.handler", Egress: dayfly.EgressNone,
		Env: map[string]string{"LEVEL": "debug", "PORT_NUMBER": "8080", "RATIO": "0.50", "ON": "true", "EMPTY": ""},
		Limits: dayfly.Limits{
			MemoryBytes: 256 << 20, CPUMilli: 500, Pids: 64, Files: 256, TmpBytes: 64 << 20,
			Timeout: 30 * time.Second, InitTimeout: 5 * time.Second,
			RequestBytes: 10 << 20, ResponseBytes: 1 << 30,
		},
		Scaling: dayfly.Scaling{
			Concurrency: 4, MinInstances: 1, MaxInstances: 20, IdleTimeout: time.Hour,
			QueueDepth: 10, QueueTimeout: 500 * time.Millisecond,
		},
		Retry: dayfly.DefaultRetry(),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
}

func TestApplyNamesTheField(t *testing.T) {
	t.Parallel()
	zero := int64(0)
	for want, settings := range map[string]manifest.Function{
		"memory: ":        {Memory: "much"},
		"queue.timeout: ": {Queue: manifest.Queue{Timeout: "soon"}},
		"instances.max: ": {Instances: manifest.Instances{Max: &zero}},
		"contract: ":      {Contract: "x"},
		"env: ":           {Env: map[string]string{"a b": "x"}},
		"cpu: ":           {CPU: "1x"},
		"retry.age: ":     {Retry: manifest.Retry{Age: "soon"}},
		"on_success: ":    {OnSuccess: "nowhere"},
		"on: trigger 1: ": {On: []manifest.Trigger{{}}},
		"on: trigger 2: window: ": {On: []manifest.Trigger{
			{Cron: &manifest.Cron{Expression: "@daily"}}, {Queue: &manifest.Source{Name: "q", Window: "1"}}}},
		"on: trigger 1: filter": {On: []manifest.Trigger{{Queue: &manifest.Source{Name: "q", Filter: "event."}}}},
		"on: trigger 1: cron":   {On: []manifest.Trigger{{Cron: &manifest.Cron{Expression: "x"}}}},
	} {
		spec := dayfly.DefaultSpec()
		err := settings.Apply(&spec)
		if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Apply(%+v) = %v, want it to start with %q", settings, err, want)
		}
	}
}

func TestFunctionTravelsAsJSON(t *testing.T) {
	t.Parallel()
	m, err := manifest.Load("testdata/good/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := m.Functions["thumbnail"]
	wire, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got manifest.Function
	if err := json.Unmarshal(wire, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after JSON (-want +got):\n%s", diff)
	}
	if wire, _ := json.Marshal(manifest.Function{}); string(wire) != "{}" {
		t.Errorf("an empty function is %s, want {}", wire)
	}
}

func TestTriggersTravelAsJSON(t *testing.T) {
	t.Parallel()
	m, err := manifest.Load("testdata/good/events.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range m.Functions {
		wire, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got manifest.Function
		if err := json.Unmarshal(wire, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s after JSON (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(want, manifest.Function{}.With(want)); diff != "" {
			t.Errorf("%s over nothing (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(want, want.With(manifest.Function{})); diff != "" {
			t.Errorf("nothing over %s (-want +got):\n%s", name, diff)
		}
	}
}

func TestTriggersFillASpec(t *testing.T) {
	t.Parallel()
	m, err := manifest.Load("testdata/good/events.yaml")
	if err != nil {
		t.Fatal(err)
	}
	specs := map[dayfly.FunctionName]dayfly.Spec{}
	for name, settings := range m.Functions {
		spec := dayfly.DefaultSpec()
		spec.Contract, spec.Command = dayfly.ContractHTTP, []string{"x"}
		if err := settings.Apply(&spec); err != nil {
			t.Fatal(err)
		}
		if err := spec.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		specs[name] = spec
	}
	report := specs["report"]
	wantRetry := dayfly.Retry{Attempts: 5, Age: 24 * time.Hour, BackoffMin: 10 * time.Minute,
		BackoffMax: 10 * time.Minute, KeyWindow: time.Hour}
	if diff := cmp.Diff(wantRetry, report.Retry); diff != "" {
		t.Errorf("retry (-want +got):\n%s", diff)
	}
	wantTo := dayfly.Destinations{OnSuccess: &dayfly.Destination{Queue: "done"},
		OnFailure: &dayfly.Destination{URL: "https://example.com/hook?x=1"}}
	if diff := cmp.Diff(wantTo, report.Destinations); diff != "" {
		t.Errorf("destinations (-want +got):\n%s", diff)
	}
	wantCrons := []dayfly.Trigger{
		{Name: "cron", Cron: &dayfly.CronTrigger{Expression: "0 9 * * *"}},
		{Name: "morning", Cron: &dayfly.CronTrigger{Expression: "0 9 * * MON-FRI", Zone: "Asia/Kolkata"}},
		{Name: "cron-2", Cron: &dayfly.CronTrigger{Expression: "rate(5 minutes)", Jitter: 30 * time.Second,
			Overlap: "queue", CatchUp: "all", CatchUpWindow: 48 * time.Hour,
			Input: []byte(`{"kind":"daily","count":3,"ratio":0.5,"list":[1,"two",true,null],"text":"3"}`)}},
		{Name: "cron-3", Cron: &dayfly.CronTrigger{Expression: "@hourly", Input: []byte(`{"a":1}`)}},
		{Name: "cron-4", Cron: &dayfly.CronTrigger{Expression: "@daily", Input: []byte(`"hello"`)}},
		{Name: "cron-5", Path: "/jobs/nightly", Cron: &dayfly.CronTrigger{Expression: "@daily"}},
	}
	if diff := cmp.Diff(wantCrons, report.Triggers); diff != "" {
		t.Errorf("crons (-want +got):\n%s", diff)
	}
	wantQueues := []dayfly.Trigger{
		{Name: "clicks", Queue: &dayfly.QueueTrigger{Queue: "clicks", Batch: 1}},
		{Name: "clicks-2", Queue: &dayfly.QueueTrigger{Queue: "clicks", Batch: 100, Window: time.Second,
			Ordered: true, Concurrency: 4, Filter: `event.type == "click"`, From: "first"}},
		{Name: "orders", Queue: &dayfly.QueueTrigger{Queue: "orders", Batch: 1,
			Filter: `{"detail":{"total":[{"numeric":[">",100]}]}}`}},
	}
	if diff := cmp.Diff(wantQueues, specs["store-click"].Triggers); diff != "" {
		t.Errorf("queues (-want +got):\n%s", diff)
	}
	var names []dayfly.TriggerName
	for _, trigger := range specs["thumbnail"].Triggers {
		names = append(names, trigger.Name)
	}
	want := []dayfly.TriggerName{"uploads-created", "uploads-created-objectremoved", "uploads-removed",
		"sessions-put", "sessions-put-deleted", "github", "hmac"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestWithPutsTheOtherOverIt(t *testing.T) {
	t.Parallel()
	one, two := int64(1), int64(2)
	under := manifest.Function{
		Source: "a", Memory: "1Gi", Env: map[string]string{"A": "1", "B": "1"},
		Instances: manifest.Instances{Min: &one, Max: &one}, Command: []string{"x"},
	}
	over := manifest.Function{
		Memory: "2Gi", Env: map[string]string{"B": "2"}, Instances: manifest.Instances{Max: &two},
	}
	want := manifest.Function{
		Source: "a", Memory: "2Gi", Env: map[string]string{"A": "1", "B": "2"},
		Instances: manifest.Instances{Min: &one, Max: &two}, Command: []string{"x"},
	}
	if diff := cmp.Diff(want, under.With(over)); diff != "" {
		t.Errorf("With (-want +got):\n%s", diff)
	}
	if under.Env["B"] != "1" {
		t.Error("With changed its receiver's environment")
	}
}

// TestWithLosesNoField fills every field there is, also those that are added later.
func TestWithLosesNoField(t *testing.T) {
	t.Parallel()
	var full manifest.Function
	fill(t, reflect.ValueOf(&full).Elem())
	if diff := cmp.Diff(full, manifest.Function{}.With(full)); diff != "" {
		t.Errorf("With over nothing (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(full, full.With(manifest.Function{})); diff != "" {
		t.Errorf("With nothing over it (-want +got):\n%s", diff)
	}
}

// fill gives a value, and what it is made of, something that is not zero.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Int64:
		v.SetInt(1)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1)) // an element is taken as a whole
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("x").Convert(v.Type().Key()), reflect.New(v.Type().Elem()).Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	default:
		t.Fatalf("a field of kind %s is not known here", v.Kind())
	}
}

func TestHostileManifestsEndSoon(t *testing.T) {
	t.Parallel()
	laughs := "x-0: &a0 {A: b}\n"
	for i := 1; i < 30; i++ {
		n, p := string(rune('a'+i)), string(rune('a'+i-1))
		if i == 1 {
			p = "a0"
		}
		laughs += "x-" + n + ": &" + n + " {<<: *" + p + ", <<: *" + p + "}\n"
	}
	cases := map[string]string{
		"aliases that multiply": strings.ReplaceAll(laughs, ", <<:", ",\n  <<:") + "functions:\n  f:\n    env: *z\n",
		"alias to itself":       "functions:\n  a: &x\n    <<: *x\n",
		"open brackets":         strings.Repeat("[", 500_000),
		"open braces by line":   strings.Repeat("{a:\n", 200_000),
		"brackets by line":      strings.Repeat("[\n", 200_000),
		"nested dashes":         strings.Repeat("- ", 400_000),
		"too large":             strings.Repeat("#", 1<<20+1),
		"deep blocks":           deepBlocks(400),
		"many functions":        "functions:\n" + strings.Repeat("  a: {}\n", 20_000),
		"zero bytes":            "functions:\n  a: {entry: \"\x00\"}\x00",
		"not text":              "\xff\xfe\xfd",
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			if _, err := manifest.Parse([]byte(text), "dayfly.yaml"); err == nil {
				t.Error("it was accepted")
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("refusing it took %v", took)
			}
		})
	}
}

func deepBlocks(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestFindSeesBothSpellings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if file, ok := manifest.Find(dir); ok {
		t.Errorf("Find in an empty folder = %s", file)
	}
	want := filepath.Join(dir, "dayfly.yml")
	if err := os.WriteFile(want, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, ok := manifest.Find(dir); !ok || got != want {
		t.Errorf("Find = %s, %v; want %s", got, ok, want)
	}
	if _, err := manifest.Load(filepath.Join(dir, "gone.yaml")); dayfly.KindOf(err) != dayfly.KindNotFound {
		t.Errorf("Load of nothing = %v, want not_found", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, file := range []string{"full", "anchors", "commands", "events"} {
		data, err := os.ReadFile("testdata/good/" + file + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := manifest.Parse(data, "dayfly.yaml")
		if err != nil {
			return
		}
		for name, settings := range m.Functions {
			spec := dayfly.DefaultSpec()
			if err := settings.Apply(&spec); err != nil {
				t.Errorf("%s was read but cannot be applied: %v", name, err)
			}
		}
	})
}

func TestTheGuidesExamplesAreRead(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"packaging.md", "triggers.md"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkExample(t, name)
		})
	}
}

func checkExample(t *testing.T, guideName string) {
	t.Helper()
	guide, err := os.ReadFile("../../docs/guides/" + guideName)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(guide), "```yaml\n")
	example, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("the guide has no YAML example")
	}
	m, err := manifest.Parse([]byte(example), guideName)
	if err != nil {
		t.Fatal(err)
	}
	for name, settings := range m.Functions {
		spec := dayfly.DefaultSpec()
		spec.Contract, spec.Command = dayfly.ContractHTTP, []string{"x"}
		if err := settings.Apply(&spec); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if settings.Contract == "" && spec.Validate() != nil {
			t.Errorf("%s: %v", name, spec.Validate())
		}
	}
}
