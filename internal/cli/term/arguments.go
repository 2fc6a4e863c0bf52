// SPDX-License-Identifier: Apache-2.0

package term

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// Exactly refuses any other number of arguments, and says what they are.
func Exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		if len(names) == 0 {
			return dayfly.Errorf(dayfly.KindInvalid, "%s takes no arguments, not %q",
				c.CommandPath(), args[0]).WithHint("see: %s --help", c.CommandPath())
		}
		return dayfly.Errorf(dayfly.KindInvalid, "%s needs %s", c.CommandPath(),
			strings.Join(names, " and ")).WithHint("usage: %s", c.UseLine())
	}
}

// AtMost refuses more than n arguments.
func AtMost(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) <= n {
			return nil
		}
		return dayfly.Errorf(dayfly.KindInvalid, "there is no use for %q", args[n]).
			WithHint("usage: %s", c.UseLine())
	}
}

// Reference reads NAME or NAME.PROJECT; a project that a flag gave must not differ.
func Reference(text, project string) (dayfly.FunctionRef, error) {
	ref, err := dayfly.ParseFunctionRef(text)
	if err != nil || project == "" {
		return ref, err
	}
	if strings.Contains(text, ".") && string(ref.Project) != project {
		return ref, dayfly.Errorf(dayfly.KindInvalid,
			"%s names project %s, and --project names %s", text, ref.Project, project)
	}
	ref.Project = dayfly.ProjectName(project)
	return ref, ref.Validate()
}

// Chosen reads an optional NAME.
func Chosen(args []string, project string) (dayfly.FunctionRef, error) {
	if len(args) == 1 {
		return Reference(args[0], project)
	}
	if project == "" {
		return dayfly.FunctionRef{}, nil
	}
	return dayfly.FunctionRef{}, dayfly.Errorf(dayfly.KindInvalid, "--project needs a NAME")
}

// Since reads a point in time, or how long ago it was.
func (s *Session) Since(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	d, err := quantity.ParseDuration(text)
	if err != nil {
		return time.Time{}, dayfly.Errorf(dayfly.KindInvalid, "--since %q is not a time", text).
			WithHint("write 10m, 2h, or a time such as 2026-01-31T09:00:00Z")
	}
	return s.Now().Add(-d), nil
}
