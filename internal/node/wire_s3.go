// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"net"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api"
	"github.com/dayfly-faas/dayfly/internal/blob"
	"github.com/dayfly-faas/dayfly/internal/catalog"
	"github.com/dayfly-faas/dayfly/internal/s3"
	"github.com/dayfly-faas/dayfly/internal/topic"
)

var (
	_ api.Objects = (*blob.Store)(nil)
	_ api.S3      = s3Door{}
)

// s3Region is what clients that must name a region name.
const s3Region = "us-east-1"

// s3Door is the way of S3's clients to the objects. Boxes have it also where the node
// listens nowhere for others.
type s3Door struct {
	*s3.Server
	keys     *s3.Keys
	listener net.Listener // nil: off
}

// openS3 opens the door, and listens unless it is off.
func (n *Node) openS3(context.Context) error {
	keys, err := s3.OpenKeys(n.path("s3.secret"))
	if err != nil {
		return err
	}
	door := s3.New(s3.Config{Region: s3Region}, n.component("s3"), n.objects, keys, noticed{n.catalog, n.topic})
	n.s3 = s3Door{Server: door, keys: keys}
	n.onClose(n.s3.Close)
	if n.cfg.S3 == "" {
		return nil
	}
	if n.s3.listener, err = listen("S3 door", n.cfg.S3); err != nil {
		return err
	}
	n.onClose(func() error { _ = n.s3.listener.Close(); return nil })
	return nil
}

// noticed is who buckets may tell of their changes.
type noticed struct {
	catalog *catalog.Catalog
	topic   *topic.Topic
}

// HasFunction implements s3.Targets.
func (n noticed) HasFunction(ref dayfly.FunctionRef) bool {
	_, err := n.catalog.Function(ref)
	return err == nil
}

// HasQueue implements s3.Targets.
func (n noticed) HasQueue(project dayfly.ProjectName, queue dayfly.QueueName) bool {
	_, err := n.topic.Queue(project, queue)
	return err == nil
}

// run serves until Close; a door that is off has nothing to do.
func (d s3Door) run(context.Context) error {
	if d.listener == nil {
		return nil
	}
	return d.Serve(d.listener)
}

// endpoint is where clients on this machine find the door; empty when it is off.
func (d s3Door) endpoint() string {
	if d.listener == nil {
		return ""
	}
	return "http://" + reachable(d.listener.Addr())
}

// Access implements api.S3.
func (d s3Door) Access(project dayfly.ProjectName) api.S3Access {
	id, secret := d.keys.Credentials(project)
	return api.S3Access{Endpoint: d.endpoint(), Region: s3Region, AccessKeyID: id, SecretAccessKey: secret}
}

// Sign implements api.S3.
func (d s3Door) Sign(ctx context.Context, r api.SignedRequest) (string, error) {
	return d.keys.Sign(ctx, s3.Endpoint{URL: d.endpoint(), Region: s3Region},
		s3.Presign{Method: r.Method, Object: r.Object, Expires: r.Expires}, time.Now())
}
