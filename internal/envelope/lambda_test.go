// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/envelope"
)

// revision is one of function "report" of project "shop".
func revision(contract dayfly.Contract, dialect dayfly.Dialect, triggers ...dayfly.Trigger) *dayfly.Revision {
	rev := &dayfly.Revision{Function: dayfly.FunctionRef{Project: "shop", Name: "report"}}
	rev.Spec = dayfly.DefaultSpecOf(contract, dialect)
	rev.Spec.Triggers = triggers
	for i := range triggers {
		if t := &rev.Spec.Triggers[i]; t.Name == "" && t.Queue != nil {
			t.Name = dayfly.TriggerName(t.Queue.Queue)
		}
	}
	return rev
}

func lambdaFunction(triggers ...dayfly.Trigger) *dayfly.Revision {
	return revision(dayfly.ContractHandler, dayfly.DialectLambda, triggers...)
}

func queueTrigger(batch int) dayfly.Trigger {
	return dayfly.Trigger{Queue: &dayfly.QueueTrigger{Queue: "clicks", Batch: batch}}
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// body reads the one request of a call of envelope.
func body(t *testing.T, r dayfly.Request, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r.Body)
	if err != nil || int64(len(data)) != r.ContentLength {
		t.Fatalf("body of %d bytes, announced %d, err %v", len(data), r.ContentLength, err)
	}
	return string(data)
}

