// SPDX-License-Identifier: Apache-2.0

package dayfly

import (
	"fmt"
	"slices"
	"time"
)

// Contract is how the platform talks to a function's code.
type Contract string

// The contracts (docs/GLOSSARY.md).
const (
	ContractHandler Contract = "handler" // our guest loads a module and calls what it exports
	ContractHTTP    Contract = "http"    // the program listens on $PORT
	ContractLambda  Contract = "lambda"  // the program polls AWS Lambda's Runtime API
	ContractStdio   Contract = "stdio"   // one process per invocation: body in, answer out
	ContractWasm    Contract = "wasm"    // a WASI module, one fresh instance per invocation
)

// Contracts lists every contract.
func Contracts() []Contract {
	return []Contract{ContractHandler, ContractHTTP, ContractLambda, ContractStdio, ContractWasm}
}

// Dialect is the shape of a handler's signature; it is empty outside ContractHandler.
type Dialect string

// The dialects of handlers.
const (
	DialectLambda     Dialect = "lambda"     // handler(event, context): AWS Lambda
	DialectFetch      Dialect = "fetch"      // fetch(request) Response: web standard (Node)
	DialectNodeHTTP   Dialect = "node-http"  // (req, res), or an exported Express, Koa, Fastify app (Node)
	DialectWSGI       Dialect = "wsgi"       // app(environ, start_response) (Python)
	DialectASGI       Dialect = "asgi"       // await app(scope, receive, send) (Python)
	DialectRack       Dialect = "rack"       // app.call(env) (Ruby)
	DialectFramework  Dialect = "framework"  // functions-framework: HTTP function
	DialectCloudEvent Dialect = "cloudevent" // functions-framework: CloudEvent function
	DialectEvent      Dialect = "event"      // functions-framework: background function (data, context)
	DialectTyped      Dialect = "typed"      // functions-framework: typed function
	DialectOpenFaaS   Dialect = "openfaas"   // OpenFaaS templates: handle(event, context)
	DialectOpenWhisk  Dialect = "openwhisk"  // OpenWhisk: main(params)
	DialectAzure      Dialect = "azure"      // Azure Functions: HTTP triggers
	DialectVercel     Dialect = "vercel"     // Vercel: the files of api/
	DialectNetlify    Dialect = "netlify"    // Netlify: the files of netlify/functions/
)

// Dialects lists every dialect.
func Dialects() []Dialect {
	return []Dialect{DialectLambda, DialectFetch, DialectNodeHTTP, DialectWSGI, DialectASGI, DialectRack,
		DialectFramework, DialectCloudEvent, DialectEvent, DialectTyped, DialectOpenFaaS, DialectOpenWhisk,
		DialectAzure, DialectVercel, DialectNetlify}
}

// Payload is the form in which an HTTP request reaches a handler of Lambda events, and
// in which its answer is read.
type Payload string

// The payloads (AWS API Gateway and Application Load Balancer).
const (
	PayloadV2       Payload = "2.0"       // HTTP APIs and function URLs; the default
	PayloadV1       Payload = "1.0"       // REST APIs
	PayloadALB      Payload = "alb"       // load balancer
	PayloadALBMulti Payload = "alb-multi" // load balancer with multi-value headers on
)

// Payloads lists every payload.
func Payloads() []Payload {
	return []Payload{PayloadV2, PayloadV1, PayloadALB, PayloadALBMulti}
}

// Egress says what of the network a function reaches.
type Egress string

// The egress policies. Neither ever reaches the host, its private networks or
// link-local addresses.
const (
	EgressInternet Egress = "internet"
	EgressNone     Egress = "none"
)

