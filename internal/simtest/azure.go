// SPDX-License-Identifier: Apache-2.0

package simtest

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// lineMost bounds a line of a trace: a day has 1440 numbers of at most 9 digits.
	lineMost = 1 << 16
	// functionsMost bounds the functions of a trace; the public ones have a tenth.
	functionsMost = 1 << 20
	// minutesADay is how many counts a line of the trace of 2019 has.
	minutesADay = 1440
	// tookDefault, memoryDefault and coldDefault stand in where a trace says nothing.
	// None of the public ones says how long cold starts take.
	tookDefault   = time.Second
	memoryDefault = 150 << 20
	coldDefault   = 150 * time.Millisecond
	// tookLongest is longer than any platform of the traces let a call run.
	tookLongest = 24 * time.Hour
)

// Azure2019 are the files of the trace that Azure published for 2019: of each day one
// of invocations, and of any days those of durations and memory. Durations and memory
// may be missing.
type Azure2019 struct {
	Invocations, Durations, Memory []io.Reader
	Seed                           uint64 // places calls within their minutes
}

// Read reads the files.
func (a Azure2019) Read() (*Trace, error) {
	functions := map[string]*counts{}
	var order []string
	for day, file := range a.Invocations {
		err := table(file, []string{"HashApp", "HashFunction"}, func(row fields) error {
			key := row.text("HashApp") + "/" + row.text("HashFunction")
			c := functions[key]
			if c == nil {
				if len(functions) >= functionsMost {
					return fmt.Errorf("more than %d functions", functionsMost)
				}
				c = &counts{timer: row.text("Trigger") == "timer"}
				functions[key] = c
				order = append(order, key)
			}
			return c.day(day, row)
		})
		if err != nil {
			return nil, fmt.Errorf("read invocations of day %d: %w", day+1, err)
		}
	}
	took, err := averages(a.Durations, "HashFunction", "Average", int64(time.Millisecond))
	if err != nil {
		return nil, fmt.Errorf("read durations: %w", err)
	}
	memory, err := averages(a.Memory, "", "AverageAllocatedMb", 1<<20)
	if err != nil {
		return nil, fmt.Errorf("read memory: %w", err)
	}
	t := &Trace{Name: "Azure 2019", Span: time.Duration(len(a.Invocations)) * 24 * time.Hour}
	slices.Sort(order)
	for i, key := range order {
		app, _, _ := strings.Cut(key, "/")
		f := Function{Name: key, Cold: coldDefault, Timer: functions[key].timer,
			Took:        min(time.Duration(or(took[key], int64(tookDefault))), tookLongest),
			MemoryBytes: or(memory[app], memoryDefault)}
		functions[key].open(&f, t.Span, [2]uint64{a.Seed, uint64(i)})
		t.Functions = append(t.Functions, f)
	}
	return t, nil
}

// averages gives the means of a column by application, and function when there is a
// column of it; the last file wins.
func averages(files []io.Reader, function, column string, unit int64) (map[string]int64, error) {
	out := map[string]int64{}
	for _, file := range files {
		need := []string{"HashApp", column}
		if function != "" {
			need = append(need, function)
		}
		err := table(file, need, func(row fields) error {
			v, err := strconv.ParseFloat(row.text(column), 64)
			if err != nil || !(v >= 0 && v < 1e9) {
				return fmt.Errorf("%s %q is no number of use", column, row.text(column))
			}
			key := row.text("HashApp")
			if function != "" {
				key += "/" + row.text(function)
			}
			if _, known := out[key]; !known && len(out) >= functionsMost {
				return fmt.Errorf("more than %d rows of different names", functionsMost)
			}
			out[key] = int64(v * float64(unit))
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// or gives a value, or another where it is not known.
func or(v, other int64) int64 {
	if v <= 0 {
		return other
	}
	return v
}

// fields are the fields of a line, by the names in the first one.
type fields struct {
	columns map[string]int
	values  []string
}

func (f fields) text(column string) string {
	if i, ok := f.columns[column]; ok && i < len(f.values) {
		return f.values[i]
	}
	return ""
}

// table reads lines of comma-separated values; the traces quote nothing.
func table(file io.Reader, need []string, each func(fields) error) error {
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 0, 1<<14), lineMost)
	row := fields{columns: map[string]int{}}
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		values := strings.Split(text, ",")
		if len(row.columns) == 0 {
			for i, name := range values {
				row.columns[strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))] = i
			}
			for _, name := range need {
				if _, ok := row.columns[name]; !ok {
					return fmt.Errorf("line %d names no column %s", n, name)
				}
			}
			continue
		}
		if row.values = values; len(values) < len(row.columns) {
			return fmt.Errorf("line %d has %d fields of %d", n, len(values), len(row.columns))
		}
		if err := each(row); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return lines.Err()
}

