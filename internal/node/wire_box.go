// SPDX-License-Identifier: Apache-2.0

package node

import (
	"net"
	"strconv"

	"golang.org/x/net/netutil"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/pool"
)

const (
	// portAPI is where the code in a box finds the management API, on its own 127.0.0.1.
	// It is no port that servers use by default.
	portAPI = 9005
	// portS3 is where it finds the buckets of its project.
	portS3 = 9006
	// boxConnsMax bounds the connections of one box to its buckets. Each costs this process a
	// file and a goroutine.
	boxConnsMax = 128
)

// boxDoors are what the code in boxes reaches of this node.
type boxDoors struct{ *Node }

var _ pool.Doors = boxDoors{}

// Ports implements pool.Doors.
func (d boxDoors) Ports() []int { return []int{portAPI, portS3} }

// Open implements pool.Doors.
func (d boxDoors) Open(port int, l net.Listener, box *pool.Tenant) {
	if port == portS3 {
		go d.s3.ServeBox(netutil.LimitListener(l, boxConnsMax), tenant{box}.project)
		return
	}
	go d.management.ServeBox(l, tenant{box})
}

// Environment implements pool.Doors.
func (d boxDoors) Environment(rev *dayfly.Revision, token string) map[string]string {
	id, secret := d.s3.keys.Credentials(rev.Function.Project)
	return map[string]string{
		"DAYFLY_URL":            boxURL(portAPI) + "/v1/projects/" + string(rev.Function.Project),
		"DAYFLY_TOKEN":          token,
		"AWS_ENDPOINT_URL_S3":   boxURL(portS3),
		"AWS_ACCESS_KEY_ID":     id,
		"AWS_SECRET_ACCESS_KEY": secret,
		"AWS_REGION":            s3Region,
		"AWS_DEFAULT_REGION":    s3Region,
	}
}

// boxURL names a door as a box sees it. Clients of S3 that are given an address in place of
// a name put buckets into the path.
func boxURL(port int) string { return "http://127.0.0.1:" + strconv.Itoa(port) }

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

// project is the one whose buckets the box may use.
func (t tenant) project() (dayfly.ProjectName, bool) {
	ref, serving := t.Function()
	return ref.Project, serving
}
