// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "draw docs/bench.svg anew from reference.json")

// reference reads the figures that the papers show.
func reference(t *testing.T) *report {
	t.Helper()
	data, err := os.ReadFile("reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

func TestPictureIsOfTheReference(t *testing.T) {
	t.Parallel()
	const name = "../docs/bench.svg"
	want := draw(reference(t))
	if *update {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s does not show reference.json (%v); make generate draws it anew", name, err)
	}
}

// Marks around the list of misses in docs/SPEC.md.
const (
	missedBegin = "<!-- missed: make generate writes this list -->\n"
	missedEnd   = "<!-- end of missed -->"
)

// TestReferenceTellsWhatWasMissed keeps the papers honest: the figures that the readme
// shows are of a whole run, and docs/SPEC.md lists every number that it missed.
func TestReferenceTellsWhatWasMissed(t *testing.T) {
	t.Parallel()
	r := reference(t)
	if r.Quick || r.Machine["cpu"] == "" {
		t.Errorf("the reference is a quick run (%v) of machine %v; want a whole one", r.Quick, r.Machine)
	}
	seen := map[string]bool{}
	for _, one := range r.Rows {
		seen[one.Scenario] = true
	}
	for _, scenario := range scenarioNames {
		if !seen[scenario] {
			t.Errorf("the reference lacks scenario %s", scenario)
		}
	}
	const name = "../docs/SPEC.md"
	spec, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, okBegin := strings.Cut(string(spec), missedBegin)
	list, tail, okEnd := strings.Cut(rest, missedEnd)
	if !okBegin || !okEnd {
		t.Fatalf("%s lacks %q or %q", name, missedBegin, missedEnd)
	}
	if want := missed(r); *update {
		text := head + missedBegin + want + missedEnd + tail
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("%s tells something else than reference.json was missed (-want +got), "+
			"make generate writes it anew:\n%s", name, diff)
	}
}

// missed lists the promises that a run did not keep, with what it reached.
func missed(r *report) string {
	var out strings.Builder
	for _, one := range r.Rows {
		for _, p := range one.Promises {
			if p.Kept {
				continue
			}
			reached := map[string]string{"p50": span(one.P50), "p99": span(one.P99),
				"added": span(one.Added), "≥": fmt.Sprintf("%.0f/s", one.PerSecond),
				"refusals": span(one.Refusal)}[strings.Fields(p.What)[0]]
			fmt.Fprintf(&out, "- %s, %s: promised %s, reached %s\n", one.Scenario, one.Subject, p.What, reached)
		}
	}
	return out.String()
}
