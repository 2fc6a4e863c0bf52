// SPDX-License-Identifier: Apache-2.0

package api

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/wire"
)

// decode is wire.Decode.
func decode(r *http.Request, v any) error { return wire.Decode(r, v) }

// isBodyError tells whether err came from reading the body of a request.
func isBodyError(err error) bool {
	var large *http.MaxBytesError
	return errors.As(err, &large) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, os.ErrDeadlineExceeded)
}

// function reads which function the path names.
func function(r *http.Request) (dayfly.FunctionRef, error) {
	ref := dayfly.FunctionRef{Project: dayfly.ProjectName(r.PathValue("project")),
		Name: dayfly.FunctionName(r.PathValue("function"))}
	return ref, ref.Validate()
}

// query reads the parameters of a request and remembers the first that is wrong.
type query struct {
	values map[string][]string
	known  map[string]bool
	err    error
}

func newQuery(r *http.Request) *query {
	return &query{values: r.URL.Query(), known: map[string]bool{}}
}

func (q *query) text(name string) string {
	q.known[name] = true
	if v := q.values[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (q *query) flag(name string) bool {
	switch v := q.text(name); v {
	case "", "false", "0":
		return false
	case "true", "1":
		return true
	default:
		q.fail(name, v, "true or false")
		return false
	}
}

// number reads a whole number from 0 to limit, fallback when it is not given.
func (q *query) number(name string, fallback, limit int) int {
	v := q.text(name)
	if v == "" {
		return fallback
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > limit {
		q.fail(name, v, "a number from 0 to "+strconv.Itoa(limit))
		return fallback
	}
	return n
}

// instant reads a point in time: RFC 3339, zero when it is not given.
func (q *query) instant(name string) time.Time {
	v := q.text(name)
	if v == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		q.fail(name, v, "a time such as 2026-01-31T09:00:00Z")
	}
	return t
}

// function reads the parameters function and project: both may be absent, and a
// function without a project is one of the default project.
func (q *query) function() dayfly.FunctionRef {
	ref := dayfly.FunctionRef{Project: q.project(), Name: dayfly.FunctionName(q.text("function"))}
	if ref == (dayfly.FunctionRef{}) {
		return ref
	}
	if ref.Project == "" {
		ref.Project = dayfly.DefaultProject
	}
	if err := ref.Validate(); err != nil && q.err == nil {
		q.err = err
	}
	return ref
}

// project reads the parameter project, which may be absent.
func (q *query) project() dayfly.ProjectName {
	project := q.text("project")
	if project == "" {
		return ""
	}
	if err := dayfly.ValidateName("project", project); err != nil && q.err == nil {
		q.err = err
	}
	return dayfly.ProjectName(project)
}

func (q *query) fail(name, value, want string) {
	if q.err == nil {
		q.err = dayfly.Errorf(dayfly.KindInvalid, "parameter %s is %q, want %s", name, value, want)
	}
}

// done gives the first fault, and refuses a parameter that nobody asked for.
func (q *query) done() error {
	for name := range q.values {
		if !q.known[name] && q.err == nil {
			q.err = dayfly.Errorf(dayfly.KindInvalid, "parameter %q is unknown", name)
		}
	}
	return q.err
}
