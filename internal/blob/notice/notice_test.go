// SPDX-License-Identifier: Apache-2.0

package notice_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob"
	"github.com/dayfly-faas/dayfly/internal/blob/notice"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

var photos = blob.BucketRef{Project: "shop", Name: "photos"}

// document wraps rules as clients do.
func document(rules ...string) []byte {
	return []byte(`<?xml version="1.0" encoding="UTF-8"?>` +
		`<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
		strings.Join(rules, "") + `</NotificationConfiguration>`)
}

// rule is one for a function; filter is what stands in its S3Key.
func rule(id, target, event, filter string) string {
	return fmt.Sprintf("<CloudFunctionConfiguration><Id>%s</Id><CloudFunction>%s</CloudFunction><Event>%s</Event>"+
		"<Filter><S3Key>%s</S3Key></Filter></CloudFunctionConfiguration>", id, target, event, filter)
}

func filter(name, value string) string {
	return "<FilterRule><Name>" + name + "</Name><Value>" + value + "</Value></FilterRule>"
}

func TestParseRefusesWhatAWSRefuses(t *testing.T) {
	t.Parallel()
	const f, created = "arn:aws:lambda:us-east-1:123456789012:function:thumb", "s3:ObjectCreated:*"
	for _, tt := range []struct{ name, want, text string }{
		{"unknown event", "is not supported", string(document(rule("a", f, "s3:ObjectRestore:Post", "")))},
		{"event without a family", "is not supported", string(document(rule("a", f, "created", "")))},
		{"two of one id", "IDs must be unique", string(document(rule("a", f, created, filter("prefix", "x/")),
			rule("a", f, created, filter("prefix", "y/"))))},
		{"overlapping prefixes", "ambiguously", string(document(rule("a", f, created, filter("prefix", "x")),
			rule("b", f, "s3:ObjectCreated:Put", filter("prefix", "x/y"))))},
		{"no filter overlaps all", "ambiguously", string(document(rule("a", f, created, filter("suffix", ".png")),
			rule("b", f, created, "")))},
		{"overlap across targets", "ambiguously", string(document(rule("a", f, created, ""),
			"<QueueConfiguration><Queue>jobs</Queue><Event>"+created+"</Event></QueueConfiguration>"))},
		{"two prefixes", "more than one prefix", string(document(rule("a", f, created,
			filter("prefix", "x")+filter("Prefix", "y"))))},
		{"unknown rule of a filter", "must be either", string(document(rule("a", f, created, filter("infix", "x"))))},
		{"long value", "cannot exceed 1024", string(document(rule("a", f, created,
			filter("prefix", strings.Repeat("x", 1025)))))},
		{"long id", "at most 255", string(document(rule(strings.Repeat("x", 256), f, created, "")))},
		{"other account's project", "not of this project", string(document(rule("a",
			"arn:aws:lambda:us-east-1:other:function:thumb", created, "")))},
		{"other project's name", "names nothing", string(document(rule("a", "thumb.other", created, "")))},
		{"other service", "none of lambda", string(document(rule("a", "arn:aws:sqs:us-east-1:1:jobs", created, "")))},
		{"unknown alias", "alias", string(document(rule("a", f+":blue", created, "")))},
		{"no ARN", "is none", string(document(rule("a", "arn:aws", created, "")))},
		{"path for a name", "names nothing", string(document(rule("a", "../thumb", created, "")))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := notice.Parse([]byte(tt.text))
			if err == nil {
				_, err = c.Entries(photos)
			}
			if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want invalid with %q", err, tt.want)
			}
		})
	}
	for name, text := range map[string]string{
		"not XML": "{}", "other document": "<Tagging/>", "cut off": string(document()[:60]),
		"unknown element": string(document("<Surprise/>")), "two documents": string(document()) + "<a/>",
		"no event":  string(document("<QueueConfiguration><Queue>q</Queue></QueueConfiguration>")),
		"no target": string(document("<TopicConfiguration><Event>" + created + "</Event></TopicConfiguration>")),
		"two targets": string(document("<QueueConfiguration><Queue>q</Queue><Topic>t</Topic><Event>" + created +
			"</Event></QueueConfiguration>")),
	} {
		var malformed *notice.Malformed
		if _, err := notice.Parse([]byte(text)); !errors.As(err, &malformed) {
			t.Errorf("%s: error is %v, want malformed", name, err)
		}
	}
	var unsupported *notice.Unsupported
	if _, err := notice.Parse(document("<EventBridgeConfiguration/>")); !errors.As(err, &unsupported) {
		t.Errorf("EventBridge: error is %v, want unsupported", err)
	}
}

func TestRulesBecomeTriggers(t *testing.T) {
	t.Parallel()
	c, err := notice.Parse(document(
		rule("new", "arn:aws:lambda:eu-west-1:shop:function:thumb:$LATEST", "s3:ObjectCreated:*",
			filter("Prefix", "in/")+filter("suffix", ".png")),
		rule("of ours", "small.shop", "s3:ObjectRemoved:*", ""),
		"<TopicConfiguration><Topic>arn:aws:sns:us-east-1:1:news</Topic><Event>s3:ObjectCreated:Post</Event>"+
			"<Filter><S3Key><FilterRule><Name>prefix</Name><Value>out/</Value></FilterRule></S3Key></Filter>"+
			"</TopicConfiguration>"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.XML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := notice.Parse(text)
	if err != nil || !cmp.Equal(c, again, cmpopts.IgnoreFields(notice.Configuration{}, "XMLName")) {
		t.Errorf("written and read again: %v\n%s", err, cmp.Diff(c, again))
	}
	kept, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if again, err = notice.Decode(kept); err != nil {
		t.Fatal(err)
	}
	got, err := again.Entries(photos)
	if err != nil || len(got) != 3 {
		t.Fatalf("entries are %v, %v", got, err)
	}
	want := notice.Entry{Bucket: photos, Target: notice.Target{Function: "thumb"}, Trigger: dayfly.Trigger{
		Name: "s3:photos:new", Object: &dayfly.ObjectTrigger{Bucket: "photos", Events: []string{"ObjectCreated:*"},
			Prefix: "in/", Suffix: ".png", Configuration: "new"}}}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("first entry (-want +got):\n%s", diff)
	}
	if got[1].Target.Function != "small" || got[2].Target.Queue != "news" {
		t.Errorf("targets are %+v and %+v", got[1].Target, got[2].Target)
	}
	if c.Topics[0].ID == "" || strings.ContainsAny(string(got[1].Trigger.Name), " /") {
		t.Errorf("a rule without an id got %q, one with a blank is named %q", c.Topics[0].ID, got[1].Trigger.Name)
	}
}

// told are the changes that a board told of.
type told struct {
	mu   sync.Mutex
	list []notice.Change
}

func (w *told) note(c notice.Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, c)
}

func TestBoardFollowsBuckets(t *testing.T) {
	t.Parallel()
	dir, log, ctx := t.TempDir(), slog.New(slog.DiscardHandler), context.Background()
	b := bus.New(bus.Config{Dir: dir}, log)
	check(t, b.Open(ctx))
	t.Cleanup(func() { check(t, b.Close()) })
	objects, err := blob.New(blob.Config{Dir: filepath.Join(dir, "objects")}, b, nil, log)
	check(t, err)
	check(t, objects.Open(ctx))
	t.Cleanup(func() { check(t, objects.Close()) })
	board := notice.New(objects, log)
	check(t, board.Open(ctx))
	var changes told
	board.Watch(changes.note)
	_, err = objects.CreateBucket(ctx, "shop", blob.Bucket{Name: "photos"})
	check(t, err)
	thumb := dayfly.FunctionRef{Project: "shop", Name: "thumb"}

	keep(t, objects, document(rule("a", "thumb", "s3:ObjectCreated:*", "")))
	if got := board.Triggers(thumb); len(got) != 1 || got[0].Name != "s3:photos:a" {
		t.Errorf("triggers are %+v", got)
	}
	second := notice.New(objects, log)
	check(t, second.Open(ctx)) // takes over: it is told of changes from now on
	if diff := cmp.Diff(board.Of("shop"), second.Of("")); diff != "" {
		t.Errorf("a board that opens later has others:\n%s", diff)
	}
	second.Watch(changes.note)
	check(t, objects.DeleteBucket(ctx, photos))
	if got := second.Triggers(thumb); len(got) != 0 {
		t.Errorf("triggers of a bucket that is gone are %+v", got)
	}
	want := []notice.Change{{Project: "shop", Functions: []dayfly.FunctionName{"thumb"}},
		{Project: "shop", Functions: []dayfly.FunctionName{"thumb"}}}
	if diff := cmp.Diff(want, changes.list); diff != "" {
		t.Errorf("told was (-want +got):\n%s", diff)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keep puts a configuration with the bucket photos.
func keep(t *testing.T, objects *blob.Store, text []byte) {
	t.Helper()
	c, err := notice.Parse(text)
	check(t, err)
	kept, err := c.Encode()
	check(t, err)
	_, err = objects.UpdateBucket(t.Context(), photos, func(b *blob.Bucket) error {
		b.Documents = map[string][]byte{notice.Document: kept}
		return nil
	})
	check(t, err)
}

func FuzzParse(f *testing.F) {
	f.Add(document(rule("a", "thumb", "s3:ObjectCreated:*", filter("prefix", "x"))))
	f.Add(document("<QueueConfiguration><Queue>arn:aws:sqs:us-east-1:1:q</Queue><Event>s3:ObjectRemoved:*</Event>" +
		"</QueueConfiguration>"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := notice.Parse(text)
		if err != nil {
			return
		}
		entries, err := c.Entries(photos)
		if err != nil {
			return
		}
		for _, e := range entries {
			if (e.Target.Function == "") == (e.Target.Queue == "") || len(e.Trigger.Name) > 140 {
				t.Errorf("entry %+v", e)
			}
		}
		if _, err := c.XML(); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}
