// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build"
	"github.com/dayfly-faas/dayfly/internal/catalog"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

// revisionsKept is how many revisions of a function are kept beside live and previous:
// enough to go back over a day of work, few enough that bundles do not pile up.
const revisionsKept = 20

// Prober starts an instance of a revision and keeps it, to see whether it can.
type Prober interface {
	Probe(ctx context.Context, rev *dayfly.Revision) error
}

// Builder makes a bundle and a complete configuration out of source.
type Builder interface {
	Build(ctx context.Context, req build.Request, progress func(build.Event)) (build.Built, error)
}

// Deployer takes source to live calls.
type Deployer struct {
	log     *slog.Logger
	catalog *catalog.Catalog
	builder Builder
	prober  Prober

	mu    sync.Mutex // guards locks
	locks map[dayfly.FunctionRef]*turn
}

// turn lets deploys of one function take turns.
type turn struct {
	sync.Mutex
	users int
}

// New makes a deployer.
func New(log *slog.Logger, catalog *catalog.Catalog, builder Builder, prober Prober) *Deployer {
	return &Deployer{log: log, catalog: catalog, builder: builder, prober: prober,
		locks: map[dayfly.FunctionRef]*turn{}}
}

// Request is one deploy.
type Request struct {
	Function dayfly.FunctionRef
	Source   dayfly.Digest
	Settings manifest.Function
}

// Event is one step of progress, or a line that the build printed.
type Event struct {
	Stage  string           `json:"stage"`
	Text   string           `json:"text"`
	Stream dayfly.LogStream `json:"stream,omitempty"`
}

// Outcome is what a deploy led to.
type Outcome struct {
	Function  dayfly.Function  `json:"function"`
	Revision  *dayfly.Revision `json:"revision"`
	Found     []string         `json:"found"`
	Unchanged bool             `json:"unchanged"` // what is live has this source and configuration already
}

// Deploy builds the source, publishes a revision and makes it live once an instance of
// it was ready. On any error what was live stays live.
func (d *Deployer) Deploy(ctx context.Context, req Request, progress func(Event)) (Outcome, error) {
	if err := req.Function.Validate(); err != nil {
		return Outcome{}, err
	}
	defer d.lock(req.Function)()
	built, err := d.builder.Build(ctx,
		build.Request{Function: req.Function, Source: req.Source, Settings: req.Settings},
		func(e build.Event) { progress(Event{Stage: e.Stage, Text: e.Text, Stream: e.Stream}) })
	if err != nil {
		return Outcome{}, err
	}
	if outcome, same := d.unchanged(req, built); same {
		return outcome, nil
	}
	rev, err := d.catalog.Publish(ctx, dayfly.Revision{Function: req.Function, Source: req.Source,
		Bundle: built.Bundle, Spec: built.Spec, CreatedAt: time.Now().UTC()})
	if err != nil {
		return Outcome{}, fmt.Errorf("publish revision of %s: %w", req.Function, err)
	}
	progress(Event{Stage: "start", Text: fmt.Sprintf("starting an instance of revision %d", rev.Number)})
	if err := d.prober.Probe(ctx, rev); err != nil {
		d.discard(ctx, rev)
		return Outcome{}, notReady(rev, err)
	}
	function, err := d.catalog.Activate(ctx, req.Function, rev.Number)
	if err != nil {
		return Outcome{}, fmt.Errorf("activate %s: %w", rev.ID, err)
	}
	if err := d.catalog.Prune(ctx, req.Function, revisionsKept); err != nil {
		d.log.Warn("old revisions were not pruned", "function", req.Function, "error", err)
	}
	d.log.Info("revision went live", "function", req.Function, "revision", rev.ID)
	return Outcome{Function: function, Revision: rev, Found: built.Found}, nil
}

