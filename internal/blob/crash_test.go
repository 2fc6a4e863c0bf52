// SPDX-License-Identifier: Apache-2.0

package blob_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

const (
	// crashEnv makes the test binary run the history in the folder that it names.
	crashEnv = "BLOB_TEST_CRASH"
	// faultEnv is "STEP/N": the process kills itself when it comes to the step for the
	// Nth time. Empty: it prints each step that it comes to.
	faultEnv = "BLOB_TEST_FAULT"
)

// outdatedInAll is how many records the history makes that are removed: three that tell
// of deletions, and what they and five other changes replaced.
const outdatedInAll = 11

// buried counts the removals of records in the crashing process.
var buried atomic.Int32

// journal is an emitter that appends to a file, and what kill -9 leaves of it.
type journal struct{ path string }

// Wants implements blob.Emitter.
func (journal) Wants(dayfly.ProjectName, string, dayfly.BucketName) bool { return true }

// Emit implements blob.Emitter.
func (j journal) Emit(_ context.Context, _ dayfly.ProjectName, _ string, _ dayfly.BucketName,
	event dayfly.Event) error {
	file, err := os.OpenFile(j.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(event.Data, '\n'))
	return errors.Join(err, file.Close())
}

// told gives "ACTION ETAG" of each key's changes, each change once.
func (j journal) told(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(j.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	told, last := map[string][]string{}, map[string]string{}
	for line := range strings.Lines(string(text)) {
		var data dayfly.ObjectData
		if err := json.Unmarshal([]byte(line), &data); err != nil {
			t.Fatalf("event %q: %v", line, err)
		}
		if data.Sequencer > last[data.Key] {
			last[data.Key] = data.Sequencer
			told[data.Key] = append(told[data.Key], strings.TrimSpace(data.Action+" "+data.ETag))
		}
	}
	return told
}

// act is one change of the history: what it does and what it makes of the bucket.
type act struct {
	key  string
	do   func(context.Context, *blob.Store) error
	etag string // afterwards; empty: the object is gone
	tags string
	told string // the event, "" for none
}

func putting(key string, n int, seed byte) act {
	data := pattern(n, seed)
	return act{key: key, etag: sumOf(data), told: "ObjectCreated:Put " + sumOf(data),
		do: func(ctx context.Context, s *blob.Store) error {
			_, err := s.Put(ctx, ref(key), blob.PutOptions{Size: int64(n)}, strings.NewReader(data))
			return err
		}}
}

func deleting(key string) act {
	return act{key: key, told: "ObjectRemoved:Delete", do: func(ctx context.Context, s *blob.Store) error {
		_, err := s.Delete(ctx, ref(key), blob.DeleteOptions{})
		return err
	}}
}

func uploading(key string, n int, seed byte) act {
	data := pattern(n, seed)
	inner := md5.Sum([]byte(data))
	outer := md5.Sum(inner[:])
	tag := hex.EncodeToString(outer[:]) + "-1"
	return act{key: key, etag: tag, told: "ObjectCreated:CompleteMultipartUpload " + tag,
		do: func(ctx context.Context, s *blob.Store) error {
			u, err := s.CreateUpload(ctx, ref(key), blob.UploadOptions{})
			if err != nil {
				return err
			}
			of := blob.UploadRef{Ref: ref(key), UploadID: u.UploadID}
			for number := 1; number <= 2; number++ {
				if _, err = s.PutPart(ctx, of, number, blob.PartOptions{Size: -1}, strings.NewReader(data)); err != nil {
					return err
				}
			}
			_, err = s.Complete(ctx, of, []blob.CompletedPart{{Number: 1, ETag: sumOf(data)}}, blob.CompleteOptions{})
			return err
		}}
}

// history is what the crashing process does, one after the other.
func history() []act {
	const large = 3 * blob.InlineBytesMax
	copied := putting("b", large, 2)
	return []act{
		putting("a", 100, 1), copied, putting("a", large, 3),
		{key: "c", etag: copied.etag, told: "ObjectCreated:Copy " + copied.etag,
			do: func(ctx context.Context, s *blob.Store) error {
				_, err := s.Copy(ctx, ref("c"), blob.Source{Ref: ref("b")}, blob.CopyOptions{})
				return err
			}},
		deleting("a"), putting("b", large+5, 4),
		{key: "c", etag: copied.etag, tags: "x", do: func(ctx context.Context, s *blob.Store) error {
			_, err := s.Amend(ctx, ref("c"), "", func(a *blob.Attributes) error {
				a.Tags = map[string]string{"t": "x"}
				return nil
			})
			return err
		}},
		uploading("m", large, 5), putting("a", 10, 6), deleting("c"), putting("m", 20, 7),
		uploading("m", large, 8), deleting("m"),
	}
}

// writeUntilFault runs the history and prints "ack" after each act.
func writeUntilFault(dir string) {
	log := slog.New(slog.DiscardHandler)
	ctx := context.Background()
	b := bus.New(bus.Config{Dir: dir}, log)
	check(b.Open(ctx))
	s, err := blob.New(blob.Config{Dir: filepath.Join(dir, "objects")}, b, journal{filepath.Join(dir, "events")}, log)
	check(err)
	s.StopAt(killer(os.Getenv(faultEnv)))
	check(s.Open(ctx))
	go func() { check(s.Run(ctx)) }()
	_, err = s.CreateBucket(ctx, photos.Project, blob.Bucket{Name: photos.Name})
	check(err)
	for _, a := range history() {
		check(a.do(ctx, s))
		fmt.Println("ack")
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if buried.Load() == outdatedInAll {
			os.Exit(0)
		}
	}
	check(errors.New("records of what was deleted stay"))
}

func check(err error) {
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
}

// killer gives what is called at fault points.
func killer(fault string) func(string) {
	want, count, _ := strings.Cut(fault, "/")
	n, _ := strconv.Atoi(count)
	var mu sync.Mutex
	seen := map[string]int{}
	return func(step string) {
		mu.Lock()
		defer mu.Unlock()
		seen[step]++
		if fault == "" {
			fmt.Println("step " + step)
		}
		if step == want && seen[step] == n {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // it takes a moment
		}
		if step == "after burial" {
			buried.Add(1)
		}
	}
}

// child runs the history and gives the number of acts that were acknowledged.
func child(t *testing.T, dir, fault string) (acks int, steps []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), crashEnv+"="+dir, faultEnv+"="+fault)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == -1) {
		t.Fatalf("child with fault %q: %v\n%s", fault, err, out)
	}
	if (err == nil) != (fault == "") {
		t.Fatalf("child with fault %q ended with %v", fault, err)
	}
	for line := range bytes.Lines(out) {
		step, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("step "))
		if ok {
			steps = append(steps, string(step))
		} else {
			acks++
		}
	}
	return acks, steps
}

