// SPDX-License-Identifier: Apache-2.0

package dayfly

import (
	"io"
	"net/http"
	"time"
)

// RequestKind tells an HTTP request from a bare event.
type RequestKind string

// The kinds of requests.
const (
	RequestHTTP  RequestKind = "http"  // handlers of event dialects get it as payload v2.0
	RequestEvent RequestKind = "event" // the body is the event itself, as JSON
)

// Request is what a caller sent, as the function is to see it.
type Request struct {
	Kind   RequestKind
	Method string
	Host   string
	// Path is the escaped path below the function's own prefix; it starts with "/".
	Path string
	// Prefix is what the gateway took off the path: "/function/NAME", or "".
	Prefix     string
	RawQuery   string
	Proto      string // as received: "HTTP/1.1", "HTTP/2.0"
	Scheme     string // "http" or "https"
	RemoteAddr string // address of the client, without port
	Header     http.Header
	// Body is never nil; ContentLength is -1 when not known.
	Body          io.ReadCloser
	ContentLength int64
	// TraceParent is the W3C trace context that the function continues.
	TraceParent string
}

// Invocation is one call of a function.
type Invocation struct {
	ID       InvocationID
	Function FunctionRef
	Alias    AliasName
	Source   Source
	Received time.Time
	Request  Request
	// Event and Attempt tell which event this executes, and for which time; of a batch,
	// its first event. Event is empty when a caller waits for the answer.
	Event   EventID
	Attempt int
	Trigger TriggerName // of the event, if a trigger caused it
	Batch   int         // how many events it takes
	// Revision is fixed by the invoker before it executes the call.
	Revision *Revision
	// Deadline is when the call must have ended; the invoker sets it.
	Deadline time.Time
	// Record collects what is known of the call; it is the caller's to read once
	// the Result's body is closed.
	Record *Record
}

// Source is what caused an invocation.
type Source string

// The sources.
const (
	SourceHTTP   Source = "http"   // the gateway
	SourceInvoke Source = "invoke" // the management API: dayfly invoke
	SourceAsync  Source = "async"  // an asynchronous invocation that some caller asked for
	SourceCron   Source = "cron"
	SourceQueue  Source = "queue"
	SourceObject Source = "object"
	SourceValue  Source = "kv"
	SourceHook   Source = "webhook"
	SourceAuth   Source = "authorizer" // a front asks who is calling
)

// Result is a function's answer. Body is never nil and must be closed: closing it
// ends the call. The instance is released as soon as the function is through with it,
// which may be before that.
type Result struct {
	Status int
	Header http.Header
	// Body streams the answer. A failure after the head makes Read return a *Failure.
	// When Status is 101 it is also an io.ReadWriteCloser: the upgraded connection.
	Body io.ReadCloser
	// Trailer may gain values until Body is read to its end.
	Trailer http.Header
	// Failure is set when the function itself failed before it answered; Status
	// and Body then hold what an HTTP caller is told.
	Failure *Failure
}

// FailureKind says how a function failed.
type FailureKind string

// The kinds of failures, all of them the guest's.
const (
	FailureException FailureKind = "exception"          // the handler raised
	FailureInit      FailureKind = "init"               // the code could not be loaded or started
	FailureExit      FailureKind = "exit"               // the process ended during the call
	FailureTimeout   FailureKind = "timeout"            // the time limit passed; the process was ended
	FailureMemory    FailureKind = "out_of_memory"      // the memory limit was reached
	FailureResponse  FailureKind = "bad_response"       // the answer is malformed
	FailureTooLarge  FailureKind = "response_too_large" // the answer passed its size limit
)

// Phase is the part of a call in which something happened.
type Phase string

// The phases.
const (
	PhaseInit   Phase = "init"
	PhaseInvoke Phase = "invoke"
)

// Failure is a function's own fault: what went wrong, in its words.
type Failure struct {
	Kind    FailureKind `json:"kind"`
	Phase   Phase       `json:"phase"`
	Type    string      `json:"type"` // the guest's error class, or a name of ours
	Message string      `json:"message"`
	Stack   []string    `json:"stack,omitempty"`
	// Payload is the error as the function's dialect spells it, for event callers.
	Payload []byte `json:"payload,omitempty"`
}

