// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
)

const (
	// chunksUnacknowledgedMax bounds the chunks on their way to the server: 4 MiB
	// keep it busy, and far below what makes it refuse more.
	chunksUnacknowledgedMax = 32
	// objectTimeout bounds reading one object whose reader is slow. The client
	// library would otherwise end every read after five seconds.
	objectTimeout = time.Hour
)

// Objects is a bucket of named byte strings of any size. An object is there completely
// or not at all: a Put that was cut short leaves nothing that Get could see.
type Objects struct {
	bus    *Bus
	bucket string

	mu    sync.Mutex // guards the two below
	store jetstream.ObjectStore
	of    *session // the session that store belongs to
}

// Objects gives a bucket of objects. It is created when first used.
func (b *Bus) Objects(bucket string) *Objects {
	return &Objects{bus: b, bucket: bucket}
}

// Put stores all of r under name, replacing what was there. It returns when the
// object is durable as package bus promises.
func (o *Objects) Put(ctx context.Context, name string, r io.Reader) error {
	if name == "" {
		return dayfly.Errorf(dayfly.KindInvalid, "object name is empty")
	}
	objects, err := o.open(ctx)
	if err != nil {
		return err
	}
	old, err := objects.GetInfo(ctx, name)
	if err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return fmt.Errorf("look up object %s: %w", name, err)
	}
	info, err := o.upload(ctx, name, r)
	if err != nil {
		return fmt.Errorf("put object %s: %w", name, err)
	}
	if old != nil {
		// Its chunks are garbage now. Failing to drop them costs space, nothing else.
		_ = o.dropChunks(ctx, old.NUID)
	}
	o.bus.log.Debug("object stored", "bucket", o.bucket, "object", name, "bytes", info.Size)
	return nil
}

// Get streams the object's bytes. The reader must be closed; its last Read
// fails when the bytes are not those that were stored.
func (o *Objects) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	objects, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, objectTimeout)
	result, err := objects.Get(ctx, name)
	if err != nil {
		cancel()
		return nil, o.explain("get", name, err)
	}
	return &objectReader{ObjectResult: result, cancel: cancel}, nil
}

// Has reports whether the object is there.
func (o *Objects) Has(ctx context.Context, name string) (bool, error) {
	objects, err := o.open(ctx)
	if err != nil {
		return false, err
	}
	_, err = objects.GetInfo(ctx, name)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return false, nil
	}
	if err != nil {
		return false, o.explain("look up", name, err)
	}
	return true, nil
}

// Delete removes the object. One that is not there is not an error.
func (o *Objects) Delete(ctx context.Context, name string) error {
	objects, err := o.open(ctx)
	if err != nil {
		return err
	}
	err = objects.Delete(ctx, name)
	if err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return o.explain("delete", name, err)
	}
	return nil
}

// List gives the names of all objects, sorted.
func (o *Objects) List(ctx context.Context) ([]string, error) {
	objects, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	infos, err := objects.List(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil, fmt.Errorf("list objects of %s: %w", o.bucket, err)
	}
	names := make([]string, 0, len(infos))
	for _, info := range infos {
		names = append(names, info.Name)
	}
	slices.Sort(names)
	return names, nil
}

// open gives the bucket of the bus' current session, creating it when missing.
func (o *Objects) open(ctx context.Context) (jetstream.ObjectStore, error) {
	s, err := o.bus.session()
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.of == s {
		return o.store, nil
	}
	store, err := s.bulk.CreateOrUpdateObjectStore(ctx, objectBucket(o.bucket))
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", o.bucket, err)
	}
	if err := o.sweep(ctx, s, store); err != nil {
		return nil, err
	}
	o.store, o.of = store, s
	return store, nil
}

// upload sends the chunks and then, once all of them are acknowledged, the entry that
// makes the object visible. The layout is that of NATS' object store.
func (o *Objects) upload(
	ctx context.Context, name string, r io.Reader,
) (*jetstream.ObjectInfo, error) {
	js, err := o.bus.Bulk()
	if err == nil {
		err = o.bus.Room()
	}
	if err != nil {
		return nil, err
	}
	info := &jetstream.ObjectInfo{
		ObjectMeta: jetstream.ObjectMeta{
			Name: name,
			Opts: &jetstream.ObjectMetaOptions{ChunkSize: chunkBytes},
		},
		Bucket: o.bucket,
		NUID:   rand.Text(),
	}
	if err := o.uploadChunks(ctx, js, info, r); err != nil {
		// The caller's ctx may be what ended; the cleaning must happen all the same.
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		return nil, errors.Join(err, o.dropChunks(clean, info.NUID))
	}
	entry := nats.NewMsg(o.entrySubject(name))
	entry.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	if entry.Data, err = json.Marshal(info); err != nil {
		return nil, fmt.Errorf("encode entry: %w", err)
	}
	if _, err := js.PublishMsg(ctx, entry); err != nil {
		return nil, fmt.Errorf("store entry: %w", err)
	}
	return info, nil
}

