// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"errors"
	"maps"
	"regexp"
	"slices"

	"github.com/dayfly-faas/dayfly"
)

// Function holds the settings of one function as a user wrote them. It is also their
// form in the management API. What is empty or nil was not said.
type Function struct {
	Source        string            `json:"source,omitempty"`
	Runtime       string            `json:"runtime,omitempty"`
	Contract      string            `json:"contract,omitempty"`
	Dialect       string            `json:"dialect,omitempty"`
	Payload       string            `json:"payload,omitempty"`
	Entry         string            `json:"entry,omitempty"`
	Command       []string          `json:"command,omitempty"`
	Memory        string            `json:"memory,omitempty"`
	CPU           string            `json:"cpu,omitempty"`
	Pids          *int64            `json:"pids,omitempty"`
	Files         *int64            `json:"files,omitempty"`
	Tmp           string            `json:"tmp,omitempty"`
	Timeout       string            `json:"timeout,omitempty"`
	InitTimeout   string            `json:"init_timeout,omitempty"`
	Concurrency   *int64            `json:"concurrency,omitempty"`
	Instances     Instances         `json:"instances,omitzero"`
	Idle          string            `json:"idle,omitempty"`
	Queue         Queue             `json:"queue,omitzero"`
	Env           map[string]string `json:"env,omitempty"`
	Egress        string            `json:"egress,omitempty"`
	RequestLimit  string            `json:"request_limit,omitempty"`
	ResponseLimit string            `json:"response_limit,omitempty"`
	On            []Trigger         `json:"on,omitempty"`
	Retry         Retry             `json:"retry,omitzero"`
	OnSuccess     string            `json:"on_success,omitempty"`
	OnFailure     string            `json:"on_failure,omitempty"`
	Durability    string            `json:"durability,omitempty"`
}

// Instances bound how many instances a function has.
type Instances struct {
	Min *int64 `json:"min,omitempty"`
	Max *int64 `json:"max,omitempty"`
}

// Queue bounds how calls wait for an instance.
type Queue struct {
	Depth   *int64 `json:"depth,omitempty"`
	Timeout string `json:"timeout,omitempty"`
}

// Apply puts what f says into spec. An error names the field, and leaves spec as far
// as it came. It checks each value by itself; Spec.Validate checks the whole.
func (f *Function) Apply(spec *dayfly.Spec) error {
	for _, field := range fields() {
		if err := field.applyTo(f, spec, ""); err != nil {
			return err
		}
	}
	return nil
}

// With gives f with everything that over says put in its place; variables of both
// environments are kept, over's winning. Triggers are taken from one of them: over's,
// if it has any.
func (f Function) With(over Function) Function {
	return Function{
		Source:      either(over.Source, f.Source),
		Runtime:     either(over.Runtime, f.Runtime),
		Contract:    either(over.Contract, f.Contract),
		Dialect:     either(over.Dialect, f.Dialect),
		Payload:     either(over.Payload, f.Payload),
		Entry:       either(over.Entry, f.Entry),
		Command:     eitherList(over.Command, f.Command),
		Memory:      either(over.Memory, f.Memory),
		CPU:         either(over.CPU, f.CPU),
		Pids:        either(over.Pids, f.Pids),
		Files:       either(over.Files, f.Files),
		Tmp:         either(over.Tmp, f.Tmp),
		Timeout:     either(over.Timeout, f.Timeout),
		InitTimeout: either(over.InitTimeout, f.InitTimeout),
		Concurrency: either(over.Concurrency, f.Concurrency),
		Instances: Instances{
			Min: either(over.Instances.Min, f.Instances.Min),
			Max: either(over.Instances.Max, f.Instances.Max),
		},
		Idle: either(over.Idle, f.Idle),
		Queue: Queue{
			Depth:   either(over.Queue.Depth, f.Queue.Depth),
			Timeout: either(over.Queue.Timeout, f.Queue.Timeout),
		},
		Env:           merged(f.Env, over.Env),
		Egress:        either(over.Egress, f.Egress),
		RequestLimit:  either(over.RequestLimit, f.RequestLimit),
		ResponseLimit: either(over.ResponseLimit, f.ResponseLimit),
		On:            eitherList(over.On, f.On),
		Retry:         f.Retry.with(over.Retry),
		OnSuccess:     either(over.OnSuccess, f.OnSuccess),
		OnFailure:     either(over.OnFailure, f.OnFailure),
		Durability:    either(over.Durability, f.Durability),
	}
}

func (r Retry) with(over Retry) Retry {
	return Retry{
		Attempts: either(over.Attempts, r.Attempts),
		Age:      either(over.Age, r.Age),
		Backoff: Backoff{
			Min: either(over.Backoff.Min, r.Backoff.Min),
			Max: either(over.Backoff.Max, r.Backoff.Max),
		},
		KeyWindow: either(over.KeyWindow, r.KeyWindow),
	}
}

func either[T comparable](first, second T) T {
	var zero T
	if first != zero {
		return first
	}
	return second
}

func eitherList[T any](first, second []T) []T {
	if len(first) > 0 {
		return slices.Clone(first)
	}
	return slices.Clone(second)
}

func merged(under, over map[string]string) map[string]string {
	if len(under)+len(over) == 0 {
		return nil
	}
	result := maps.Clone(under)
	if result == nil {
		result = map[string]string{}
	}
	maps.Copy(result, over)
	return result
}

var variablePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func checkEnv(env map[string]string) error {
	size := 0
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !variablePattern.MatchString(name) {
			return dayfly.Errorf(dayfly.KindInvalid,
				"%.80q cannot name a variable: use letters, digits and _", name)
		}
		if slices.Contains([]byte(env[name]), 0) {
			return dayfly.Errorf(dayfly.KindInvalid, "the value of %s holds a zero byte", name)
		}
		size += len(name) + len(env[name]) + 2
	}
	if size > envBytesMax {
		return dayfly.Errorf(dayfly.KindInvalid,
			"the variables take %d bytes together, at most %s are allowed",
			size, dayfly.FormatBytes(envBytesMax))
	}
	return nil
}

// fieldError names the field in front of what is wrong with it.
func fieldError(name string, err error) error {
	var known *dayfly.Error
	if errors.As(err, &known) {
		return dayfly.Errorf(known.Kind, "%s: %s", name, known.Message).WithHint("%s", known.Hint)
	}
	return dayfly.Errorf(dayfly.KindInvalid, "%s: %w", name, err)
}