// Error makes a Failure travel through a Body's Read.
func (f *Failure) Error() string { return f.Type + ": " + f.Message }

// Fault says whose a failed call is.
type Fault string

// The faults.
const (
	FaultNone     Fault = ""
	FaultGuest    Fault = "guest"    // the function
	FaultCaller   Fault = "caller"   // the request
	FaultPlatform Fault = "platform" // Dayfly
	FaultCapacity Fault = "capacity" // a limit that someone configured
)

// ColdStart says how the instance of a call came to be.
type ColdStart string

// The ways to an instance, from the fastest.
const (
	ColdNone   ColdStart = ""       // it was idle
	ColdWaited ColdStart = "waited" // another call released it
	ColdStem   ColdStart = "stem"   // a booted sandbox was specialised
	ColdFork   ColdStart = "fork"   // a sandbox was forked from a zygote for it
	ColdBoot   ColdStart = "boot"   // a sandbox was booted for it
)

// Cold tells whether a new instance was made for the call.
func (c ColdStart) Cold() bool { return c == ColdStem || c == ColdFork || c == ColdBoot }

// Record is what is known of one invocation: the answer to "why was this call slow,
// cold or failed?".
type Record struct {
	ID       InvocationID `json:"id"`
	Function FunctionRef  `json:"function"`
	Revision RevisionID   `json:"revision,omitempty"`
	Runtime  RuntimeName  `json:"runtime,omitempty"`
	Instance InstanceID   `json:"instance,omitempty"`
	Node     NodeID       `json:"node,omitempty"`
	Source   Source       `json:"source"`
	// Event, Attempt and Trigger are the Invocation's; Batch is how many events it took.
	Event   EventID     `json:"event,omitempty"`
	Attempt int         `json:"attempt,omitempty"`
	Trigger TriggerName `json:"trigger,omitempty"`
	Batch   int         `json:"batch,omitempty"`
	Method  string      `json:"method,omitempty"`
	Path    string      `json:"path,omitempty"`
	Status  int         `json:"status"`

	Start    time.Time     `json:"start"`
	Duration time.Duration `json:"duration_ns"`
	Cold     ColdStart     `json:"cold"`
	// Why says in words why the call waited or got a new instance.
	Why    string  `json:"why,omitempty"`
	Phases []Timed `json:"phases"`

	QueueDepth       int   `json:"queue_depth"`   // calls waiting when it arrived
	CallsServed      int64 `json:"calls_served"`  // by the instance before this one
	BilledMillis     int64 `json:"billed_millis"` // time on the instance, rounded up
	MemoryPeakBytes  int64 `json:"memory_peak_bytes,omitempty"`
	MemoryLimitBytes int64 `json:"memory_limit_bytes,omitempty"`
	RequestBytes     int64 `json:"request_bytes"`
	ResponseBytes    int64 `json:"response_bytes"`

	Fault   Fault    `json:"fault,omitempty"`
	Failure *Failure `json:"failure,omitempty"`
	// Error is the message of a platform or caller fault, Kind its kind.
	Error string `json:"error,omitempty"`
	Kind  Kind   `json:"kind,omitempty"`
}

// Timed is a phase of an invocation and how long it took.
type Timed struct {
	Name     string        `json:"name"`
	Duration time.Duration `json:"duration_ns"`
}

// LogLine is one line that a function, or its build, printed.
type LogLine struct {
	Time       time.Time    `json:"time"`
	Function   FunctionRef  `json:"function"`
	Revision   RevisionID   `json:"revision,omitempty"`
	Instance   InstanceID   `json:"instance,omitempty"`
	Invocation InvocationID `json:"invocation,omitempty"`
	Stream     LogStream    `json:"stream"`
	Text       string       `json:"text"`
}

// LogStream names where a line was written.
type LogStream string

// The streams of log lines.
const (
	StreamStdout   LogStream = "stdout"
	StreamStderr   LogStream = "stderr"
	StreamPlatform LogStream = "platform" // Dayfly's own words about the instance
)