// counts are the calls of a function by the minute, packed: for each minute with calls
// how far it is from the one before, and how many there are.
type counts struct {
	packed []byte
	last   int // minute packed last, plus one
	calls  int64
	timer  bool
}

// day packs a line.
func (c *counts) day(day int, row fields) error {
	for m := 1; m <= minutesADay; m++ {
		i, ok := row.columns[strconv.Itoa(m)]
		if !ok || row.values[i] == "0" {
			continue
		}
		n, err := strconv.ParseUint(row.values[i], 10, 31)
		if err != nil {
			return fmt.Errorf("minute %d has %q calls", m, row.values[i])
		}
		if minute := day*minutesADay + m; n > 0 && minute > c.last {
			c.packed = binary.AppendUvarint(c.packed, uint64(minute-c.last))
			c.packed = binary.AppendUvarint(c.packed, n)
			c.last = minute
			c.calls += int64(n)
		}
	}
	return nil
}

// open makes the function give the calls.
func (c *counts) open(f *Function, span time.Duration, seed [2]uint64) {
	rate := float64(c.calls) / max(span.Minutes(), 1)
	f.Popular = rate > 1/popularGap.Minutes()
	if rate > busyRate {
		f.Count = func() Counter { return &spread{minutes: unpack{rest: c.packed}} }
		return
	}
	took := f.Took
	f.Open = func() Calls {
		return &scattered{minutes: unpack{rest: c.packed}, took: took,
			random: rand.New(rand.NewPCG(seed[0], seed[1]))}
	}
}

// unpack gives the minutes that have calls, one after another.
type unpack struct {
	rest   []byte
	minute int
}

func (u *unpack) next() (from time.Duration, n int, ok bool) {
	far, a := binary.Uvarint(u.rest)
	if a <= 0 {
		return 0, 0, false
	}
	many, b := binary.Uvarint(u.rest[a:])
	u.rest, u.minute = u.rest[a+b:], u.minute+int(far)
	return time.Duration(u.minute-1) * time.Minute, int(many), true
}

// scattered puts the calls of a minute anywhere in it.
type scattered struct {
	minutes unpack
	took    time.Duration
	random  *rand.Rand
	calls   []time.Duration // of this minute that are to come
}

// Next implements Calls.
func (s *scattered) Next() (at, took time.Duration, ok bool) {
	if len(s.calls) == 0 {
		from, n, ok := s.minutes.next()
		if !ok {
			return 0, 0, false
		}
		for range n {
			s.calls = append(s.calls, from+time.Duration(s.random.Int64N(int64(time.Minute))))
		}
		slices.Sort(s.calls)
	}
	at = s.calls[0]
	s.calls = s.calls[1:]
	return at, s.took, true
}

// spread spreads the calls of a minute evenly over it.
type spread struct {
	minutes unpack
	from    time.Duration // of the minute at hand
	calls   int
	begun   bool
	left    float64 // part of a call that is to come
}

// Count implements Counter.
func (s *spread) Count(from, to time.Duration) int {
	sum := s.left
	for {
		if s.begun {
			sum += float64(s.calls) * overlap(s.from, s.from+time.Minute, from, to).Minutes()
			if s.from+time.Minute > to {
				break
			}
		}
		var ok bool
		if s.from, s.calls, ok = s.minutes.next(); !ok {
			s.from, s.calls = never-time.Minute, 0
		}
		s.begun = true
		if s.from >= to {
			break
		}
	}
	s.left = sum - float64(int(sum+1e-6))
	return int(sum + 1e-6)
}