// after gives the objects as "KEY ETAG TAGS" and the events of each key after n acts.
func after(n int) (objects []string, told map[string][]string) {
	state := map[string]string{}
	told = map[string][]string{}
	for _, a := range history()[:n] {
		if state[a.key] = strings.TrimSpace(a.key + " " + a.etag + " " + a.tags); a.etag == "" {
			delete(state, a.key)
		}
		if a.told != "" {
			told[a.key] = append(told[a.key], a.told)
		}
	}
	return slices.Sorted(maps.Values(state)), told
}

// TestEveryFaultPoint kills a process at each step of each change, and looks at what is
// left: all that was acknowledged and told, the change under way whole or not at all.
func TestEveryFaultPoint(t *testing.T) {
	t.Parallel()
	acks, steps := child(t, t.TempDir(), "")
	if acks != len(history()) {
		t.Fatalf("%d of %d acts were acknowledged without a fault", acks, len(history()))
	}
	reached := map[string]int{}
	for _, step := range steps {
		reached[step]++
		if n := reached[step]; !testing.Short() || n == 1 {
			t.Run(fmt.Sprint(step, "/", n), func(t *testing.T) {
				t.Parallel()
				crashAt(t, fmt.Sprint(step, "/", n))
			})
		}
	}
	for _, step := range []string{"file written", "links made", "before record", "after record", "after telling",
		"before burial", "after burial", "before part", "after part", "completed", "upload removed"} {
		if reached[step] == 0 {
			t.Errorf("no change came to %q", step)
		}
	}
}

func crashAt(t *testing.T, fault string) {
	dir := t.TempDir()
	acks, _ := child(t, dir, fault)
	j := journal{filepath.Join(dir, "events")}
	s := openAt(t, dir, blob.Config{}, j)
	if acks == 0 {
		// Even the first may have been under way; the bucket is there in any case.
		if _, err := s.Bucket(t.Context(), photos); err != nil {
			t.Fatal(err)
		}
	}
	got, files := survey(t, s)
	want, told := after(acks)
	if !slices.Equal(got, want) && acks < len(history()) {
		want, told = after(acks + 1)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("killed at %s after %d acts, objects (-want +got):\n%s", fault, acks, diff)
	}
	if n := filesBelow(t, filepath.Join(dir, "objects")); n > files+2 {
		t.Errorf("%d data files for objects in %d", n, files)
	}
	waitFor(t, "events", func() bool {
		for key, list := range told {
			have := j.told(t)[key]
			if len(have) < len(list) || !slices.Equal(have[:len(list)], list) {
				return false
			}
		}
		return true
	})
	put(t, s, "a", "it can be written")
	put(t, s, "m", "this too")
	if _, err := s.Delete(t.Context(), ref("b"), blob.DeleteOptions{}); err != nil {
		t.Errorf("Delete: %v", err)
	}
	s.stop()
	s = openAt(t, dir, blob.Config{}, j)
	if data, err := get(t, s, "a", ""); data != "it can be written" || err != nil {
		t.Errorf("written after the crash: %q, %v", data, err)
	}
}

// survey reads all objects, as after gives them, and counts the files that they need.
func survey(t *testing.T, s *opened) (objects []string, files int) {
	t.Helper()
	list, err := s.List(t.Context(), photos, blob.ListQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list.Objects {
		full, r, err := s.OpenObject(t.Context(), ref(o.Key), "")
		if err != nil {
			t.Fatal(err)
		}
		h := md5.New()
		if n, err := io.Copy(h, r); n != o.Size || err != nil {
			t.Errorf("%s has %d bytes of %d, %v", o.Key, n, o.Size, err)
		}
		sum := h.Sum(nil)
		tag := hex.EncodeToString(sum)
		if len(full.Parts) == 1 {
			outer := md5.Sum(sum)
			tag = hex.EncodeToString(outer[:]) + "-1"
		}
		if err := r.Close(); err != nil || tag != o.ETag {
			t.Errorf("%s is torn: its ETag is %s, its data has %s; %v", o.Key, o.ETag, tag, err)
		}
		if o.Size > blob.InlineBytesMax {
			files++
		}
		objects = append(objects, strings.TrimSpace(o.Key+" "+o.ETag+" "+full.Tags["t"]))
	}
	return objects, files
}
