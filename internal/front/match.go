// SPDX-License-Identifier: Apache-2.0

package front

import "github.com/dayfly-faas/dayfly"

// Match is which route a request takes, and why.
type Match struct {
	Method  string             `json:"method"`
	URL     string             `json:"url"`
	Project dayfly.ProjectName `json:"project,omitempty"`
	// Route is the pattern that wins, Target where it leads, Rules what holds for it in words.
	Route  string            `json:"route,omitempty"`
	Target string            `json:"target,omitempty"`
	Params map[string]string `json:"params,omitempty"`
	Rules  []string          `json:"rules,omitempty"`
	// Outcome says in words what becomes of the request.
	Outcome string `json:"outcome"`
	// Candidates are the routes that match the path, the best first.
	Candidates []Candidate `json:"candidates,omitempty"`
}

// Candidate is a route that a request could have taken, and why it did or did not.
type Candidate struct {
	Route string `json:"route"`
	Why   string `json:"why"`
}
