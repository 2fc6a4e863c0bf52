// SPDX-License-Identifier: Apache-2.0

package term

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
)

// completeTimeout is how long a person waits for a Tab.
const completeTimeout = time.Second

// suggestMax is how many names a hint holds before it is of no help.
const suggestMax = 12

// ProjectFlag names the project of NAME; NAME.PROJECT says the same.
func ProjectFlag(c *cobra.Command, project *string) {
	c.Flags().StringVar(project, "project", "", "`PROJECT` of the function (default \"default\")")
}

// On makes the body of a command that is about one function.
func (s *Session) On(
	project *string, do func(*cobra.Command, *client.Client, dayfly.FunctionRef) error,
) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		ref, err := Reference(args[0], *project)
		if err != nil {
			return err
		}
		node, err := s.Connect()
		if err != nil {
			return err
		}
		return Suggest(c.Context(), node, ref, do(c, node, ref))
	}
}

// Suggest adds to an error about a function that does not exist which ones do.
func Suggest(
	ctx context.Context, node *client.Client, ref dayfly.FunctionRef, err error,
) error {
	if dayfly.KindOf(err) != dayfly.KindNotFound {
		return err
	}
	functions, listErr := node.Functions(ctx, "")
	if listErr != nil || len(functions) > suggestMax {
		return err // the first error is the one that counts
	}
	names := make([]string, len(functions))
	for i, f := range functions {
		if f.FunctionRef == ref {
			return err
		}
		names[i] = f.FunctionRef.String()
	}
	return WithNames(err, names)
}

// CompleteNames offers the names of functions to a shell that completes.
func (s *Session) CompleteNames(
	c *cobra.Command, args []string, _ string,
) ([]string, cobra.ShellCompDirective) {
	node, err := s.Connect()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(c.Context(), completeTimeout)
	defer cancel()
	functions, err := node.Functions(ctx, "")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names := make([]string, len(functions))
	for i, f := range functions {
		names[i] = f.FunctionRef.String()
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// WithNames adds what exists to the hint of an error about a function that does not.
func WithNames(err error, known []string) error {
	var e *dayfly.Error
	if !errors.As(err, &e) || e.Hint != "" || len(known) == 0 {
		return err
	}
	return e.WithHint("there are: %s", Joined(known))
}
