// SPDX-License-Identifier: Apache-2.0

package build

import "context"

// phpSteps install and compile a source of that language.
func (j *job) phpSteps(context.Context) ([]step, error) { return nil, nil }
