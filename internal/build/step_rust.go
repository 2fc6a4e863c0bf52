// SPDX-License-Identifier: Apache-2.0

package build

import "context"

// rustSteps install and compile a source of that language.
func (j *job) rustSteps(context.Context) ([]step, error) { return nil, nil }
