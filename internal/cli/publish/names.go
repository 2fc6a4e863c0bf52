// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// Made are what a deploy makes before it publishes a front.
type Made struct {
	Functions []dayfly.FunctionName
	Queues    []dayfly.QueueName
	Buckets   []dayfly.BucketName
}

// CheckNames reports functions, queues and buckets that the front names and that are neither
// on the node nor made by the deploy, and hosts that are another project's.
func (p *Plan) CheckNames(ctx context.Context, node *client.Client, made Made) error {
	if p == nil || p.Front == nil {
		return nil
	}
	n := names{plan: p, node: node, known: map[string]error{}}
	for _, f := range made.Functions {
		n.known["function "+string(f)] = nil
	}
	for _, q := range made.Queues {
		n.known["queue "+string(q)] = nil
	}
	for _, b := range made.Buckets {
		n.known["bucket "+string(b)] = nil
	}
	if err := n.hosts(ctx); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(p.Front.Auth)) {
		if of := p.Front.Auth[name].Function; of != nil {
			n.function(ctx, of.Name, "auth", name, "function", "name")
		}
	}
	for _, pattern := range slices.Sorted(maps.Keys(p.Front.Routes)) {
		n.route(ctx, pattern)
	}
	if n.failed != nil {
		return n.failed
	}
	return p.locate(n.faults.Err())
}

// names asks the node for what a front names, once for each.
type names struct {
	plan   *Plan
	node   *client.Client
	known  map[string]error // nil: it is there, or will be
	faults front.Faults
	failed error // the node could not be asked
}

func (n *names) route(ctx context.Context, pattern string) {
	r := n.plan.Front.Routes[pattern]
	switch {
	case r.Function != "":
		n.function(ctx, r.Function, "routes", pattern, "function")
	case r.Site != nil && r.Site.Otherwise != "":
		n.function(ctx, r.Site.Otherwise, "routes", pattern, "site", "otherwise")
	case r.Queue != "":
		name := string(r.Queue)
		n.find("queue "+name, func() error {
			_, err := n.node.Queue(ctx, client.QueueRef{Project: n.plan.Project, Name: r.Queue})
			return absent(err, "there is no queue "+name+": queues: {"+name+": {}} in the manifest makes it")
		}, "routes", pattern, "queue")
	case r.Object != "":
		bucket, _, _ := strings.Cut(r.Object, "/")
		n.find("bucket "+bucket, func() error {
			list, err := n.node.Buckets(ctx, n.plan.Project)
			if err != nil || slices.ContainsFunc(list, func(b client.Bucket) bool { return string(b.Name) == bucket }) {
				return err
			}
			return &front.Problem{Message: "there is no bucket " + bucket + ": buckets: {" + bucket + ": {}} in the manifest makes it"}
		}, "routes", pattern, "object")
	}
}

func (n *names) function(ctx context.Context, name dayfly.FunctionName, path ...string) {
	n.find("function "+string(name), func() error {
		_, err := n.node.Inspect(ctx, dayfly.FunctionRef{Project: n.plan.Project, Name: name})
		return absent(err, "there is no function "+string(name)+", neither in the manifest nor in project "+string(n.plan.Project))
	}, path...)
}

// find adds a fault where what is named so is not there.
func (n *names) find(what string, ask func() error, path ...string) {
	err, known := n.known[what]
	if !known && n.failed == nil {
		err = ask()
		n.known[what] = err
	}
	if err != nil && len(front.Problems(err)) == 0 {
		n.failed = err
	}
	n.faults.Add(front.Within(err, path...))
}

// absent gives an error of a thing that is not there as a problem with that message.
func absent(err error, message string) error {
	if dayfly.KindOf(err) == dayfly.KindNotFound {
		return &front.Problem{Message: message}
	}
	return err
}

// hosts finds those that are another project's.
func (n *names) hosts(ctx context.Context) error {
	if len(n.plan.Front.Hosts) == 0 {
		return nil
	}
	all, err := n.node.Fronts(ctx)
	if err != nil {
		return err
	}
	for i, host := range n.plan.Front.Hosts {
		for _, other := range all {
			if other.Project == n.plan.Project || other.Settings == nil ||
				!slices.Contains(other.Settings.Hosts, host) {
				continue
			}
			n.faults.Add(&front.Problem{Path: []string{"hosts", strconv.Itoa(i)},
				Message: "project " + string(other.Project) + " has that host already"})
		}
	}
	return nil
}
