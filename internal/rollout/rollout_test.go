// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"errors"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly"
)

func TestAStartThatFailedIsToldOnceAndWithItsRemedy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		failure dayfly.Failure
		message string
		hint    string
	}{
		"a package is missing": {
			dayfly.Failure{Type: importFailed, Message: "No module named 'fastapi'",
				Stack: []string{"[ERROR] Runtime.ImportModuleError: No module named 'fastapi'"}},
			"the new revision did not start: Runtime.ImportModuleError: No module named 'fastapi'",
			"requirements.txt",
		},
		"the code is wrong": {
			dayfly.Failure{Type: "SyntaxError", Message: "unexpected end", Stack: []string{"app.rb:3"}},
			"the new revision did not start: SyntaxError: unexpected end\napp.rb:3",
			"mend the code",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := notReady(&dayfly.Revision{ID: "hello.default@1"}, &c.failure)
			var told *dayfly.Error
			if !errors.As(err, &told) || told.Message != c.message || !strings.Contains(told.Hint, c.hint) {
				t.Errorf("notReady() = %+v, want %q and a hint with %q", told, c.message, c.hint)
			}
		})
	}
}
