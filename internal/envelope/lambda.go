// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

const (
	regionDefault = "us-east-1" // what functions are told when they say nothing
	millis        = "2006-01-02T15:04:05.000Z"
	seconds       = "2006-01-02T15:04:05Z"
)

// lambdaEvent is an event as AWS sends its like to a Lambda function; one that has no
// like there is a CloudEvent, as one JSON object.
func lambdaEvent(rev *dayfly.Revision, trigger dayfly.TriggerName, e *dayfly.Event) ([]byte, error) {
	switch e.Type {
	case dayfly.EventCron:
		return scheduledEvent(rev, e)
	case dayfly.EventObjectCreated, dayfly.EventObjectRemoved:
		return s3Records(s3Told{project: rev.Function.Project, region: region(rev),
			configuration: objectTrigger(rev, trigger)}, e)
	case dayfly.EventSucceeded, dayfly.EventFailed:
		return e.Data, nil // a destination's record is AWS's own
	}
	return WriteStructured(e), nil
}

func region(rev *dayfly.Revision) string {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if r := rev.Spec.Env[name]; r != "" {
			return r
		}
	}
	return regionDefault
}

// arn names something of a function's project; the project stands where AWS has the
// account.
func arn(rev *dayfly.Revision, service, what string) string {
	return "arn:aws:" + service + ":" + region(rev) + ":" + string(rev.Function.Project) + ":" + what
}

// inputOf gives what a cron's event is replaced by, if it is; data is what it says when
// it is not.
func inputOf(rev *dayfly.Revision, e *dayfly.Event) (data dayfly.CronData, input []byte) {
	if e.Type != dayfly.EventCron {
		return data, nil
	}
	if err := json.Unmarshal(e.Data, &data); err != nil || data.ScheduledTime.IsZero() {
		data.ScheduledTime = e.Time
	}
	for i := range rev.Spec.Triggers {
		t := &rev.Spec.Triggers[i]
		if t.Cron != nil && string(t.Name) == data.Trigger && len(t.Cron.Input) > 0 {
			return data, t.Cron.Input
		}
	}
	return data, nil
}

// withInput gives e with the input of its cron as its data, when there is one. Workers
// need the cron as well: theirs has the input beside it.
func withInput(rev *dayfly.Revision, e *dayfly.Event) *dayfly.Event {
	data, input := inputOf(rev, e)
	if input == nil {
		return e
	}
	other := *e
	other.Data, other.ContentType = input, typeJSON
	if rev.Spec.Dialect == dayfly.DialectFetch {
		both, err := json.Marshal(struct {
			dayfly.CronData
			Input json.RawMessage `json:"input"`
		}{data, input})
		if err == nil { // else the input is no JSON, which no spec has
			other.Data = both
		}
	}
	return &other
}

// whiskParams are the parameters of an OpenWhisk action: the input of a cron when it is
// an object, else the CloudEvent.
func whiskParams(rev *dayfly.Revision, e *dayfly.Event) []byte {
	if _, input := inputOf(rev, e); len(input) > 0 && input[0] == '{' {
		return input
	}
	return WriteStructured(withInput(rev, e))
}

// scheduled is EventBridge's scheduled event.
type scheduled struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       string          `json:"time"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

func scheduledEvent(rev *dayfly.Revision, e *dayfly.Event) ([]byte, error) {
	data, input := inputOf(rev, e)
	if input != nil {
		return input, nil
	}
	rule := string(rev.Function.Name) + "-" + data.Trigger
	return encode(scheduled{
		Version: "0", ID: e.ID, DetailType: "Scheduled Event", Source: "aws.events",
		Account: string(rev.Function.Project), Time: data.ScheduledTime.UTC().Format(seconds),
		Region: region(rev), Resources: []string{arn(rev, "events", "rule/"+rule)},
		Detail: json.RawMessage("{}"),
	})
}

// s3Record is one record of S3's notifications.
type s3Record struct {
	Version    string            `json:"eventVersion"`
	Source     string            `json:"eventSource"`
	Region     string            `json:"awsRegion"`
	Time       string            `json:"eventTime"`
	Name       string            `json:"eventName"`
	User       principal         `json:"userIdentity"`
	Parameters map[string]string `json:"requestParameters"`
	Response   map[string]string `json:"responseElements"`
	S3         s3Entity          `json:"s3"`
}

type principal struct {
	ID string `json:"principalId"`
}

type s3Entity struct {
	Version       string   `json:"s3SchemaVersion"`
	Configuration string   `json:"configurationId"`
	Bucket        s3Bucket `json:"bucket"`
	Object        s3Object `json:"object"`
}

type s3Bucket struct {
	Name  string    `json:"name"`
	Owner principal `json:"ownerIdentity"`
	ARN   string    `json:"arn"`
}

type s3Object struct {
	Key       string `json:"key"`
	Size      *int64 `json:"size,omitempty"` // of what is there; nothing is after a removal
	ETag      string `json:"eTag,omitempty"`
	VersionID string `json:"versionId,omitempty"`
	Sequencer string `json:"sequencer"`
}

// s3Told is what a record says of whom it is for.
type s3Told struct {
	project       dayfly.ProjectName
	region        string
	configuration string
}

// ObjectRecords gives an object's event in S3's own shape, as it is told to no function:
// put onto a queue by a bucket's notification configuration of that id.
func ObjectRecords(project dayfly.ProjectName, configuration string, e *dayfly.Event) ([]byte, error) {
	return s3Records(s3Told{project, regionDefault, configuration}, e)
}

func s3Records(to s3Told, e *dayfly.Event) ([]byte, error) {
	var data dayfly.ObjectData
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return nil, fmt.Errorf("read data of event %s: %w", e.ID, err)
	}
	owner := principal{ID: string(to.project)}
	object := s3Object{Key: escapeKey(data.Key), ETag: data.ETag, VersionID: data.VersionID,
		Sequencer: data.Sequencer}
	if e.Type == dayfly.EventObjectCreated {
		object.Size = &data.Size
	}
	record := s3Record{
		Version: "2.1", Source: "aws:s3", Region: to.region, Time: e.Time.UTC().Format(millis),
		Name: data.Action, User: owner,
		Parameters: map[string]string{"sourceIPAddress": data.RemoteAddr},
		Response:   map[string]string{"x-amz-request-id": data.RequestID, "x-amz-id-2": e.ID},
		S3: s3Entity{
			Version: "1.0", Configuration: to.configuration,
			Bucket: s3Bucket{Name: data.Bucket, Owner: owner, ARN: "arn:aws:s3:::" + data.Bucket},
			Object: object,
		},
	}
	return encode(map[string][]s3Record{"Records": {record}})
}

// escapeKey spells a key as S3's notifications do: as in a query, but for the slashes.
func escapeKey(key string) string {
	return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/")
}

// objectTrigger names what listens to the bucket: the id of the bucket's configuration, or
// the trigger.
func objectTrigger(rev *dayfly.Revision, trigger dayfly.TriggerName) string {
	for i := range rev.Spec.Triggers {
		if t := &rev.Spec.Triggers[i]; t.Name == trigger && t.Object != nil && t.Object.Configuration != "" {
			return t.Object.Configuration
		}
	}
	if trigger == "" {
		return string(rev.Function.Name)
	}
	return string(trigger)
}

func encode(v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	return body, nil
}