func (o *Objects) uploadChunks(
	ctx context.Context, js jetstream.JetStream, info *jetstream.ObjectInfo, r io.Reader,
) error {
	var waiting []jetstream.PubAckFuture
	sum, chunk := sha256.New(), make([]byte, chunkBytes)
	for last := false; !last; {
		n, err := io.ReadFull(r, chunk)
		if last = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF); err != nil && !last {
			return fmt.Errorf("read: %w", err)
		}
		if n == 0 {
			break
		}
		if len(waiting) == chunksUnacknowledgedMax {
			if err := acknowledged(ctx, waiting[0]); err != nil {
				return err
			}
			waiting = waiting[1:]
		}
		if err := o.bus.Room(); err != nil {
			return err
		}
		sum.Write(chunk[:n])
		future, err := js.PublishAsync(o.chunkSubject(info.NUID), slices.Clone(chunk[:n]))
		if err != nil {
			return fmt.Errorf("send chunk %d: %w", info.Chunks, err)
		}
		waiting = append(waiting, future)
		info.Chunks++
		info.Size += uint64(n)
	}
	for _, future := range waiting {
		if err := acknowledged(ctx, future); err != nil {
			return err
		}
	}
	info.Digest = jetstream.GetObjectDigestValue(sum)
	return nil
}

// acknowledged waits until the server has stored a chunk.
func acknowledged(ctx context.Context, f jetstream.PubAckFuture) error {
	select {
	case <-f.Ok():
		return nil
	case err := <-f.Err():
		return fmt.Errorf("store chunk: %w", err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sweep drops the chunks of uploads that a crash cut short. It runs before the
// first use in this process, when no upload can be under way.
func (o *Objects) sweep(
	ctx context.Context, s *session, objects jetstream.ObjectStore,
) error {
	stream, err := s.bulk.Stream(ctx, o.stream())
	if err != nil {
		return fmt.Errorf("open stream of bucket %s: %w", o.bucket, err)
	}
	all := jetstream.WithSubjectFilter(o.chunkSubject("*"))
	state, err := stream.Info(ctx, all)
	if err != nil {
		return fmt.Errorf("list chunks of bucket %s: %w", o.bucket, err)
	}
	infos, err := objects.List(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return fmt.Errorf("list objects of bucket %s: %w", o.bucket, err)
	}
	for _, info := range infos {
		delete(state.State.Subjects, o.chunkSubject(info.NUID))
	}
	for subject := range state.State.Subjects {
		if err := stream.Purge(ctx, jetstream.WithPurgeSubject(subject)); err != nil {
			return fmt.Errorf("drop orphans of bucket %s: %w", o.bucket, err)
		}
	}
	if n := len(state.State.Subjects); n > 0 {
		o.bus.log.Warn("unfinished objects swept", "bucket", o.bucket, "count", n)
	}
	return nil
}

func (o *Objects) dropChunks(ctx context.Context, id string) error {
	js, err := o.bus.Bulk()
	if err != nil {
		return err
	}
	stream, err := js.Stream(ctx, o.stream())
	if err != nil {
		return fmt.Errorf("open stream of bucket %s: %w", o.bucket, err)
	}
	return stream.Purge(ctx, jetstream.WithPurgeSubject(o.chunkSubject(id)))
}

func (o *Objects) stream() string { return "OBJ_" + o.bucket }

func (o *Objects) chunkSubject(id string) string { return "$O." + o.bucket + ".C." + id }

func (o *Objects) entrySubject(name string) string {
	return "$O." + o.bucket + ".M." + base64.URLEncoding.EncodeToString([]byte(name))
}

func (o *Objects) explain(verb, name string, err error) error {
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return dayfly.Errorf(dayfly.KindNotFound, "object %s not found in %s", name, o.bucket)
	}
	return fmt.Errorf("%s object %s of %s: %w", verb, name, o.bucket, err)
}

// objectReader ends the transfer when it is closed early.
type objectReader struct {
	jetstream.ObjectResult
	cancel context.CancelFunc
}

// Close stops the transfer.
func (r *objectReader) Close() error {
	defer r.cancel()
	return r.ObjectResult.Close()
}
