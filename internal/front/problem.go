// SPDX-License-Identifier: Apache-2.0

package front

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// ProblemsMax bounds how many problems are told at once: nobody reads more.
const ProblemsMax = 20

// Problem is what is wrong with one field of a front.
type Problem struct {
	// Path leads to the field, by keys and indexes: routes, "GET /x", limits, rate, 0.
	Path    []string
	Message string
}

// Error names the field and says what is wrong.
func (p *Problem) Error() string {
	if len(p.Path) == 0 {
		return p.Message
	}
	keys := slices.Clone(p.Path)
	for i, key := range keys {
		if strings.ContainsAny(key, " \t\r\n") {
			keys[i] = strconv.Quote(key)
		}
	}
	return strings.Join(keys, ".") + ": " + p.Message
}

// Problems gives all problems that err holds, joined errors and causes included.
func Problems(err error) []*Problem {
	switch e := err.(type) {
	case nil:
		return nil
	case *Problem:
		return []*Problem{e}
	case interface{ Unwrap() []error }:
		var all []*Problem
		for _, inner := range e.Unwrap() {
			all = append(all, Problems(inner)...)
		}
		return all
	}
	return Problems(errors.Unwrap(err))
}

// Refuse gives err as an error for the one who wrote the front.
func Refuse(err error) error {
	var known *dayfly.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return dayfly.Errorf(dayfly.KindInvalid, "%w", err)
}

// Within puts path in front of where err says the problems are: a compiler of one field does
// not know where that field stands.
func Within(err error, path ...string) error {
	if err == nil {
		return nil
	}
	found := Problems(err)
	if len(found) == 0 {
		return &Problem{Path: path, Message: err.Error()}
	}
	all := make([]error, len(found))
	for i, p := range found {
		all[i] = &Problem{Path: append(slices.Clone(path), p.Path...), Message: p.Message}
	}
	return joined(all)
}

// joined gives errors as one: the error itself when there is one.
func joined(all []error) error {
	all = slices.DeleteFunc(all, func(err error) bool { return err == nil })
	if len(all) == 1 {
		return all[0]
	}
	return errors.Join(all[:min(len(all), ProblemsMax)]...)
}

// Faults gathers the problems of several fields, as many as are told.
type Faults struct{ all []error }

// Add takes an error in, which may be nil. It tells whether there is room for more.
func (f *Faults) Add(err error) bool {
	if err != nil {
		f.all = append(f.all, err)
	}
	return len(f.all) < ProblemsMax
}

// Err gives them as one error, nil for none.
func (f *Faults) Err() error { return joined(f.all) }

// at is a place in a front, for problems.
type at []string

func (a at) key(keys ...string) at { return append(slices.Clone(a), keys...) }

func (a at) problem(format string, args ...any) error {
	return &Problem{Path: slices.Clone(a), Message: fmt.Sprintf(format, args...)}
}

// wrap gives err this place, unless it has none or has its own.
func (a at) wrap(err error) error {
	var p *Problem
	if err == nil || errors.As(err, &p) {
		return err
	}
	return a.problem("%v", err)
}
