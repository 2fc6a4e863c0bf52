// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"io"
	"iter"
	"net/http"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/api/access"
	"github.com/dayfly-faas/dayfly/internal/api/certificates"
	"github.com/dayfly-faas/dayfly/internal/api/fronts"
	"github.com/dayfly-faas/dayfly/internal/api/purges"
	"github.com/dayfly-faas/dayfly/internal/blob/notice"
	"github.com/dayfly-faas/dayfly/internal/kv"
	"github.com/dayfly-faas/dayfly/internal/logs"
	"github.com/dayfly-faas/dayfly/internal/queue"
	"github.com/dayfly-faas/dayfly/internal/rollout"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
	"github.com/dayfly-faas/dayfly/internal/topic"
)

// Deps are the parts of the node that this door opens to. All are needed.
type Deps struct {
	Catalog  Catalog
	Rollout  Rollout
	Sources  Sources
	Pool     Pool
	Invoker  Invoker
	Logs     Logs
	Runtimes Runtimes
	Events   Events
	// CheckURL refuses callbacks that can never be reached.
	CheckURL func(url string) error
	Values   Values
	Objects  Objects
	S3       S3
	Queues   Queues
	Triggers Triggers
	Notices  Notices
	Crons    Crons
	Clock    Clock
	Fronts   fronts.Deps
	Purges   purges.Deps
	Access   access.Deps
	// Certificates are those of the TLS door.
	Certificates certificates.Deps
	// Features tells what isolation this host gives.
	Features func() []sandbox.Feature
	// Metrics answers a Prometheus scrape.
	Metrics http.Handler
}

// Notices knows what buckets tell of their changes by themselves.
type Notices interface {
	Of(dayfly.ProjectName) []notice.Entry
}

// Catalog knows functions and revisions.
type Catalog interface {
	Function(dayfly.FunctionRef) (dayfly.Function, error)
	// Functions lists those of a project; an empty one means every project.
	Functions(dayfly.ProjectName) []dayfly.Function
	Revision(dayfly.FunctionRef, int) (*dayfly.Revision, error)
}

// Rollout changes what is live.
type Rollout interface {
	// Deploy calls progress from one goroutine at a time, never after it returned.
	Deploy(context.Context, rollout.Request, func(rollout.Event)) (rollout.Outcome, error)
	Rollback(ctx context.Context, f dayfly.FunctionRef, number int) (dayfly.Function, error)
	Remove(context.Context, dayfly.FunctionRef) error
}

// Sources keeps uploaded sources by their digest.
type Sources interface {
	Has(context.Context, dayfly.Digest) (bool, error)
	Put(context.Context, dayfly.Digest, io.Reader) error
}

// Pool knows the instances of this node.
type Pool interface {
	Instances(dayfly.FunctionRef) []Instance
	// Evict ends the idle instances and tells how many there were.
	Evict(dayfly.FunctionRef) int
}

// Instance is one warm instance of a function.
type Instance struct {
	ID          dayfly.InstanceID `json:"id"`
	Revision    dayfly.RevisionID `json:"revision"`
	State       string            `json:"state"`
	Since       time.Time         `json:"since"` // in this state
	Calls       int64             `json:"calls"`
	MemoryBytes int64             `json:"memory_bytes"`
}

// Invoker calls functions.
type Invoker interface {
	Invoke(context.Context, *dayfly.Invocation) (*dayfly.Result, error)
}

// Logs keeps what functions printed and what is known of their calls.
type Logs interface {
	Lines(context.Context, logs.Query) iter.Seq2[dayfly.LogLine, error]
	Records(context.Context, logs.RecordQuery) ([]dayfly.Record, error)
	Find(context.Context, dayfly.InvocationID) (*dayfly.Record, error)
	Totals(dayfly.FunctionRef) logs.Totals
}

// Values keeps key-value records.
type Values interface {
	Get(context.Context, kv.Ref) (kv.Value, error)
	Put(context.Context, kv.Ref, []byte, kv.PutOptions) (kv.Value, error)
	Delete(ctx context.Context, ref kv.Ref, version uint64) (uint64, error)
	Increment(context.Context, kv.Ref, kv.IncrementOptions) (int64, kv.Value, error)
	List(context.Context, dayfly.ProjectName, dayfly.BucketName, kv.Query) (kv.Page, error)
	Buckets(dayfly.ProjectName) []kv.Bucket
	RemoveBucket(context.Context, dayfly.ProjectName, dayfly.BucketName) (int, error)
	// Watch calls its function from one goroutine, until it fails or the context ends.
	Watch(context.Context, dayfly.ProjectName, dayfly.BucketName, kv.WatchQuery,
		func(kv.Change) error) error
}

// Events takes events for functions, and knows what becomes of them.
type Events interface {
	Push(context.Context, queue.Push) (queue.Accepted, error)
	Cancel(context.Context, dayfly.EventID) error
	Event(context.Context, dayfly.EventID) (*dayfly.EventInfo, error)
	Events(context.Context, logs.EventQuery) ([]dayfly.EventInfo, error)
	Pause(context.Context, dayfly.FunctionRef) error
	Resume(context.Context, dayfly.FunctionRef) error
	Paused(dayfly.FunctionRef) bool
	Dead(context.Context, queue.Letters) ([]dayfly.EventInfo, error)
	Letter(context.Context, dayfly.EventID) (*queue.Letter, error)
	Redrive(context.Context, queue.Letters) (int, error)
	Drop(context.Context, queue.Letters) (int, error)
}

// Runtimes knows the language toolchains of this host.
type Runtimes interface {
	List(context.Context) ([]toolchain.Runtime, error)
}

// Queues keeps messages of named queues.
type Queues interface {
	Define(ctx context.Context, p dayfly.ProjectName, q dayfly.QueueName, s topic.Settings) (topic.Queue, error)
	Queue(dayfly.ProjectName, dayfly.QueueName) (topic.Queue, error)
	Queues(dayfly.ProjectName) []topic.Queue
	Remove(context.Context, dayfly.ProjectName, dayfly.QueueName) error
	Publish(context.Context, dayfly.ProjectName, dayfly.QueueName, []dayfly.Event) ([]uint64, error)
	Read(context.Context, topic.Source, topic.From, int) (topic.Page, error)
	Stats(context.Context, topic.Source) (topic.Stats, error)
}

// Triggers copies events to the work of functions.
type Triggers interface {
	Status(context.Context, topic.Source) ([]topic.Reader, error)
	Replay(context.Context, topic.Replay) (topic.Replayed, error)
}
