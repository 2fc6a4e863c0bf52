// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob"
	"github.com/dayfly-faas/dayfly/internal/blob/notice"
	"github.com/dayfly-faas/dayfly/internal/topic"
)

var photos = blob.BucketRef{Project: shop, Name: "photos"}

// tells keeps a notification configuration with the bucket photos.
func (w *world) tells(rules ...string) {
	w.t.Helper()
	c, err := notice.Parse([]byte("<NotificationConfiguration>" + strings.Join(rules, "") +
		"</NotificationConfiguration>"))
	if err != nil {
		w.t.Fatal(err)
	}
	kept, err := c.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.objects.Bucket(w.t.Context(), photos); err != nil {
		if _, err := w.objects.CreateBucket(w.t.Context(), shop, blob.Bucket{Name: photos.Name}); err != nil {
			w.t.Fatal(err)
		}
	}
	_, err = w.objects.UpdateBucket(w.t.Context(), photos, func(b *blob.Bucket) error {
		b.Documents = map[string][]byte{notice.Document: kept}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

const (
	toThumb = "<CloudFunctionConfiguration><Id>a</Id><CloudFunction>thumb</CloudFunction>" +
		"<Event>s3:ObjectCreated:*</Event></CloudFunctionConfiguration>"
	toJobs = "<QueueConfiguration><Id>b</Id><Queue>jobs</Queue><Event>s3:ObjectRemoved:*</Event>" +
		"</QueueConfiguration>"
)

func object(key string) blob.Ref { return blob.Ref{Project: shop, Bucket: photos.Name, Key: key} }

// changes puts objects.
func (w *world) changes(keys ...string) {
	w.t.Helper()
	for _, key := range keys {
		_, err := w.objects.Put(w.t.Context(), object(key), blob.PutOptions{Size: 1}, strings.NewReader("x"))
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// keysFor waits until a function was told of so many objects, and gives their keys.
func (w *world) keysFor(name dayfly.FunctionName, count int) string {
	w.t.Helper()
	var keys []string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		keys = nil
		for _, text := range w.work.of(name) {
			var data dayfly.ObjectData
			if err := json.Unmarshal([]byte(text), &data); err != nil {
				w.t.Fatal(err)
			}
			keys = append(keys, data.Key)
		}
		if len(keys) >= count {
			break
		}
	}
	return strings.Join(keys, " ")
}

func TestBucketsConfigurationCallsFunctions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deploy("thumb")
	w.tells(toThumb)
	w.changes("one", "two")
	if got, want := w.keysFor("thumb", 2), "one two"; got != want {
		t.Fatalf("told of %q, want %q", got, want)
	}
	w.stop()
	w.open()
	w.changes("three")
	w.deploy("thumb") // a new revision changes nothing of what buckets have
	w.changes("four")
	if got, want := w.keysFor("thumb", 4), "one two three four"; got != want {
		t.Fatalf("told of %q after a restart, want %q", got, want)
	}
	w.tells()
	w.changes("unheard")
	if cursors := w.topic.Cursors(); len(cursors) != 0 {
		t.Errorf("cursors of a configuration that is gone: %+v", cursors)
	}
	w.tells(toThumb)
	w.changes("five")
	if got, want := w.keysFor("thumb", 5), "one two three four five"; got != want {
		t.Errorf("told of %q, want %q", got, want)
	}
	if err := w.catalog.Remove(t.Context(), ref("thumb")); err != nil {
		t.Fatal(err)
	}
	if err := w.triggers.Settle(t.Context(), ref("thumb")); err != nil {
		t.Fatal(err)
	}
	if cursors := w.topic.Cursors(); len(cursors) != 0 {
		t.Errorf("cursors for a function that is gone: %+v", cursors)
	}
}

func TestBucketsConfigurationPublishes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.topic.Ensure(t.Context(), shop, "jobs"); err != nil {
		t.Fatal(err)
	}
	w.tells(toJobs)
	w.changes("one", "two")
	for _, key := range []string{"two", "one"} {
		if _, err := w.objects.Delete(t.Context(), object(key), blob.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	var page topic.Page
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		var err error
		page, err = w.topic.Read(t.Context(), topic.QueueSource(shop, "jobs"), topic.From{Sequence: 1}, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Messages) >= 2 {
			break
		}
	}
	if len(page.Messages) != 2 {
		t.Fatalf("the queue has %d messages, want 2", len(page.Messages))
	}
	for i, key := range []string{"two", "one"} {
		e := &page.Messages[i].Event
		text := string(e.Data)
		if e.Extensions[dayfly.ExtensionKey] != key || !strings.Contains(text, `"configurationId":"b"`) ||
			!strings.Contains(text, `"key":"`+key+`"`) || !strings.HasPrefix(text, `{"Records":[`) {
			t.Errorf("message %d is %s, key %s", i, text, e.Extensions[dayfly.ExtensionKey])
		}
	}
}
