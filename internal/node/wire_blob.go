// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"

	"github.com/dayfly-faas/dayfly/internal/blob"
	"github.com/dayfly-faas/dayfly/internal/blob/notice"
)

// openObjects opens the buckets of objects.
func (n *Node) openObjects(ctx context.Context) error {
	objects, err := blob.New(blob.Config{Dir: n.path("objects")}, n.bus, n.topic, n.component("blob"))
	if err != nil {
		return err
	}
	if err := objects.Open(ctx); err != nil {
		return err
	}
	n.objects = objects
	n.onClose(objects.Close)
	n.notices = notice.New(objects, n.component("notice"))
	return n.notices.Open(ctx)
}
