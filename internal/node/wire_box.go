// SPDX-License-Identifier: Apache-2.0

package node

import (
	"net"
	"strconv"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/pool"
)

const (
	// portAPI is where the code in a box finds the management API, on its own 127.0.0.1.
	// It is no port that servers use by default.
	portAPI = 9005
)

// boxDoors are what the code in boxes reaches of this node.
type boxDoors struct{ *Node }

var _ pool.Doors = boxDoors{}

// Ports implements pool.Doors.
func (d boxDoors) Ports() []int { return []int{portAPI} }

// Open implements pool.Doors.
func (d boxDoors) Open(_ int, l net.Listener, box *pool.Tenant) {
	go d.management.ServeBox(l, tenant{box})
}

// Environment implements pool.Doors.
func (d boxDoors) Environment(rev *dayfly.Revision, token string) map[string]string {
	return map[string]string{
		"DAYFLY_URL":   "http://127.0.0.1:" + strconv.Itoa(portAPI) + "/v1/projects/" + string(rev.Function.Project),
		"DAYFLY_TOKEN": token,
	}
}

// tenant lets the doors see who is in a box.
type tenant struct{ box *pool.Tenant }

// Token implements api.Tenant.
func (t tenant) Token() string { return t.box.Token }

// Function implements api.Tenant.
func (t tenant) Function() (dayfly.FunctionRef, bool) {
	rev := t.box.Revision()
	if rev == nil {
		return dayfly.FunctionRef{}, false
	}
	return rev.Function, true
}
