// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one figure. Times are in microseconds; a field that was not measured is 0.
type row struct {
	Scenario string `json:"scenario"`
	Group    string `json:"group"`
	Subject  string `json:"subject"`
	Samples  int    `json:"samples,omitempty"`

	Min float64 `json:"min_us,omitempty"`
	P10 float64 `json:"p10_us,omitempty"`
	P50 float64 `json:"p50_us,omitempty"`
	P90 float64 `json:"p90_us,omitempty"`
	P99 float64 `json:"p99_us,omitempty"`
	Max float64 `json:"max_us,omitempty"`
	// Added is the median of a call's time beyond the handler's own clock.
	Added     float64 `json:"added_p50_us,omitempty"`
	Refusal   float64 `json:"refusal_p99_us,omitempty"`
	PerSecond float64 `json:"per_second,omitempty"`
	// Ratio is to the peak, or to the fitting floor.
	Ratio float64 `json:"ratio,omitempty"`
	Bytes int64   `json:"bytes,omitempty"`

	Promises []promise `json:"promises,omitempty"`
	Note     string    `json:"note,omitempty"`
}

// promise is a number that was to be reached.
type promise struct {
	What string `json:"what"`
	Kept bool   `json:"kept"`
}

// report collects rows.
type report struct {
	Machine map[string]string `json:"machine"`
	Method  string            `json:"method"`
	Quick   bool              `json:"quick"`
	Rows    []*row            `json:"rows"`
	Skipped map[string]string `json:"skipped,omitempty"`
}

func newReport(quick bool) *report {
	return &report{Machine: machine(), Quick: quick, Skipped: map[string]string{},
		Method: "Through HTTP, the load generator on the same cores as what is measured. " +
			"Dayfly runs every instance in a full sandbox; floors and peers have none."}
}

func (r *report) add(scenario, group, subject string) *row {
	one := &row{Scenario: scenario, Group: group, Subject: subject}
	r.Rows = append(r.Rows, one)
	return one
}

// skip notes why a subject is not in the table.
func (r *report) skip(name string, err error) {
	text, _, _ := strings.Cut(err.Error(), "\n")
	r.Skipped[name] = text
}

// spread adds the distribution of some times.
func (r *report) spread(scenario, group, subject string, times []time.Duration) *row {
	one := r.add(scenario, group, subject)
	one.Samples = len(times)
	one.Min, one.P10 = micros(percentile(times, 0)), micros(percentile(times, .1))
	one.P50, one.P90 = micros(percentile(times, .5)), micros(percentile(times, .9))
	one.P99, one.Max = micros(percentile(times, .99)), micros(percentile(times, 1))
	return one
}

// load adds what a load saw.
func (r *report) load(scenario, group, subject string, t *tally) *row {
	one := r.spread(scenario, group, subject, t.ok)
	one.PerSecond = math.Round(t.perSecond())
	return one
}

// weight adds a size.
func (r *report) weight(subject string, bytes int64) *row {
	one := r.add("memory", groupDayfly, subject)
	one.Bytes = bytes
	return one
}

func micros(d time.Duration) float64 { return math.Round(float64(d)/100) / 10 }

// promise compares p50 or p99 with what was to be reached.
func (r *row) promise(quantile string, limit time.Duration) *row {
	value := r.P50
	if quantile == "p99" {
		value = r.P99
	}
	return r.note(fmt.Sprintf("%s ≤ %v", quantile, limit), value <= micros(limit))
}

func (r *row) promiseAdded(limit time.Duration) {
	r.note(fmt.Sprintf("added p50 ≤ %v", limit), r.Added <= micros(limit))
}

func (r *row) promiseRate(limit float64) {
	r.note(fmt.Sprintf("≥ %.0f/s", limit), r.PerSecond >= limit)
}

func (r *row) promiseShare(limit float64) {
	r.note(fmt.Sprintf("≥ %.0f %% of the peak", 100*limit), r.Ratio >= limit)
}

func (r *row) promiseRefusal(limit time.Duration) {
	r.note(fmt.Sprintf("refusals p99 ≤ %v", limit), r.Refusal <= micros(limit))
}

func (r *row) promiseBytes(limit int64) {
	r.note(fmt.Sprintf("≤ %d MiB", limit>>20), r.Bytes <= limit)
}

