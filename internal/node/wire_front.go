// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/fronts"
	"github.com/dayfly-faas/dayfly/internal/auth"
	"github.com/dayfly-faas/dayfly/internal/auth/apikey"
	"github.com/dayfly-faas/dayfly/internal/auth/issuer"
	"github.com/dayfly-faas/dayfly/internal/auth/jwt"
	"github.com/dayfly-faas/dayfly/internal/auth/login"
	"github.com/dayfly-faas/dayfly/internal/auth/password"
	"github.com/dayfly-faas/dayfly/internal/auth/seal"
	"github.com/dayfly-faas/dayfly/internal/blob"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/catalog"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway"
	"github.com/dayfly-faas/dayfly/internal/gateway/cache"
	"github.com/dayfly-faas/dayfly/internal/gateway/limit"
	"github.com/dayfly-faas/dayfly/internal/gateway/site"
	"github.com/dayfly-faas/dayfly/internal/gateway/upstream"
	"github.com/dayfly-faas/dayfly/internal/invoke"
	"github.com/dayfly-faas/dayfly/internal/store"
	"github.com/dayfly-faas/dayfly/internal/topic"
)

var (
	_ gateway.Fronts  = (*catalog.Catalog)(nil)
	_ gateway.Queues  = (*topic.Topic)(nil)
	_ gateway.Objects = (*blob.Store)(nil)
	_ fronts.Catalog  = (*catalog.Catalog)(nil)
	_ auth.Functions  = (*invoke.Invoker)(nil)
)

// tokenBytes bounds what is remembered of tokens that were verified.
const tokenBytes = 16 << 20

// siteBytes bounds the small files and compressed forms of sites in memory.
const siteBytes = 64 << 20

// routing is what the routes of projects are guarded by and lead to.
type routing struct {
	keys      *apikey.Keys
	passwords *password.Checker
	issuers   *issuer.Book
	verdicts  *jwt.Verdicts
	secrets   *seal.Secrets
	sessions  *login.Sessions
	limiter   *limit.Limiter
	cache     *cache.Cache
	upstreams *upstream.Client
	shelf     *site.Shelf
}

// openRouting opens them; it serves when the gateway does.
func (n *Node) openRouting(ctx context.Context) error {
	records := store.New(n.bus, bus.BucketAPIKeys, n.component("store"))
	if err := records.Open(ctx); err != nil {
		return err
	}
	counts := store.New(n.bus, bus.BucketLimits, n.component("store"))
	if err := counts.Open(ctx); err != nil {
		return err
	}
	ended := store.New(n.bus, bus.BucketSessions, n.component("store"))
	if err := ended.Open(ctx); err != nil {
		return err
	}
	secrets, err := seal.Open(n.path("login.secrets"), n.clock.Now, n.component("login"))
	if err != nil {
		return err
	}
	n.routing = routing{
		keys:      apikey.New(records, n.clock.Now, n.component("key")),
		passwords: password.New(n.clock.Now), secrets: secrets,
		issuers:  issuer.NewBook(issuer.Config{Now: n.clock.Now}, n.component("issuer")),
		verdicts: jwt.NewVerdicts(tokenBytes), sessions: login.NewSessions(n.clock.Now, ended, n.component("login")),
		limiter:   limit.New(limit.Config{Node: string(n.id())}, n.component("limit"), counts),
		cache:     cache.New(cache.Config{}, n.component("cache")),
		upstreams: upstream.New(n.component("upstream")), shelf: site.NewShelf(siteBytes),
	}
	n.onClose(n.routing.keys.Close)
	n.onClose(func() error { n.routing.issuers.Close(); return nil })
	n.onClose(n.routing.cache.Close)
	n.onClose(n.routing.upstreams.Close)
	if err := n.routing.keys.Open(ctx); err != nil {
		return err
	}
	if err := n.routing.sessions.Open(ctx); err != nil {
		return err
	}
	return n.routing.limiter.Open(ctx)
}

// gatewayDeps are what routes lead to.
func (n *Node) gatewayDeps() gateway.Deps {
	return gateway.Deps{Catalog: n.catalog, Auth: n.authenticator, Limiter: n.routing.limiter, Cache: n.routing.cache,
		Upstreams: n.routing.upstreams, Shelf: n.routing.shelf, Folder: n.bundles.Folder, Queues: n.topic,
		Objects: n.objects, Report: n.logs.Append}
}

// authenticator makes the authenticator that a project's front calls so.
func (n *Node) authenticator(p dayfly.ProjectName, name string, a front.Auth) (auth.Authenticator, error) {
	all := &n.routing
	return auth.Build(a, name, auth.Deps{Project: p, Keys: all.keys, Passwords: all.passwords,
		Functions: n.invoker, Now: n.clock.Now, Log: n.component("auth"),
		JWT: func(name string, j *front.JWT) (auth.Authenticator, error) {
			return jwt.New(name, j, jwt.Deps{Issuers: all.issuers, Verdicts: all.verdicts, Now: n.clock.Now})
		},
		Login: func(name string, l *front.Login) (auth.Authenticator, error) {
			return login.New(name, l, login.Deps{Project: p, Issuers: all.issuers, Secrets: all.secrets,
				Sessions: all.sessions, Now: n.clock.Now, Log: n.component("login")})
		}})
}

// publicDoor lets the management API publish fronts.
type publicDoor struct {
	*gateway.Gateway
	base string // URL of the door
}

var _ fronts.Gateway = publicDoor{}

// URL implements fronts.Gateway.
func (d publicDoor) URL(host string) string {
	scheme, address, _ := strings.Cut(d.base, "://")
	if host == "" {
		return scheme + "://" + address
	}
	if i := strings.LastIndexByte(address, ':'); i >= 0 && strings.HasSuffix(host, ".localhost") {
		return scheme + "://" + host + address[i:]
	}
	return scheme + "://" + host
}

func (n *Node) hasQueue(p dayfly.ProjectName, name dayfly.QueueName) bool {
	_, err := n.topic.Queue(p, name)
	return err == nil
}

func (n *Node) hasBucket(ctx context.Context, p dayfly.ProjectName, name string) bool {
	_, err := n.objects.Bucket(ctx, blob.BucketRef{Project: p, Name: name})
	return err == nil
}
