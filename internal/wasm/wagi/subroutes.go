// SPDX-License-Identifier: Apache-2.0

package wagi

import (
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// RoutesEntry is the function by which a module tells routes of its own. It prints
// lines of a path and, behind white space, the entry that answers it.
const RoutesEntry = "_routes"

// AddSubroutes adds what the module of a route printed of its own routes, below the
// route's pattern.
func (p *Program) AddSubroutes(of Route, printed string) error {
	for line := range strings.Lines(printed) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) > 2 {
			return dayfly.Errorf(dayfly.KindInvalid,
				"%s of %s printed %.80q, want a path and an entry", RoutesEntry, of.Module, line)
		}
		sub := of
		sub.Pattern = of.Base() + "/" + strings.TrimPrefix(words[0], "/")
		if len(words) == 2 {
			sub.Entry = words[1]
		}
		if err := p.add(sub); err != nil {
			return err
		}
	}
	return nil
}