// Spec is the configuration of a revision, complete: every default is filled in.
type Spec struct {
	Runtime  RuntimeName `json:"runtime"`
	Contract Contract    `json:"contract"`
	Dialect  Dialect     `json:"dialect,omitempty"`
	// Entry names the exported handler of ContractHandler: "MODULE.EXPORT", the
	// module a path below the code without its extension. An empty export means
	// the module itself or its default export.
	Entry string `json:"entry,omitempty"`
	// Command is the program of ContractHTTP, ContractLambda and ContractStdio and its
	// arguments, or the module of ContractWasm and its. It starts in the code folder; a
	// relative program is found there.
	Command []string `json:"command,omitempty"`
	// Payload is how HTTP reaches handlers of Lambda events; empty for others.
	Payload Payload           `json:"payload,omitempty"`
	Env     map[string]string `json:"env,omitempty"`
	Egress  Egress            `json:"egress"`
	Limits  Limits            `json:"limits"`
	Scaling Scaling           `json:"scaling"`
	// Triggers turn events into invocations; Retry and Destinations say what becomes
	// of those that are executed asynchronously.
	Triggers     []Trigger    `json:"triggers,omitempty"`
	Retry        Retry        `json:"retry"`
	Destinations Destinations `json:"destinations,omitzero"`
	// Durability is that of what is accepted for later execution.
	Durability Durability `json:"durability,omitempty"`
}

// Limits bound one instance and one call of it.
type Limits struct {
	MemoryBytes int64 `json:"memory_bytes"` // 16 MiB … 64 GiB, processes and /tmp together
	CPUMilli    int64 `json:"cpu_milli"`    // thousandths of a processor, 10 … 64000
	Pids        int64 `json:"pids"`         // processes and threads, 1 … 32768
	Files       int64 `json:"files"`        // open files of each process, 16 … 65536
	TmpBytes    int64 `json:"tmp_bytes"`    // size of /tmp, 1 MiB … 64 GiB

	Timeout     time.Duration `json:"timeout"`      // of one call, 1 ms … 24 h
	InitTimeout time.Duration `json:"init_timeout"` // from start to ready, 10 ms … 15 min

	RequestBytes  int64 `json:"request_bytes"`  // body of a request, 1 byte … 5 GiB
	ResponseBytes int64 `json:"response_bytes"` // body of an answer, 1 byte … 5 GiB
}

// Scaling bounds how many instances a function has and how calls wait for them.
type Scaling struct {
	Concurrency  int           `json:"concurrency"`   // calls at once in one instance, 1 … 1000
	MinInstances int           `json:"min_instances"` // kept even when idle, 0 … 1000
	MaxInstances int           `json:"max_instances"` // never exceeded, 1 … 10000
	IdleTimeout  time.Duration `json:"idle_timeout"`  // an idle instance lives so long, 1 s … 24 h
	QueueDepth   int           `json:"queue_depth"`   // calls that may wait once all instances are there, 0 … 10000
	QueueTimeout time.Duration `json:"queue_timeout"` // longest wait that is accepted, 1 ms … 24 h
}

// DefaultSpec is the configuration of a function that says nothing.
func DefaultSpec() Spec {
	return Spec{
		Egress: EgressInternet,
		Limits: Limits{
			MemoryBytes: 256 << 20, CPUMilli: 1000, Pids: 256, Files: 1024, TmpBytes: 512 << 20,
			Timeout: 30 * time.Second, InitTimeout: 10 * time.Second,
			RequestBytes: 100 << 20, ResponseBytes: 100 << 20,
		},
		Scaling: Scaling{
			Concurrency: 1, MaxInstances: 1000, IdleTimeout: 10 * time.Minute,
			QueueDepth: 1000, QueueTimeout: 10 * time.Second,
		},
		Retry: DefaultRetry(),
	}
}

// serverConcurrency is how many calls at once a program that serves HTTP by itself, or
// an exported web application, gets: web servers are made for it, and each WebSocket or event stream is a call. It
// is what Cloud Run gives them.
const serverConcurrency = 80

