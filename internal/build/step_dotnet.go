// SPDX-License-Identifier: Apache-2.0

package build

import "context"

// dotnetSteps install and compile a source of that language.
func (j *job) dotnetSteps(context.Context) ([]step, error) { return nil, nil }