// unchanged tells whether what is live was made from the same source and settings.
func (d *Deployer) unchanged(req Request, built build.Built) (Outcome, bool) {
	live, err := d.catalog.Resolve(req.Function, dayfly.LiveAlias)
	if err != nil || live.Bundle != built.Bundle || !reflect.DeepEqual(live.Spec, built.Spec) {
		return Outcome{}, false
	}
	function, err := d.catalog.Function(req.Function)
	if err != nil {
		return Outcome{}, false
	}
	return Outcome{Function: function, Revision: live, Found: built.Found, Unchanged: true}, true
}

// Rollback makes an older revision live, after it was seen to start. Number 0 means
// the one that was live before.
func (d *Deployer) Rollback(ctx context.Context, ref dayfly.FunctionRef, number int) (dayfly.Function, error) {
	defer d.lock(ref)()
	function, err := d.catalog.Function(ref)
	if err != nil {
		return dayfly.Function{}, err
	}
	if number == 0 {
		number = function.Previous
	}
	if number == 0 {
		return dayfly.Function{}, dayfly.Errorf(dayfly.KindConflict,
			"%s has no revision to go back to: only one was ever live", ref)
	}
	if number == function.Live {
		return dayfly.Function{}, dayfly.Errorf(dayfly.KindConflict, "revision %d of %s is live already", number, ref)
	}
	rev, err := d.catalog.Revision(ref, number)
	if err != nil {
		return dayfly.Function{}, err
	}
	if err := d.prober.Probe(ctx, rev); err != nil {
		return dayfly.Function{}, notReady(rev, err)
	}
	function, err = d.catalog.Rollback(ctx, ref, number)
	if err == nil {
		d.log.Info("revision was rolled back", "function", ref, "revision", rev.ID)
	}
	return function, err
}

// Remove takes a function away: calls get not_found from now on, those under way end.
func (d *Deployer) Remove(ctx context.Context, ref dayfly.FunctionRef) error {
	defer d.lock(ref)()
	return d.catalog.Remove(ctx, ref)
}

// discard forgets a revision that did not start, even when the caller has gone.
func (d *Deployer) discard(ctx context.Context, rev *dayfly.Revision) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := d.catalog.Discard(ctx, rev.Function, rev.Number); err != nil {
		d.log.Warn("revision that did not start was not discarded", "revision", rev.ID, "error", err)
	}
}

// importFailed is the type of failures to load the module of a handler, as AWS's
// clients name it.
const importFailed = "Runtime.ImportModuleError"

// notReady tells why a revision did not start; a failure of the code is the user's to
// mend, so it is told whole.
func notReady(rev *dayfly.Revision, err error) error {
	var failure *dayfly.Failure
	if !errors.As(err, &failure) {
		return fmt.Errorf("start an instance of %s: %w", rev.ID, err)
	}
	message := failure.Type + ": " + failure.Message
	lines := []string{message}
	for _, line := range failure.Stack {
		if !strings.HasSuffix(strings.TrimSpace(line), message) { // a guest that printed it as well
			lines = append(lines, line)
		}
	}
	told := dayfly.Errorf(dayfly.KindInvalid, "the new revision did not start: %s", strings.Join(lines, "\n"))
	if failure.Type == importFailed {
		return told.WithHint("if a package is missing, name it in requirements.txt, package.json or what the " +
			"language has for it; what was live before still is")
	}
	return told.WithHint("what was live before still is; mend the code and deploy again")
}

// lock takes the function's turn and gives what ends it.
func (d *Deployer) lock(ref dayfly.FunctionRef) (unlock func()) {
	d.mu.Lock()
	t := d.locks[ref]
	if t == nil {
		t = &turn{}
		d.locks[ref] = t
	}
	t.users++
	d.mu.Unlock()
	t.Lock()
	return func() {
		t.Unlock()
		d.mu.Lock()
		defer d.mu.Unlock()
		if t.users--; t.users == 0 {
			delete(d.locks, ref)
		}
	}
}
