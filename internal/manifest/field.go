// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"slices"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// shape is what may stand behind a key.
type shape int

const (
	shapeText     shape = iota // a string
	shapeEnum                  // one of a few strings
	shapeBytes                 // a size: 256Mi
	shapeCPU                   // a share of processors: 0.5
	shapeSpan                  // a time span: 30s
	shapeNumber                // a whole number
	shapeWords                 // a list of strings, or one that is split
	shapeTable                 // names and strings
	shapeGroup                 // more keys
	shapeList                  // a list of strings, or one
	shapeFlag                  // true or false
	shapeJSON                  // anything, kept as JSON
	shapeFilter                // a string, or a mapping that is kept as JSON
	shapeTriggers              // the list of on
)

// value is what was read of a key, in the form of its shape.
type value struct {
	text     string
	number   int64
	flag     bool
	words    []string
	table    map[string]string
	triggers []Trigger
}

// field is one key of a function: what it holds, how it is kept, what it sets.
type field struct {
	key      string
	doc      string
	shape    shape
	enum     []string // of shapeEnum
	example  string
	min, max int64   // of shapeNumber
	group    []field // of shapeGroup
	// keep puts what was read into a Function.
	keep func(*Function, value)
	// apply puts it into a Spec; nil for what is not part of one.
	apply func(*Function, *dayfly.Spec) error
}

func (f *field) applyTo(settings *Function, spec *dayfly.Spec, above string) error {
	name := above + f.key
	for i := range f.group {
		if err := f.group[i].applyTo(settings, spec, name+"."); err != nil {
			return err
		}
	}
	if f.apply == nil {
		return nil
	}
	if err := f.apply(settings, spec); err != nil {
		return fieldError(name, err)
	}
	return nil
}

// later names keys that the design has and this version does not.
func later() map[string][]string {
	return map[string][]string{
		"manifest": {"secrets", "databases"},
		"function": {"secrets", "openapi", "isolation", "site"},
	}
}

// fields is the table of everything that can be said of a function. Bounds of spans
// and sizes are Spec.Validate's; those of numbers stand here, too, for the schema.
func fields() []field {
	return slices.Concat(codeFields(), limitFields(), eventFields())
}

