// SPDX-License-Identifier: Apache-2.0

package simtest

import "time"

// Trace is what is called, and for how long.
type Trace struct {
	Name      string
	Functions []Function
	Span      time.Duration
}

// Function is one function of a trace. Times are since the trace began.
type Function struct {
	Name        string
	MemoryBytes int64         // of an instance
	Cold        time.Duration // what a call waits when no instance is there
	Took        time.Duration // mean time of a call
	Timer       bool          // called by a schedule
	Popular     bool          // called more than once in popularGap on average
	// Open gives its calls from the start, the same ones each time. It is nil for a
	// function that is called so often that calls are counted: see Count.
	Open func() Calls
	// Count gives, from the start, how many calls come in the spans that follow one
	// another.
	Count func() Counter
}

// Calls are the calls of a function, one by one, in order of time.
type Calls interface {
	Next() (at, took time.Duration, ok bool)
}

// Counter are the calls of a function by the number. Spans follow one another.
type Counter interface {
	Count(from, to time.Duration) int
}

const (
	// popularGap is the mean gap below which a function is popular.
	popularGap = time.Minute
	// busyRate is how many calls a minute make a function busy: they are counted in
	// steps rather than followed one by one, since every policy keeps it warm.
	busyRate = 5.0
)