// DefaultSpecOf is the configuration of a function of that contract and dialect that
// says nothing more.
func DefaultSpecOf(contract Contract, dialect Dialect) Spec {
	s := DefaultSpec()
	s.Contract, s.Dialect = contract, dialect
	if contract == ContractLambda || dialect == DialectLambda {
		s.Payload = PayloadV2
	}
	if contract == ContractHTTP || dialect == DialectNodeHTTP || dialect == DialectASGI {
		s.Scaling.Concurrency = serverConcurrency
	}
	return s
}

// Validate reports the first field out of its bounds.
func (s *Spec) Validate() error {
	switch s.Contract {
	case ContractHandler:
		if s.Entry == "" {
			return Errorf(KindInvalid, "entry is empty: the handler contract needs one, such as app.handler")
		}
	case ContractHTTP, ContractLambda, ContractStdio, ContractWasm:
		if len(s.Command) == 0 {
			return Errorf(KindInvalid, "command is empty: the %s contract needs one", s.Contract)
		}
	default:
		return Errorf(KindInvalid, "contract %q is unknown: use handler, http, lambda, stdio or wasm", s.Contract)
	}
	if s.Payload != "" && !slices.Contains(Payloads(), s.Payload) {
		return Errorf(KindInvalid, "payload %q is unknown: use 2.0, 1.0, alb or alb-multi", s.Payload)
	}
	if s.Egress != EgressInternet && s.Egress != EgressNone {
		return Errorf(KindInvalid, "egress %q is unknown: use internet or none", s.Egress)
	}
	for _, b := range s.bounds() {
		if b.value < b.min || b.value > b.max {
			return Errorf(KindInvalid, "%s is %s, must be between %s and %s",
				b.field, b.print(b.value), b.print(b.min), b.print(b.max))
		}
	}
	if s.Scaling.MinInstances > s.Scaling.MaxInstances {
		return Errorf(KindInvalid, "min_instances %d is more than max_instances %d",
			s.Scaling.MinInstances, s.Scaling.MaxInstances)
	}
	return s.validateEvents()
}

type bound struct {
	field           string
	value, min, max int64
	print           func(int64) string
}

func (s *Spec) bounds() []bound {
	number := func(v int64) string { return fmt.Sprint(v) }
	span := func(v int64) string { return time.Duration(v).String() }
	l, c := s.Limits, s.Scaling
	return []bound{
		{"memory", l.MemoryBytes, 16 << 20, 64 << 30, FormatBytes},
		{"cpu (thousandths)", l.CPUMilli, 10, 64000, number},
		{"pids", l.Pids, 1, 32768, number},
		{"files", l.Files, 16, 65536, number},
		{"tmp", l.TmpBytes, 1 << 20, 64 << 30, FormatBytes},
		{"timeout", int64(l.Timeout), int64(time.Millisecond), int64(24 * time.Hour), span},
		{"init_timeout", int64(l.InitTimeout), int64(10 * time.Millisecond), int64(15 * time.Minute), span},
		{"request_bytes", l.RequestBytes, 1, 5 << 30, FormatBytes},
		{"response_bytes", l.ResponseBytes, 1, 5 << 30, FormatBytes},
		{"concurrency", int64(c.Concurrency), 1, 1000, number},
		{"min_instances", int64(c.MinInstances), 0, 1000, number},
		{"max_instances", int64(c.MaxInstances), 1, 10000, number},
		{"idle_timeout", int64(c.IdleTimeout), int64(time.Second), int64(24 * time.Hour), span},
		{"queue_depth", int64(c.QueueDepth), 0, 10000, number},
		{"queue_timeout", int64(c.QueueTimeout), int64(time.Millisecond), int64(24 * time.Hour), span},
	}
}

// FormatBytes prints a size in the largest binary unit that divides it: "256Mi".
func FormatBytes(n int64) string {
	units := []string{"", "Ki", "Mi", "Gi", "Ti"}
	i := 0
	for n != 0 && n%1024 == 0 && i < len(units)-1 {
		n, i = n/1024, i+1
	}
	return fmt.Sprintf("%d%s", n, units[i])
}
