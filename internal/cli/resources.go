// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

// resources are what has to be there before functions are deployed: what a manifest
// says, and what triggers and destinations name.
type resources struct {
	project dayfly.ProjectName
	queues  map[dayfly.QueueName]client.QueueSettings // zero: the default, or as it is
	buckets map[dayfly.BucketName]*bool               // whether versions are kept; nil: as it is
}

// resourcesOf gathers them; m is nil without a manifest.
func resourcesOf(m *manifest.Manifest, list []deployment) (resources, error) {
	r := resources{queues: map[dayfly.QueueName]client.QueueSettings{}, buckets: map[dayfly.BucketName]*bool{}}
	for i := range list {
		r.project = list[i].ref.Project
		r.named(&list[i].settings)
	}
	if m == nil {
		return r, nil
	}
	for name, settings := range m.Queues {
		retention, err := settings.Span()
		if err != nil {
			return r, err
		}
		r.queues[name] = client.QueueSettings{Retention: retention,
			Durability: dayfly.Durability(settings.Durability)}
	}
	for name, settings := range m.Buckets {
		r.buckets[name] = &settings.Versions
	}
	return r, nil
}

// named adds what a function's triggers and destinations name.
func (r *resources) named(f *manifest.Function) {
	for _, t := range f.On {
		if t.Queue != nil {
			r.queues[dayfly.QueueName(t.Queue.Name)] = client.QueueSettings{}
		}
		if t.Object != nil {
			r.buckets[dayfly.BucketName(t.Object.Bucket)] = nil
		}
	}
	for _, destination := range []string{f.OnSuccess, f.OnFailure} {
		if name, is := strings.CutPrefix(destination, "queue:"); is {
			r.queues[dayfly.QueueName(name)] = client.QueueSettings{}
		}
	}
}

// prepare makes the queues and buckets; those that are there stay, with what was said.
func (a *app) prepare(ctx context.Context, node *client.Client, r resources) error {
	var made []string
	for _, name := range slices.Sorted(maps.Keys(r.queues)) {
		if _, err := node.PutQueue(ctx, client.QueueRef{Project: r.project, Name: name}, r.queues[name]); err != nil {
			return err
		}
		made = append(made, "queue "+string(name))
	}
	for _, name := range slices.Sorted(maps.Keys(r.buckets)) {
		ref := client.BucketRef{Project: r.project, Name: name}
		if _, err := node.PutBucket(ctx, ref, r.buckets[name]); err != nil {
			return err
		}
		made = append(made, "bucket "+string(name))
	}
	if len(made) > 0 && !a.JSON {
		a.Printf("project %s has %s\n", a.Style.Bold(term.Plain(string(r.project))), term.Plain(term.Joined(made)))
	}
	return nil
}
