// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"maps"
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// Bounds of what a project keeps.
const (
	resourcesMax = 1000 // queues, and buckets, of one project
	// retentionMin and retentionMax are those of a queue, as the node has them.
	retentionMin = time.Minute
	retentionMax = 14 * 24 * time.Hour
)

// QueueSettings say how a queue keeps its messages.
type QueueSettings struct {
	Retention  string `json:"retention,omitempty"`  // four days when empty
	Durability string `json:"durability,omitempty"` // of durabilities; as it is when empty
}

// durabilities say when what was accepted must be on the disk: when the node's setting
// says, or before it is acknowledged.
func durabilities() []string { return []string{"node", string(dayfly.DurabilityAlways)} }

// BucketSettings say how a bucket keeps its objects.
type BucketSettings struct {
	Versions bool `json:"versions,omitempty"` // earlier versions of an object are kept
}

// QueueNames gives the queues that the manifest names, in order.
func (m *Manifest) QueueNames() []dayfly.QueueName { return slices.Sorted(maps.Keys(m.Queues)) }

// BucketNames gives the buckets that the manifest names, in order.
func (m *Manifest) BucketNames() []dayfly.BucketName { return slices.Sorted(maps.Keys(m.Buckets)) }

// Span gives the retention; zero stands for the default.
func (q QueueSettings) Span() (time.Duration, error) {
	if q.Retention == "" {
		return 0, nil
	}
	span, err := quantity.ParseDuration(q.Retention)
	if err == nil && (span < retentionMin || span > retentionMax) {
		err = dayfly.Errorf(dayfly.KindInvalid, "retention is %s, must be between %s and %s",
			span, retentionMin, retentionMax)
	}
	return span, err
}

func (r *reader) queues(m *Manifest, e entry) error {
	return r.resources(e, "queue", func(name string, options []entry) error {
		if err := dayfly.ValidateName("queue", name); err != nil {
			return err
		}
		settings := QueueSettings{}
		for _, o := range options {
			if err := r.queueOption(&settings, o, name); err != nil {
				return err
			}
		}
		if m.Queues == nil {
			m.Queues = map[dayfly.QueueName]QueueSettings{}
		}
		m.Queues[dayfly.QueueName(name)] = settings
		return nil
	})
}

func (r *reader) queueOption(s *QueueSettings, o entry, name string) error {
	if o.key != "retention" && o.key != "durability" {
		return r.unknownKey(o, "queue "+name, nil, []string{"retention", "durability"})
	}
	text, err := r.text(o)
	if err != nil {
		return err
	}
	if o.key == "durability" {
		s.Durability, err = text, oneOf(text, durabilities())
	} else {
		s.Retention = text
		_, err = s.Span()
	}
	if err != nil {
		return r.errorf(o.value, "%s of queue %s: %v", o.key, name, err)
	}
	return nil
}

func (r *reader) buckets(m *Manifest, e entry) error {
	return r.resources(e, "bucket", func(name string, options []entry) error {
		if err := dayfly.ValidateBucket(dayfly.BucketName(name)); err != nil {
			return err
		}
		settings := BucketSettings{}
		for _, o := range options {
			if o.key != "versions" {
				return r.unknownKey(o, "bucket "+name, nil, []string{"versions"})
			}
			is, err := r.flag(o)
			if err != nil {
				return err
			}
			settings.Versions = is
		}
		if m.Buckets == nil {
			m.Buckets = map[dayfly.BucketName]BucketSettings{}
		}
		m.Buckets[dayfly.BucketName(name)] = settings
		return nil
	})
}

// resources reads names with settings; a name alone has none. What is wrong with a name
// is told with its place.
func (r *reader) resources(e entry, what string, keep func(string, []entry) error) error {
	if e.value == nil {
		return nil
	}
	entries, err := r.mapping(e.value, e.key)
	if err != nil {
		return err
	}
	if len(entries) > resourcesMax {
		return r.errorf(e.at, "there are %d %ss, at most %d are allowed", len(entries), what, resourcesMax)
	}
	for _, one := range entries {
		var options []entry
		if one.value != nil {
			if options, err = r.mapping(one.value, what+" "+clip(one.key)); err != nil {
				return err
			}
		}
		if err := keep(one.key, options); err != nil {
			return r.placed(one.at, err)
		}
	}
	return nil
}

// placed gives an error its place, unless it has one.
func (r *reader) placed(at ast.Node, err error) error {
	if len(err.Error()) > len(r.file) && err.Error()[:len(r.file)+1] == r.file+":" {
		return err
	}
	return r.errorf(at, "%v", err)
}
