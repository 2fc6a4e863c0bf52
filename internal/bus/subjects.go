// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Every subject, stream and bucket of the platform. Nothing else is stored.
//
//	name      kind     subjects                     holds                             bound
//	catalog   records  $KV.catalog.>                functions, revisions              512 KiB each
//	meter     records  $KV.meter.PROJECT.FUNCTION   use of each function, summed      512 KiB each
//	bundles   objects  $O.bundles.>                 bundles by digest                 the disk
//	LOGS      stream   logs.PROJECT.FUNCTION        lines and records, in batches     256 MiB, 7 days
//	resources records  $KV.resources.>              queues and buckets of projects    512 KiB each
//	keys      records  $KV.keys.>                   idempotency keys, for a time      512 KiB each
//	crons     records  $KV.crons.>                  what timers did and are to do     512 KiB each
//	apikeys   records  $KV.apikeys.>                API keys, by their digests        512 KiB each
//	limits    records  $KV.limits.NODE.PAGE         counts of quotas                  512 KiB each
//	sessions  records  $KV.sessions.ended.ID        logins that ended before their time  512 KiB each
//	WORK      stream   work.PROJECT.FUNCTION.LANE   accepted events, until executed   8 GiB
//	LATER     stream   later.PROJECT.FUNCTION.LANE.ID  those whose time has not come  2 GiB, 200,000
//	DEAD      stream   dead.PROJECT.FUNCTION.ID     events that were given up         1 GiB, 14 days
//	EVENTS    stream   events.PROJECT.KIND.NAME     messages of queues, changes of    16 GiB
//	                                                objects and values, to replay
//	OBJECTS   stream   objects.PROJECT.BUCKET.KEY   what there is of objects          the disk
//	VALUES    stream   values.PROJECT.BUCKET.KEY    key-value records                 8 GiB
const (
	// BucketCatalog holds functions and their revisions.
	BucketCatalog = "catalog"
	// BucketMeter holds the summed use of each function.
	BucketMeter = "meter"
	// BucketBundles holds bundles, named by digest.
	BucketBundles = "bundles"
	// StreamLogs holds batches of log lines and invocation records.
	StreamLogs = "LOGS"
	// SubjectLogs is the prefix of the subjects of StreamLogs.
	SubjectLogs = "logs"
	// BucketResources holds the queues and buckets that projects have.
	BucketResources = "resources"
	// BucketKeys holds idempotency keys.
	BucketKeys = "keys"
	// StreamKeys is the stream behind BucketKeys.
	StreamKeys = "KV_" + BucketKeys
	// BucketCrons holds the ledgers of timers.
	BucketCrons = "crons"
	// BucketAPIKeys holds the API keys of projects.
	BucketAPIKeys = "apikeys"
	// BucketLimits holds the counts of quotas.
	BucketLimits = "limits"
	// BucketSessions holds the logins that ended before their time.
	BucketSessions = "sessions"
	// StreamWork holds events that were accepted and not yet executed.
	StreamWork = "WORK"
	// SubjectWork is the prefix of the subjects of StreamWork.
	SubjectWork = "work"
	// StreamLater holds accepted events whose time, or next attempt, is still to come:
	// one message each.
	StreamLater = "LATER"
	// SubjectLater is the prefix of the subjects of StreamLater.
	SubjectLater = "later"
	// StreamDead holds dead letters.
	StreamDead = "DEAD"
	// SubjectDead is the prefix of the subjects of StreamDead.
	SubjectDead = "dead"
	// StreamEvents holds messages of queues and changes of objects and values.
	StreamEvents = "EVENTS"
	// StreamObjects holds the records of objects.
	StreamObjects = "OBJECTS"
	// StreamValues holds key-value records.
	StreamValues = "VALUES"
)

// Bounds of what is stored.
const (
	// ValueBytesMax bounds one value of a bucket of records. A message of the server
	// may have 1 MiB; half of it leaves room for its headers and for growth.
	ValueBytesMax = 512 << 10
	// MessageBytesMax bounds one message of a stream, headers included: the
	// server's own default, which every NATS client expects.
	MessageBytesMax = 1 << 20
	// headBytesMax is what the server counts with a value: its key and headers.
	headBytesMax = 4 << 10
	// DeletionMemory is how long a bucket remembers that a record was deleted, for
	// the sake of watchers that were away. A watcher inside the process is never away
	// for longer than it takes to reconnect.
	DeletionMemory = 24 * time.Hour
	// chunkBytes is the size of the pieces of an object, as NATS' own clients use.
	chunkBytes = 128 << 10
)

// Bounds are the limits of a stream; the oldest messages go first.
type Bounds struct {
	Bytes int64
	Age   time.Duration
}

// recordBucket is the configuration of a bucket of records.
func recordBucket(name string) jetstream.KeyValueConfig {
	return jetstream.KeyValueConfig{
		Bucket:         name,
		History:        1,
		MaxValueSize:   ValueBytesMax + headBytesMax,
		Storage:        jetstream.FileStorage,
		LimitMarkerTTL: DeletionMemory,
	}
}

// objectBucket is the configuration of a bucket of objects.
func objectBucket(name string) jetstream.ObjectStoreConfig {
	return jetstream.ObjectStoreConfig{Bucket: name, Storage: jetstream.FileStorage}
}

// logStream is the configuration of the stream of logs.
func logStream(b Bounds) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        StreamLogs,
		Subjects:    []string{SubjectLogs + ".>"},
		Storage:     jetstream.FileStorage,
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		MaxBytes:    b.Bytes,
		MaxAge:      b.Age,
		AllowDirect: true,
	}
}