func codeFields() []field {
	return []field{
		{
			key: "source", shape: shapeText, example: "./thumbnail",
			doc: "Folder, single file or zip file with the code, relative to this file. " +
				"The folder of this file when not given.",
			keep: func(f *Function, v value) { f.Source = v.text },
		}, {
			key: "runtime", shape: shapeText, example: "python3.11",
			doc: "Language toolchain: a name of `dayfly runtimes`, such as python3.11, node20 or native. " +
				"Detected when not given.",
			keep: func(f *Function, v value) { f.Runtime = v.text },
			apply: func(f *Function, s *dayfly.Spec) error {
				s.Runtime = dayfly.RuntimeName(either(f.Runtime, string(s.Runtime)))
				return nil
			},
		}, {
			key: "contract", shape: shapeEnum, enum: contracts(), example: "handler",
			doc: "How the platform talks to the code: handler (an exported function), http (a server " +
				"on $PORT), lambda (a program for Lambda's Runtime API), stdio (a process for each call) " +
				"or wasm (a WASI module). Detected when not given.",
			keep: func(f *Function, v value) { f.Contract = v.text },
			apply: func(f *Function, s *dayfly.Spec) error {
				s.Contract = dayfly.Contract(either(f.Contract, string(s.Contract)))
				return oneOf(f.Contract, contracts())
			},
		}, {
			key: "dialect", shape: shapeEnum, enum: dialects(), example: "lambda",
			doc:  "Shape of the handler's signature. Detected when not given.",
			keep: func(f *Function, v value) { f.Dialect = v.text },
			apply: func(f *Function, s *dayfly.Spec) error {
				s.Dialect = dayfly.Dialect(either(f.Dialect, string(s.Dialect)))
				return oneOf(f.Dialect, dialects())
			},
		}, {
			key: "entry", shape: shapeText, example: "app.handler",
			doc:  "The exported handler, as MODULE.EXPORT. Detected when not given.",
			keep: func(f *Function, v value) { f.Entry = v.text },
			apply: func(f *Function, s *dayfly.Spec) error {
				s.Entry = either(f.Entry, s.Entry)
				return nil
			},
		}, {
			key: "command", shape: shapeWords, example: "node server.js",
			doc: "Program and arguments of the contracts http, lambda, stdio and wasm, as a list or one line. " +
				"Detected when not given.",
			keep: func(f *Function, v value) { f.Command = v.words },
			apply: func(f *Function, s *dayfly.Spec) error {
				s.Command = eitherList(f.Command, s.Command)
				return nil
			},
		}, {
			key: "payload", shape: shapeEnum, enum: payloads(), example: "1.0",
			doc: "How HTTP reaches a handler of Lambda events: 2.0 (HTTP APIs, function URLs), 1.0 (REST " +
				"APIs), alb (load balancer) or alb-multi (with multi-value headers). 2.0 when not given.",
			keep: func(f *Function, v value) { f.Payload = v.text },
			apply: func(f *Function, s *dayfly.Spec) error {
				s.Payload = dayfly.Payload(either(f.Payload, string(s.Payload)))
				return oneOf(f.Payload, payloads())
			},
		}, {
			key: "env", shape: shapeTable,
			doc:  "Environment variables.",
			keep: func(f *Function, v value) { f.Env = v.table },
			apply: func(f *Function, s *dayfly.Spec) error {
				s.Env = merged(s.Env, f.Env)
				return checkEnv(s.Env)
			},
		}, {
			key: "egress", shape: shapeEnum, enum: egresses(), example: "none",
			doc: "What of the network the code reaches: internet (never the host or its private " +
				"networks) or none.",
			keep: func(f *Function, v value) { f.Egress = v.text },
			apply: func(f *Function, s *dayfly.Spec) error {
				s.Egress = dayfly.Egress(either(f.Egress, string(s.Egress)))
				return oneOf(f.Egress, egresses())
			},
		},
	}
}

func contracts() []string { return texts(dayfly.Contracts()) }
func dialects() []string  { return texts(dayfly.Dialects()) }
func payloads() []string  { return texts(dayfly.Payloads()) }

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, name := range list {
		out[i] = string(name)
	}
	return out
}

func egresses() []string {
	return []string{string(dayfly.EgressInternet), string(dayfly.EgressNone)}
}

func limitFields() []field {
	list := []field{
		bytesField("memory", "256Mi", "Memory of one instance, its processes and /tmp together.",
			func(f *Function) *string { return &f.Memory },
			func(s *dayfly.Spec) *int64 { return &s.Limits.MemoryBytes }),
		{
			key: "cpu", shape: shapeCPU, example: "0.5",
			doc:  "Processors of one instance: 0.5 or 500m is half of one.",
			keep: func(f *Function, v value) { f.CPU = v.text },
			apply: func(f *Function, s *dayfly.Spec) (err error) {
				if f.CPU != "" {
					s.Limits.CPUMilli, err = quantity.ParseCPU(f.CPU)
				}
				return err
			},
		},
		numberField("pids", "Processes and threads of one instance.", [2]int64{1, 32768},
			func(f *Function) **int64 { return &f.Pids },
			func(s *dayfly.Spec, n int64) { s.Limits.Pids = n }),
		numberField("files", "Open files of each process.", [2]int64{16, 65536},
			func(f *Function) **int64 { return &f.Files },
			func(s *dayfly.Spec, n int64) { s.Limits.Files = n }),
		bytesField("tmp", "512Mi", "Size of /tmp, which counts as memory.",
			func(f *Function) *string { return &f.Tmp },
			func(s *dayfly.Spec) *int64 { return &s.Limits.TmpBytes }),
		spanField("timeout", "30s", "Longest time of one call.",
			func(f *Function) *string { return &f.Timeout },
			func(s *dayfly.Spec) *time.Duration { return &s.Limits.Timeout }),
		spanField("init_timeout", "10s",
			"Longest time from the start of an instance until it is ready.",
			func(f *Function) *string { return &f.InitTimeout },
			func(s *dayfly.Spec) *time.Duration { return &s.Limits.InitTimeout }),
		bytesField("request_limit", "100Mi", "Largest body of a request.",
			func(f *Function) *string { return &f.RequestLimit },
			func(s *dayfly.Spec) *int64 { return &s.Limits.RequestBytes }),
		bytesField("response_limit", "100Mi", "Largest body of an answer.",
			func(f *Function) *string { return &f.ResponseLimit },
			func(s *dayfly.Spec) *int64 { return &s.Limits.ResponseBytes }),
	}
	return append(list, scalingFields()...)
}

