// SPDX-License-Identifier: Apache-2.0

package build

import "context"

// javaSteps install and compile a source of that language.
func (j *job) javaSteps(context.Context) ([]step, error) { return nil, nil }