func (r *row) note(what string, kept bool) *row {
	r.Promises = append(r.Promises, promise{what, kept})
	return r
}

// floorOf gives the floor beside which a row of dayfly's stands, or nil: the bare
// server of the same language, under the same load.
func (r *report) floorOf(d *row) *row {
	language, _, _ := strings.Cut(d.Subject, ",")
	bare := map[string]string{"Go": "bare net/http", "Node.js": "bare Node.js http",
		"Python": "bare Python http.server"}[language]
	_, conns, _ := strings.Cut(d.Subject[strings.LastIndex(d.Subject, ",")+1:], " ")
	for _, one := range r.Rows {
		if one.Group != groupFloor || one.Scenario != d.Scenario || bare == "" ||
			!strings.HasPrefix(one.Subject, bare) {
			continue
		}
		if d.Scenario == "cold" || strings.HasSuffix(one.Subject, conns) {
			return one
		}
	}
	return nil
}

// compare sets the ratios to the floors.
func (r *report) compare() {
	for _, one := range r.Rows {
		if one.Group != groupDayfly || one.Ratio != 0 {
			continue
		}
		floor := r.floorOf(one)
		switch {
		case floor == nil:
		case one.Scenario == "warm":
			one.Ratio = one.PerSecond / floor.PerSecond
		case one.Scenario == "cold":
			one.Ratio = one.P50 / floor.P50
		}
	}
}

// write puts the results on disk, and the table or the JSON on standard output.
func (r *report) write(opts options) error {
	r.compare()
	groups := []string{groupDayfly, groupFloor, groupPeer}
	slices.SortStableFunc(r.Rows, func(a, b *row) int {
		if c := cmp.Compare(scenarioIndex(a.Scenario), scenarioIndex(b.Scenario)); c != 0 {
			return c
		}
		return cmp.Compare(slices.Index(groups, a.Group), slices.Index(groups, b.Group))
	})
	data, err := marshal(r)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(opts.out, "results.json"), data, 0o644); err != nil {
		return err
	}
	picture := filepath.Join(opts.out, "picture.svg")
	if err := os.WriteFile(picture, draw(r), 0o644); err != nil {
		return err
	}
	if opts.json {
		_, err = os.Stdout.Write(data)
		return err
	}
	return r.table(os.Stdout)
}

func scenarioIndex(name string) int {
	for i, s := range scenarioNames {
		if s == name {
			return i
		}
	}
	return len(scenarioNames)
}

// scenarioNames is the order of the table.
var scenarioNames = []string{"start", "cold", "languages", "source", "warm", "burst", "overload", "memory"}

// table prints every row for people.
func (r *report) table(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SCENARIO\tGROUP\tSUBJECT\tN\tP50\tP90\tP99\tMAX\tADDED\tRATE\tRATIO\tSIZE\tPROMISED\tNOTE")
	for _, one := range r.Rows {
		var promises []string
		for _, p := range one.Promises {
			mark := "missed: "
			if p.Kept {
				mark = "kept: "
			}
			promises = append(promises, mark+p.What)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			one.Scenario, one.Group, one.Subject, blank("%.0f", float64(one.Samples)),
			span(one.P50), span(one.P90), span(one.P99), span(one.Max), span(one.Added),
			blank("%.0f/s", one.PerSecond), blank("×%.2f", one.Ratio),
			blank("%.1f MiB", float64(one.Bytes)/(1<<20)), strings.Join(promises, "; "), one.Note)
	}
	for name, why := range r.Skipped {
		fmt.Fprintf(w, "\t\t%s\tskipped: %s\n", name, why)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%s\n%s, %s cores, kernel %s, %s\n", r.Method, r.Machine["cpu"],
		r.Machine["cores"], r.Machine["kernel"], r.Machine["date"])
	return err
}

func blank(format string, v float64) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf(format, v)
}

// span prints microseconds in the unit a reader wants.
func span(us float64) string {
	switch {
	case us == 0:
		return ""
	case us < 1000:
		return fmt.Sprintf("%.0f µs", us)
	case us < 1e6:
		return fmt.Sprintf("%.1f ms", us/1e3)
	default:
		return fmt.Sprintf("%.2f s", us/1e6)
	}
}
