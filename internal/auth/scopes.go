// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// wantScopes reports which scopes are wanted and not there.
func wantScopes(has, want []string) error {
	var missing []string
	for _, scope := range want {
		if !slices.Contains(has, scope) {
			missing = append(missing, scope)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return dayfly.Errorf(dayfly.KindDenied, "the credentials lack the scope %s", strings.Join(missing, ", "))
}
