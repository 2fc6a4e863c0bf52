// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"crypto/rand"
	"encoding/hex"
	"net"
	"strings"
	"sync/atomic"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

// Doors answer what the code in boxes asks of the platform. Each box has listeners of its
// own, so that who connects is known whatever they say.
type Doors interface {
	// Ports lists the ports at which boxes find the doors, on their 127.0.0.1.
	Ports() []int
	// Open serves what comes to l, at one of the ports of a box, until l is closed. It
	// does not block.
	Open(port int, l net.Listener, box *Tenant)
	// Environment tells a function where the doors are and how to get in.
	Environment(rev *dayfly.Revision, token string) map[string]string
}

// Tenant is the code in one box, as the doors know it.
type Tenant struct {
	Instance dayfly.InstanceID
	// Token is known to this box alone: it keeps out whoever makes the code fetch URLs
	// of their choice.
	Token    string
	revision atomic.Pointer[dayfly.Revision]
}

// Revision gives what the box runs; nil as long as it is a stem.
func (t *Tenant) Revision() *dayfly.Revision { return t.revision.Load() }

// tokenBytes makes tokens that nobody guesses.
const tokenBytes = 20

// openDoors lets the code that box will run reach the platform. A host that cannot give
// listeners gives boxes without: their functions are told nothing of doors.
func (p *Pool) openDoors(box sandbox.Box) *Tenant {
	if p.doors == nil {
		return nil
	}
	var token [tokenBytes]byte
	_, _ = rand.Read(token[:]) // never fails: crypto/rand aborts the program instead
	t := &Tenant{Instance: box.ID(), Token: hex.EncodeToString(token[:])}
	for _, port := range p.doors.Ports() {
		l, err := box.Listen(port)
		if err != nil {
			p.log.Warn("box has no doors", "instance", box.ID(), "port", port, "error", err)
			return nil
		}
		p.doors.Open(port, l, t)
	}
	return t
}

// admit makes the tenant speak for a revision from now on, and gives what its environment
// says of the doors.
func (p *Pool) admit(t *Tenant, rev *dayfly.Revision) map[string]string {
	if t == nil {
		return nil
	}
	t.revision.Store(rev)
	env := p.doors.Environment(rev, t.Token)
	if bringsOwnCloud(rev.Spec.Env) {
		for name := range env {
			if strings.HasPrefix(name, "AWS_") {
				delete(env, name)
			}
		}
	}
	return env
}

// bringsOwnCloud tells whether a function is configured for buckets elsewhere: then ours
// must not come between.
func bringsOwnCloud(env map[string]string) bool {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_FULL_URI"} {
		if _, ok := env[name]; ok {
			return true
		}
	}
	return false
}
