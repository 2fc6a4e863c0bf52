// SPDX-License-Identifier: Apache-2.0

package build

import "context"

// rubySteps install and compile a source of that language.
func (j *job) rubySteps(context.Context) ([]step, error) { return nil, nil }
