// SPDX-License-Identifier: Apache-2.0

package purges

import (
	"net/http"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/wire"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// Cache keeps answers of routes.
type Cache interface {
	// Purge gives how many answers it forgot.
	Purge(dayfly.ProjectName, front.Purge) int
	Stats(dayfly.ProjectName) front.CacheStats
}

// Deps are what this part of the API opens to.
type Deps struct{ Cache Cache }

// Routes is this part's table of contents.
func (d *Deps) Routes() []wire.Route {
	const cache = "/v1/projects/{project}/cache"
	return []wire.Route{
		{Pattern: "GET " + cache, Handle: d.stats},
		{Pattern: "POST " + cache + "/purge", Handle: d.purge},
	}
}

func (d *Deps) stats(w http.ResponseWriter, r *http.Request) error {
	project, err := wire.Project(r)
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, d.Cache.Stats(project))
}

func (d *Deps) purge(w http.ResponseWriter, r *http.Request) error {
	project, err := wire.Project(r)
	if err != nil {
		return err
	}
	var what front.Purge
	if err := wire.Decode(r, &what); err != nil {
		return err
	}
	if err := what.Check(); err != nil {
		return err
	}
	return wire.WriteJSON(w, map[string]int{"purged": d.Cache.Purge(project, what)})
}