func decodedAs[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields() // AWS's types know every field that we write
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

func TestQueueMessagesAreSQSRecords(t *testing.T) {
	t.Parallel()
	rev := lambdaFunction(queueTrigger(10))
	rev.Spec.Env = map[string]string{"AWS_REGION": "eu-central-1"}
	sent, accepted := noon, noon.Add(time.Second)
	items := []envelope.Item{
		{ID: "e1", Receives: 2, Accepted: accepted, Event: dayfly.Event{ID: "m1", Source: "/s", Type: "click",
			Time: sent, ContentType: "application/json", Data: []byte(`{"code":"x"}`),
			Extensions: map[string]string{"partitionkey": "k", "tenant": "a b"}}},
		{ID: "e2", Accepted: accepted, Event: dayfly.Event{ID: "m2", Source: "/s", Type: "click", Data: []byte{0xff}}},
	}
	r, err := envelope.Batch(rev, "clicks", items)
	text := body(t, r, err)
	if r.Kind != dayfly.RequestEvent {
		t.Errorf("kind %s", r.Kind)
	}
	got := decodedAs[events.SQSEvent](t, text).Records
	if len(got) != 2 {
		t.Fatalf("%d records: %s", len(got), text)
	}
	word := func(s string) events.SQSMessageAttribute {
		return events.SQSMessageAttribute{StringValue: &s, StringListValues: []string{},
			BinaryListValues: [][]byte{}, DataType: "String"}
	}
	sum := md5.Sum([]byte(`{"code":"x"}`))
	want := events.SQSMessage{
		MessageId: "e1", ReceiptHandle: got[0].ReceiptHandle, Body: `{"code":"x"}`,
		Md5OfBody: hex.EncodeToString(sum[:]), Md5OfMessageAttributes: got[0].Md5OfMessageAttributes,
		Attributes: map[string]string{
			"ApproximateReceiveCount": "2", "SentTimestamp": "1777896000000", "SenderId": "shop",
			"ApproximateFirstReceiveTimestamp": "1777896001000", "MessageGroupId": "k",
			"MessageDeduplicationId": "m1", "SequenceNumber": "01777896001000000000",
		},
		MessageAttributes: map[string]events.SQSMessageAttribute{
			"ce-id": word("m1"), "ce-source": word("/s"), "ce-type": word("click"),
			"content-type": word("application/json"), "tenant": word("a b"),
		},
		EventSourceARN: "arn:aws:sqs:eu-central-1:shop:clicks", EventSource: "aws:sqs", AWSRegion: "eu-central-1",
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got[1].Body != "/w==" || *got[1].MessageAttributes["content-encoding"].StringValue != "base64" {
		t.Errorf("bytes came as %q", got[1].Body)
	}
	if got[0].ReceiptHandle == got[1].ReceiptHandle || got[0].Md5OfMessageAttributes == "" {
		t.Errorf("handles %q and %q, sum %q", got[0].ReceiptHandle, got[1].ReceiptHandle, got[0].Md5OfMessageAttributes)
	}
	if got[1].Attributes["ApproximateReceiveCount"] != "1" || got[1].Attributes["MessageGroupId"] != "" {
		t.Errorf("attributes %v", got[1].Attributes)
	}
}

// TestSumOfAttributes holds the algorithm: with the type Number in place of String it gives
// 235c5c510d26fb653d073faed50ae77c, which is what SQS answers.
func TestSumOfAttributes(t *testing.T) {
	t.Parallel()
	r, err := envelope.Batch(lambdaFunction(queueTrigger(1)), "clicks", []envelope.Item{{ID: "e", Accepted: noon,
		Event: dayfly.Event{Extensions: map[string]string{"timestamp": "1493147359900"}}}})
	got := decodedAs[events.SQSEvent](t, body(t, r, err)).Records[0].Md5OfMessageAttributes
	if want := "421727302b4c6065ab1676449a136b07"; got != want {
		t.Errorf("sum %s, want %s", got, want)
	}
}

func TestOneMessageIsARecordToo(t *testing.T) {
	t.Parallel()
	r, err := envelope.Batch(lambdaFunction(queueTrigger(1)), "clicks",
		[]envelope.Item{{ID: "e1", Accepted: noon, Event: dayfly.Event{ID: "m", Source: "/s", Type: "t", Data: []byte("hi")}}})
	if got := decodedAs[events.SQSEvent](t, body(t, r, err)); len(got.Records) != 1 || got.Records[0].Body != "hi" {
		t.Errorf("%+v", got)
	}
}

func objectEvent(t *testing.T, kind string, data dayfly.ObjectData) *dayfly.Event {
	t.Helper()
	return &dayfly.Event{ID: "o1", Source: "/projects/shop/buckets/uploads", Type: kind, Subject: data.Key,
		Time: noon.Add(5 * time.Millisecond), ContentType: "application/json", Data: encoded(t, data)}
}

func TestObjectChangesAreS3Records(t *testing.T) {
	t.Parallel()
	rev := lambdaFunction(dayfly.Trigger{Name: "thumbs",
		Object: &dayfly.ObjectTrigger{Bucket: "uploads", Events: []string{"created"}}})
	r, err := envelope.Single(rev, "thumbs", objectEvent(t, dayfly.EventObjectCreated, dayfly.ObjectData{
		Bucket: "uploads", Key: "in/a b@ü+.png", Size: 0, ETag: "abc", VersionID: "v1", Sequencer: "0055AED6DCD90281E5",
		Action: "ObjectCreated:Put", RequestID: "R1", RemoteAddr: "192.0.2.1"}))
	text := body(t, r, err)
	got := decodedAs[events.S3Event](t, text).Records
	if len(got) != 1 {
		t.Fatalf("%d records", len(got))
	}
	want := events.S3EventRecord{
		EventVersion: "2.1", EventSource: "aws:s3", AWSRegion: "us-east-1", EventTime: noon.Add(5 * time.Millisecond),
		EventName: "ObjectCreated:Put", PrincipalID: events.S3UserIdentity{PrincipalID: "shop"},
		RequestParameters: events.S3RequestParameters{SourceIPAddress: "192.0.2.1"},
		ResponseElements:  map[string]string{"x-amz-request-id": "R1", "x-amz-id-2": "o1"},
		S3: events.S3Entity{
			SchemaVersion: "1.0", ConfigurationID: "thumbs",
			Bucket: events.S3Bucket{Name: "uploads", OwnerIdentity: events.S3UserIdentity{PrincipalID: "shop"},
				Arn: "arn:aws:s3:::uploads"},
			Object: events.S3Object{Key: "in/a+b%40%C3%BC%2B.png", URLDecodedKey: "in/a b@ü+.png", ETag: "abc",
				VersionID: "v1", Sequencer: "0055AED6DCD90281E5"},
		},
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if !strings.Contains(text, `"size":0`) || !strings.Contains(text, `"eventTime":"2026-05-04T12:00:00.005Z"`) {
		t.Errorf("an empty object has no size, or its time no milliseconds: %s", text)
	}
	r, err = envelope.Single(rev, "thumbs", objectEvent(t, dayfly.EventObjectRemoved, dayfly.ObjectData{
		Bucket: "uploads", Key: "x", Sequencer: "01", Action: "ObjectRemoved:Delete"}))
	if text := body(t, r, err); strings.Contains(text, "size") || strings.Contains(text, "eTag") {
		t.Errorf("a removal tells of what is gone: %s", text)
	}
}

func cronEvent(t *testing.T, trigger string) *dayfly.Event {
	t.Helper()
	return &dayfly.Event{ID: "c1", Source: "/projects/shop/functions/report", Type: dayfly.EventCron, Time: noon,
		ContentType: "application/json",
		Data:        encoded(t, dayfly.CronData{Cron: "0 12 * * *", ScheduledTime: noon, Trigger: trigger})}
}

func cronTriggers() []dayfly.Trigger {
	return []dayfly.Trigger{
		{Name: "noon", Cron: &dayfly.CronTrigger{Expression: "0 12 * * *"}},
		{Name: "told", Cron: &dayfly.CronTrigger{Expression: "0 12 * * *", Input: []byte(`{"kind":"daily"}`)}},
	}
}

func TestCronsAreScheduledEvents(t *testing.T) {
	t.Parallel()
	r, err := envelope.Single(lambdaFunction(cronTriggers()...), "noon", cronEvent(t, "noon"))
	got := decodedAs[events.CloudWatchEvent](t, body(t, r, err))
	want := events.CloudWatchEvent{Version: "0", ID: "c1", DetailType: "Scheduled Event", Source: "aws.events",
		AccountID: "shop", Time: noon, Region: "us-east-1",
		Resources: []string{"arn:aws:events:us-east-1:shop:rule/report-noon"}, Detail: json.RawMessage("{}")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	r, err = envelope.Single(lambdaFunction(cronTriggers()...), "told", cronEvent(t, "told"))
	if got := body(t, r, err); got != `{"kind":"daily"}` {
		t.Errorf("with an input: %s", got)
	}
}

func TestOtherEventsAreCloudEventsForLambdaHandlers(t *testing.T) {
	t.Parallel()
	value := encoded(t, dayfly.ValueData{Bucket: "sessions", Key: "u1", Version: 3, Value: []byte("v")})
	r, err := envelope.Single(lambdaFunction(), "", &dayfly.Event{ID: "v1", Source: "/projects/shop/kv/sessions",
		Type: dayfly.EventValuePut, Subject: "u1", Time: noon, ContentType: "application/json", Data: value})
	want := `{"specversion":"1.0","id":"v1","source":"/projects/shop/kv/sessions","type":"dev.dayfly.kv.put",` +
		`"subject":"u1","time":"2026-05-04T12:00:00Z","datacontenttype":"application/json",` +
		`"data":{"bucket":"sessions","key":"u1","version":3,"value":"dg=="}}`
	if got := body(t, r, err); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	r, err = envelope.Single(lambdaFunction(), "", &dayfly.Event{ID: "f1", Source: "/x", Type: dayfly.EventFailed,
		Data: []byte(`{"version":"1.0","requestPayload":{}}`)})
	if got := body(t, r, err); got != `{"version":"1.0","requestPayload":{}}` {
		t.Errorf("a destination's record came as %s", got)
	}
}

func TestFailuresOfABatch(t *testing.T) {
	t.Parallel()
	items := []envelope.Item{
		{ID: "e1", Event: dayfly.Event{ID: "m1"}}, {ID: "e2", Event: dayfly.Event{ID: "m2"}},
		{ID: "e3", Event: dayfly.Event{ID: "m2"}},
	}
	all := []int{0, 1, 2}
	for name, tt := range map[string]struct {
		status int
		body   string
		want   []int
		bad    bool
	}{
		"no body":                   {200, ``, nil, false},
		"null":                      {200, `null`, nil, false},
		"empty object":              {200, `{}`, nil, false},
		"text":                      {200, `"done"`, nil, false},
		"no JSON":                   {200, `done`, nil, false},
		"empty list":                {200, `{"batchItemFailures":[]}`, nil, false},
		"null list":                 {200, `{"batchItemFailures":null}`, nil, false},
		"one":                       {200, `{"batchItemFailures":[{"itemIdentifier":"e2"}]}`, []int{1}, false},
		"twice the same, any order": {200, `{"batchItemFailures":[{"itemIdentifier":"e3"},{"itemIdentifier":"e1"},{"itemIdentifier":"e3"}]}`, []int{0, 2}, false},
		"by the CloudEvent's id":    {200, `{"batchItemFailures":[{"itemIdentifier":"m1"}]}`, []int{0}, false},
		"an id of two":              {200, `{"batchItemFailures":[{"itemIdentifier":"m2"}]}`, []int{1, 2}, false},
		"partly":                    {207, `{"batchItemFailures":[{"itemIdentifier":"e1"}]}`, []int{0}, false},
		"unknown id":                {200, `{"batchItemFailures":[{"itemIdentifier":"x"}]}`, all, true},
		"empty id":                  {200, `{"batchItemFailures":[{"itemIdentifier":""}]}`, all, true},
		"null id":                   {200, `{"batchItemFailures":[{"itemIdentifier":null}]}`, all, true},
		"missing id":                {200, `{"batchItemFailures":[{"id":"e1"}]}`, all, true},
		"cut JSON":                  {200, `{"batchItemFailures":[`, all, true},
		"a number":                  {200, `{"batchItemFailures":5}`, all, true},
		"error status":              {500, `{"batchItemFailures":[]}`, all, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := envelope.Failures(lambdaFunction(queueTrigger(10)), items, tt.status, nil, []byte(tt.body))
			if (err != nil) != tt.bad {
				t.Errorf("error %v", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
