// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth"
	"github.com/dayfly-faas/dayfly/internal/auth/password"
	"github.com/dayfly-faas/dayfly/internal/catalog"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/gateway/cache"
	"github.com/dayfly-faas/dayfly/internal/gateway/limit"
	"github.com/dayfly-faas/dayfly/internal/gateway/upstream"
)

// Check reports what of a front could not be served, as Compile does, away from the node:
// before anything is sent there. Sites that were not uploaded are looked for in folder. Tokens
// and logins, which need the secrets of a node, are left to it.
func Check(ctx context.Context, p dayfly.ProjectName, of *front.Front, folder string) error {
	log := slog.New(slog.DiscardHandler)
	answers, servers := cache.New(cache.Config{}, log), upstream.New(log)
	defer answers.Close()
	defer servers.Close()
	passwords := password.New(time.Now)
	deps := Deps{Limiter: limit.New(limit.Config{}, log, nil), Cache: answers, Upstreams: servers,
		Auth: func(p dayfly.ProjectName, name string, a front.Auth) (auth.Authenticator, error) {
			if a.JWT != nil || a.Login != nil {
				return nil, nil
			}
			return auth.Build(a, name, auth.Deps{Project: p, Passwords: passwords, Now: time.Now, Log: log})
		}}
	c := newFronts(deps, log).compiler(&catalog.Front{Project: p, Front: of})
	c.folder = func(_ context.Context, s *front.Site) (string, error) {
		dir := SiteFolder(folder, s.Source)
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return "", &front.Problem{Message: dir + " is no folder: its files are the site, so build it first"}
		}
		return dir, nil
	}
	s, err := c.compile(ctx, hostsOf(p, of))
	if err == nil {
		s.release()
	}
	return err
}

// SiteFolder gives the folder of a site whose source is relative to a manifest in folder.
func SiteFolder(folder, source string) string {
	if filepath.IsAbs(source) {
		return source
	}
	return filepath.Join(folder, filepath.FromSlash(source))
}
