// SPDX-License-Identifier: Apache-2.0

package journal

import "context"

// Note is what the pipeline adds to the line of a request. All methods may be called on nil:
// nothing is written down then.
type Note struct {
	project, route, subject string
	secret                  []string // parameters beside the usual ones
	hidden                  bool     // all parameters
}

type noteKey struct{}

// Of gives the note of the request with that context, or nil.
func Of(ctx context.Context) *Note {
	n, _ := ctx.Value(noteKey{}).(*Note)
	return n
}

// Match notes the route that a request matched, and which parameters of its front carry
// credentials.
func (n *Note) Match(project, route string, secret []string) {
	if n != nil {
		n.project, n.route = project, route
		n.secret = append(n.secret, secret...)
	}
}

// Subject notes who called.
func (n *Note) Subject(subject string) {
	if n != nil {
		n.subject = subject
	}
}

// Hide has the value of no parameter written: nobody said which carry credentials.
func (n *Note) Hide() {
	if n != nil {
		n.hidden = true
	}
}
