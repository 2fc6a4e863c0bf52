// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
	"github.com/dayfly-faas/dayfly/internal/store"
)

const (
	// frontKeys begins the key of a project's front: front/PROJECT.
	frontKeys = "front"
	// frontMemoryMax bounds what a stored front may unpack to.
	frontMemoryMax = 64 << 20
	// localSuffix ends the host name that every front has.
	localSuffix = ".localhost"
	// anyHost is claimed for the default project unless another has it.
	anyHost = "*"
)

// Front is the front of a project as it is stored; it is never changed.
type Front struct {
	Project dayfly.ProjectName
	Version uint64
	Updated time.Time
	*front.Front
	claimsAny bool
}

// Hosts are the hosts at which the front answers.
func (f *Front) Hosts() []string {
	hosts := slices.Clone(f.Front.Hosts)
	if own := string(f.Project) + localSuffix; !slices.Contains(hosts, own) {
		hosts = append(hosts, own)
	}
	if f.claimsAny && !slices.Contains(hosts, anyHost) {
		hosts = append(hosts, anyHost)
	}
	return hosts
}

// frontRecord is what the store holds of a front, packed.
type frontRecord struct {
	Updated time.Time    `json:"updated"`
	Front   *front.Front `json:"front"`
}

func frontKey(p dayfly.ProjectName) string { return frontKeys + "/" + string(p) }

// Front gives a project's front, or an error of kind not_found.
func (c *Catalog) Front(p dayfly.ProjectName) (*Front, error) {
	for _, f := range c.Fronts() {
		if f.Project == p {
			return f, nil
		}
	}
	return nil, dayfly.Errorf(dayfly.KindNotFound, "project %s has no front", p).
		WithHint("routes in its dayfly.yaml make one")
}

// Fronts gives every front, sorted by project. The caller changes nothing of it.
func (c *Catalog) Fronts() []*Front { return *c.fronts.Load() }

// PutFront stores the front of a project in place of the one with that version, 0 for none.
// A host that another project has is a conflict.
func (c *Catalog) PutFront(
	ctx context.Context, p dayfly.ProjectName, f *front.Front, version uint64,
) (*Front, error) {
	select {
	case c.frontTurn <- struct{}{}: // two claims of one host are made one after the other
		defer func() { <-c.frontTurn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if err := c.checkClaims(p, f); err != nil {
		return nil, err
	}
	value, err := packFront(frontRecord{Updated: time.Now().UTC(), Front: f})
	if err != nil {
		return nil, err
	}
	if version == 0 {
		version, err = c.store.Create(ctx, frontKey(p), value)
	} else {
		version, err = c.store.Update(ctx, frontKey(p), value, version)
	}
	if err != nil {
		return nil, err
	}
	if err := c.await(ctx, version); err != nil {
		return nil, err
	}
	return c.Front(p)
}

// RemoveFront takes a project's front away.
func (c *Catalog) RemoveFront(ctx context.Context, p dayfly.ProjectName) error {
	f, err := c.Front(p)
	if err != nil {
		return err
	}
	version, err := c.store.Delete(ctx, frontKey(p), f.Version)
	if err != nil {
		return err
	}
	return c.await(ctx, version)
}

// checkClaims refuses hosts that are another project's.
func (c *Catalog) checkClaims(p dayfly.ProjectName, f *front.Front) error {
	for _, other := range c.Fronts() {
		if other.Project == p {
			continue
		}
		for _, host := range f.Hosts {
			if slices.Contains(other.Front.Hosts, host) || host == string(other.Project)+localSuffix {
				return dayfly.Errorf(dayfly.KindConflict, "host %s is project %s's", host, other.Project)
			}
		}
	}
	for _, host := range f.Hosts {
		if name, ok := strings.CutSuffix(host, localSuffix); ok && name != string(p) {
			return dayfly.Errorf(dayfly.KindInvalid, "host %s is kept for a project or function of that name", host)
		}
	}
	return nil
}

// packFront makes a record that fits into the store: JSON, compressed.
func packFront(r frontRecord) ([]byte, error) {
	data, err := encode(r)
	if err != nil {
		return nil, err
	}
	if len(data) > frontMemoryMax {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "the front takes %s, at most %s are allowed",
			dayfly.FormatBytes(int64(len(data))), dayfly.FormatBytes(frontMemoryMax))
	}
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("make packer: %w", err)
	}
	return w.EncodeAll(data, nil), nil
}

func unpackFront(value []byte) (frontRecord, error) {
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(frontMemoryMax))
	if err != nil {
		return frontRecord{}, fmt.Errorf("make unpacker: %w", err)
	}
	defer r.Close()
	data, err := r.DecodeAll(value, nil)
	if err != nil {
		return frontRecord{}, fmt.Errorf("unpack front: %w", err)
	}
	record := frontRecord{}
	if err := json.Unmarshal(data, &record); err != nil || record.Front == nil {
		return frontRecord{}, fmt.Errorf("decode front: %w", err)
	}
	return record, nil
}

// applyFront brings one event into the list of fronts and wakes who watches it.
func (c *Catalog) applyFront(p dayfly.ProjectName, e store.Event) error {
	list := slices.DeleteFunc(slices.Clone(c.Fronts()), func(f *Front) bool { return f.Project == p })
	if e.Op == store.OpPut {
		record, err := unpackFront(e.Value)
		if err != nil {
			return err
		}
		list = append(list, &Front{Project: p, Version: e.Version, Updated: record.Updated, Front: record.Front})
	}
	slices.SortFunc(list, func(a, b *Front) int { return cmp.Compare(a.Project, b.Project) })
	claimed := slices.ContainsFunc(list, func(f *Front) bool { return slices.Contains(f.Front.Hosts, anyHost) })
	for i, f := range list {
		if claims := f.Project == dayfly.DefaultProject && !claimed; f.claimsAny != claims {
			changed := *f
			changed.claimsAny = claims
			list[i] = &changed
		}
	}
	c.fronts.Store(&list)
	c.mu.Lock()
	defer c.mu.Unlock()
	for wake := range c.frontWatchers {
		select {
		case *wake <- struct{}{}:
		default: // it is awake already, and will see this change too
		}
	}
	return nil
}

// WatchFronts gives a channel that has a value after each change of fronts, of several
// changes one. It does not tell of what there was before.
func (c *Catalog) WatchFronts() (changes <-chan struct{}, stop func()) {
	wake := make(chan struct{}, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frontWatchers[&wake] = struct{}{}
	return wake, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.frontWatchers, &wake)
	}
}
