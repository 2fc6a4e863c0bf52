// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"

	"github.com/dayfly-faas/dayfly"
)

const (
	// headTimeout bounds how long a request's head may take.
	headTimeout = 10 * time.Second
	// boxConnsMax bounds the connections of one box. Each costs this process a file and
	// a goroutine.
	boxConnsMax = 128
	// boxIdle is how long an idle connection of a box is kept: longer than instances are
	// frozen, so that a client that comes back to its connection finds it open.
	boxIdle = time.Hour
	// boxHeadBytes bounds a request's head.
	boxHeadBytes = 64 << 10
)

// Tenant is the code in one box, which speaks for its function and reaches its project.
type Tenant interface {
	// Function is the function that the box serves; false while it serves none.
	Function() (dayfly.FunctionRef, bool)
	// Token is what the code proves with that it was meant to call.
	Token() string
}

// tenantKey finds the tenant in a request's context.
type tenantKey struct{}

// ServeBox answers what comes to l, a listener inside a box, until it is closed. Of the
// API a box sees the routes that are marked for it, and its own project.
func (a *API) ServeBox(l net.Listener, tenant Tenant) {
	// The error is that of a listener which was closed: with its box, or with the node.
	_ = a.boxes.Serve(&tenantListener{netutil.LimitListener(l, boxConnsMax), tenant})
}

// boxServer is the server of all boxes.
func (a *API) boxServer() *http.Server {
	return &http.Server{
		Handler: a, ReadHeaderTimeout: headTimeout, IdleTimeout: boxIdle, MaxHeaderBytes: boxHeadBytes,
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if t, ok := c.(*tenantConn); ok {
				return context.WithValue(ctx, tenantKey{}, t.tenant)
			}
			return ctx
		},
	}
}

type tenantListener struct {
	net.Listener
	tenant Tenant
}

type tenantConn struct {
	net.Conn
	tenant Tenant
}

// Accept implements net.Listener.
func (l *tenantListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &tenantConn{c, l.tenant}, nil
}

// admit decides whether the caller may use the route, and gives the slots that it takes
// one of. A box needs its token too: the code in it may have been talked into fetching a
// URL of somebody else's choice.
func (a *API) admit(rt *route, r *http.Request) (chan struct{}, error) {
	tenant, inside := r.Context().Value(tenantKey{}).(Tenant)
	if !inside {
		if rt.open || a.tokenIs(r) {
			return rt.class.slots, nil
		}
		return nil, dayfly.Errorf(dayfly.KindUnauthenticated, "the token is missing or wrong").
			WithHint("send Authorization: Bearer TOKEN; TOKEN is in the file token " +
				"of the node's data folder")
	}
	ref, serving := tenant.Function()
	switch {
	case !serving || subtle.ConstantTimeCompare([]byte(bearer(r)), []byte(tenant.Token())) != 1:
		return nil, dayfly.Errorf(dayfly.KindUnauthenticated, "the token is missing or wrong").
			WithHint("send Authorization: Bearer $DAYFLY_TOKEN")
	case !rt.box:
		return nil, dayfly.Errorf(dayfly.KindDenied, "functions may not use %s %.80s", r.Method, r.URL.Path).
			WithHint("what they may use begins with $DAYFLY_URL")
	case r.PathValue("project") != string(ref.Project):
		return nil, dayfly.Errorf(dayfly.KindDenied, "functions of project %s reach that project only",
			ref.Project)
	}
	return rt.class.boxSlots, nil
}
