// SPDX-License-Identifier: Apache-2.0

package dayfly

import "time"

// Revision is an immutable deploy of a function: a bundle and its configuration.
type Revision struct {
	ID       RevisionID  `json:"id"`
	Function FunctionRef `json:"function"`
	Number   int         `json:"number"` // 1, 2, 3 … within the function
	// Source is the digest of what was uploaded, Bundle of what was built from it.
	Source    Digest    `json:"source"`
	Bundle    Digest    `json:"bundle"`
	Spec      Spec      `json:"spec"`
	CreatedAt time.Time `json:"created_at"`
}

// Function is a named piece of code with its revisions.
type Function struct {
	FunctionRef
	// Live is the number of the revision that calls get; 0 before the first one
	// answered its readiness check.
	Live      int       `json:"live"`
	Previous  int       `json:"previous,omitempty"` // what was live before; where a rollback goes
	Revisions []int     `json:"revisions"`          // numbers that exist, ascending
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}
