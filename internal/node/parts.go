// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api"
	"github.com/dayfly-faas/dayfly/internal/api/access"
	apicertificates "github.com/dayfly-faas/dayfly/internal/api/certificates"
	"github.com/dayfly-faas/dayfly/internal/api/fronts"
	"github.com/dayfly-faas/dayfly/internal/api/purges"
	"github.com/dayfly-faas/dayfly/internal/guest/node"
	"github.com/dayfly-faas/dayfly/internal/guest/php"
	"github.com/dayfly-faas/dayfly/internal/guest/python"
	"github.com/dayfly-faas/dayfly/internal/guest/ruby"
	"github.com/dayfly-faas/dayfly/internal/pool"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/telemetry"
)

// retiredPrefix begins the names of folders that wait to be removed.
const retiredPrefix = "retired-"

// observer lets telemetry take records as the log store does.
type observer struct{ *telemetry.Telemetry }

// Record implements invoke.Recorder.
func (o observer) Record(rec *dayfly.Record) { o.Observe(rec) }

// installGuests writes the guests' files where boxes can be shown them.
func (n *Node) installGuests() (string, error) {
	dir := n.path("run", "guests")
	if err := n.retire(dir); err != nil {
		return "", fmt.Errorf("put old guests aside: %w", err)
	}
	for name, files := range map[string]fs.FS{
		"python": python.Files(), "node": node.Files(), "ruby": ruby.Files(), "php": php.Files(),
	} {
		target := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return "", fmt.Errorf("make folder of guests: %w", err)
		}
		if err := os.CopyFS(target, files); err != nil {
			return "", fmt.Errorf("install guest %s: %w", name, err)
		}
		if err := open(target); err != nil {
			return "", fmt.Errorf("install guest %s: %w", name, err)
		}
	}
	return dir, nil
}

// retire gives the name of a folder free, and then removes the folder. Boxes of a node
// that was killed may still be dying in it, so what cannot be removed now is left to the
// next start: only a name that stays taken is an error.
func (n *Node) retire(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	grave, err := os.MkdirTemp(filepath.Dir(dir), retiredPrefix)
	if err != nil {
		return err
	}
	err = os.Rename(dir, filepath.Join(grave, filepath.Base(dir)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	graves, err := filepath.Glob(filepath.Join(filepath.Dir(dir), retiredPrefix+"*"))
	if err != nil {
		return err
	}
	for _, grave := range graves {
		if err := os.RemoveAll(grave); err != nil {
			n.log.Debug("retired folder stays until the next start", "folder", grave, "error", err)
		}
	}
	return nil
}

// open makes a folder readable for the users inside boxes.
func open(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.Chmod(path, 0o755)
		}
		return os.Chmod(path, 0o644)
	})
}

func (n *Node) apiDeps(gatewayURL string) api.Deps {
	return api.Deps{Catalog: n.catalog, Rollout: settled{n.deployer, n.triggers}, Sources: n.bundles,
		Pool: instances{n.pool}, Invoker: n.invoker, Logs: n.logs, Runtimes: n.runtimes,
		Events: n.queue, CheckURL: n.callbacks.CheckURL, Queues: n.topic, Triggers: n.triggers, Notices: n.notices,
		Values: n.values, Objects: n.objects, S3: n.s3,
		Fronts: fronts.Deps{Catalog: n.catalog, Gateway: publicDoor{n.public, gatewayURL}, HasQueue: n.hasQueue,
			HasBucket: n.hasBucket},
		Purges:       purges.Deps{Cache: n.routing.cache},
		Access:       access.Deps{Keys: n.routing.keys, Now: n.clock.Now},
		Certificates: apicertificates.Deps{Certificates: tlsDoor{n}},
		Crons:        n.timer, Clock: platformClock{n.clock, n.queue}, Metrics: n.telemetry.MetricsHandler(),
		Features: func() []sandbox.Feature { return append(features(n.driver, n.network), zygotes(n.pool.Zygotes())) }}
}

// instances lets the management API see the pool.
type instances struct{ *pool.Pool }

// Instances implements api.Pool.
func (i instances) Instances(ref dayfly.FunctionRef) []api.Instance {
	list := []api.Instance{}
	for _, instance := range i.Pool.Instances(ref) {
		list = append(list, api.Instance(instance))
	}
	return list
}

// gauges registers what is read when someone scrapes.
func (n *Node) gauges() error {
	stat := func(name, help string, read func(pool.Stats) float64) telemetry.Gauge {
		return telemetry.Gauge{Name: name, Help: help, Read: func(set func(float64, ...string)) {
			set(read(n.pool.Stats()))
		}}
	}
	for _, g := range []telemetry.Gauge{
		stat("waiting", "Calls that wait for an instance.", func(s pool.Stats) float64 { return float64(s.Waiting) }),
		stat("memory_charged_bytes", "Memory charged for instances and stems.",
			func(s pool.Stats) float64 { return float64(s.MemoryBytes) }),
		stat("memory_budget_bytes", "Memory that instances and stems may use together.",
			func(s pool.Stats) float64 { return float64(s.MemoryMax) }),
		{Name: "instances", Help: "Instances of this node.", Labels: []string{"state"},
			Read: func(set func(float64, ...string)) {
				s := n.pool.Stats()
				set(float64(s.Idle), "idle")
				set(float64(s.Busy), "busy")
				set(float64(s.Starting), "starting")
			}},
		{Name: "stems", Help: "Booted sandboxes that hold no revision yet.", Labels: []string{"kind"},
			Read: func(set func(float64, ...string)) {
				for kind, count := range n.pool.Stats().Stems {
					set(float64(count), kind)
				}
			}},
	} {
		if err := n.telemetry.Gauge(g); err != nil {
			return fmt.Errorf("register metric: %w", err)
		}
	}
	return nil
}
