// SPDX-License-Identifier: Apache-2.0

package simtest

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"time"
)

// callsMost bounds the calls of a trace that are read one by one: at 16 bytes
// each that is a gigabyte.
const callsMost = 60_000_000

// Azure2021 reads the trace that Azure published for 2021: a line for each call, in any
// order, of app, func, end_timestamp and duration, both in seconds.
func Azure2021(file io.Reader) (*Trace, error) {
	functions, order, total := map[string]*recorded{}, []string{}, 0
	err := table(file, []string{"app", "func", "end_timestamp", "duration"}, func(row fields) error {
		end, err := strconv.ParseFloat(row.text("end_timestamp"), 64)
		if err != nil || !(end >= 0 && end < math.MaxUint32/10) {
			return fmt.Errorf("end_timestamp %q is no number of use", row.text("end_timestamp"))
		}
		length, err := strconv.ParseFloat(row.text("duration"), 64)
		if err != nil || !(length >= 0 && length <= tookLongest.Seconds()) {
			return fmt.Errorf("duration %q is no number of use", row.text("duration"))
		}
		key := row.text("app") + "/" + row.text("func")
		f := functions[key]
		if f == nil {
			if len(functions) >= functionsMost {
				return fmt.Errorf("more than %d functions", functionsMost)
			}
			f = &recorded{}
			functions[key], order = f, append(order, key)
		}
		if total++; total > callsMost {
			return fmt.Errorf("more than %d calls", callsMost)
		}
		f.calls = append(f.calls, oneCall{at: max(end-length, 0), took: float32(length)})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read calls: %w", err)
	}
	t := &Trace{Name: "Azure 2021"}
	slices.Sort(order)
	for _, f := range functions {
		slices.SortStableFunc(f.calls, func(a, b oneCall) int { return cmp.Compare(a.at, b.at) })
		t.Span = max(t.Span, seconds(f.calls[len(f.calls)-1].at)+time.Nanosecond)
	}
	for _, key := range order {
		t.Functions = append(t.Functions, functions[key].function(key, t.Span))
	}
	return t, nil
}

type oneCall struct {
	at   float64
	took float32
}

// recorded are the calls of a function.
type recorded struct{ calls []oneCall }

func (r *recorded) function(name string, span time.Duration) Function {
	sum := 0.0
	for _, c := range r.calls {
		sum += float64(c.took)
	}
	rate := float64(len(r.calls)) / max(span.Minutes(), 1)
	f := Function{Name: name, MemoryBytes: memoryDefault, Cold: coldDefault,
		Took: seconds(sum / float64(len(r.calls))), Popular: rate > 1/popularGap.Minutes()}
	if rate > busyRate {
		f.Count = func() Counter { return &replayed{calls: r.calls} }
	} else {
		f.Open = func() Calls { return &replayed{calls: r.calls} }
	}
	return f
}

// replayed gives calls as they were recorded.
type replayed struct{ calls []oneCall }

// Next implements Calls.
func (r *replayed) Next() (at, took time.Duration, ok bool) {
	if len(r.calls) == 0 {
		return 0, 0, false
	}
	c := r.calls[0]
	r.calls = r.calls[1:]
	return seconds(c.at), seconds(float64(c.took)), true
}

// Count implements Counter.
func (r *replayed) Count(_, to time.Duration) int {
	n := 0
	for n < len(r.calls) && seconds(r.calls[n].at) < to {
		n++
	}
	r.calls = r.calls[n:]
	return n
}