func scalingFields() []field {
	return []field{
		numberField("concurrency", "Calls at once in one instance.", [2]int64{1, 1000},
			func(f *Function) **int64 { return &f.Concurrency },
			func(s *dayfly.Spec, n int64) { s.Scaling.Concurrency = int(n) }),
		{
			key: "instances", shape: shapeGroup, doc: "How many instances there may be.",
			group: []field{
				numberField("min", "Instances that are kept even when idle.", [2]int64{0, 1000},
					func(f *Function) **int64 { return &f.Instances.Min },
					func(s *dayfly.Spec, n int64) { s.Scaling.MinInstances = int(n) }),
				numberField("max", "Instances that are never exceeded.", [2]int64{1, 10000},
					func(f *Function) **int64 { return &f.Instances.Max },
					func(s *dayfly.Spec, n int64) { s.Scaling.MaxInstances = int(n) }),
			},
		},
		spanField("idle", "10m", "How long an idle instance lives.",
			func(f *Function) *string { return &f.Idle },
			func(s *dayfly.Spec) *time.Duration { return &s.Scaling.IdleTimeout }),
		{
			key: "queue", shape: shapeGroup, doc: "How calls wait for an instance.",
			group: []field{
				numberField("depth", "Calls that may wait once all instances are there.", [2]int64{0, 10000},
					func(f *Function) **int64 { return &f.Queue.Depth },
					func(s *dayfly.Spec, n int64) { s.Scaling.QueueDepth = int(n) }),
				spanField("timeout", "10s", "Longest wait.",
					func(f *Function) *string { return &f.Queue.Timeout },
					func(s *dayfly.Spec) *time.Duration { return &s.Scaling.QueueTimeout }),
			},
		},
	}
}

func oneOf(given string, known []string) error {
	if given == "" {
		return nil
	}
	for _, k := range known {
		if given == k {
			return nil
		}
	}
	return dayfly.Errorf(dayfly.KindInvalid, "unknown value %q; %s",
		clip(given), suggestion(given, known))
}

func bytesField(
	key, example, doc string, at func(*Function) *string, in func(*dayfly.Spec) *int64,
) field {
	return field{
		key: key, shape: shapeBytes, example: example, doc: doc,
		keep: func(f *Function, v value) { *at(f) = v.text },
		apply: func(f *Function, s *dayfly.Spec) (err error) {
			if text := *at(f); text != "" {
				*in(s), err = quantity.ParseBytes(text)
			}
			return err
		},
	}
}

func spanField(
	key, example, doc string, at func(*Function) *string, in func(*dayfly.Spec) *time.Duration,
) field {
	return field{
		key: key, shape: shapeSpan, example: example, doc: doc,
		keep: func(f *Function, v value) { *at(f) = v.text },
		apply: func(f *Function, s *dayfly.Spec) (err error) {
			if text := *at(f); text != "" {
				*in(s), err = quantity.ParseDuration(text)
			}
			return err
		},
	}
}

func numberField(
	key, doc string, bounds [2]int64, at func(*Function) **int64, set func(*dayfly.Spec, int64),
) field {
	return field{
		key: key, shape: shapeNumber, doc: doc, min: bounds[0], max: bounds[1],
		keep: func(f *Function, v value) { *at(f) = &v.number },
		apply: func(f *Function, s *dayfly.Spec) error {
			n := *at(f)
			if n == nil {
				return nil
			}
			if *n < bounds[0] || *n > bounds[1] {
				return dayfly.Errorf(dayfly.KindInvalid, "%d is not between %d and %d",
					*n, bounds[0], bounds[1])
			}
			set(s, *n)
			return nil
		},
	}
}
