// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"encoding/json"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/envelope"
	"github.com/dayfly-faas/dayfly/internal/queue/work"
)

// ExtensionDepth is the attribute of a CloudEvent that counts the destinations between it
// and the event that began the chain. One that has more than 16 is refused.
const ExtensionDepth = "dayflydepth"

// record is AWS' record of an asynchronous invocation that ended.
type record struct {
	Version   string        `json:"version"`
	Timestamp string        `json:"timestamp"`
	Request   recordRequest `json:"requestContext"`
	Payload   any           `json:"requestPayload"`
	Response  *recordAnswer `json:"responseContext,omitempty"`
	Answer    any           `json:"responsePayload,omitempty"`
}

type recordRequest struct {
	RequestID string `json:"requestId"`
	Function  string `json:"functionArn"`
	Condition string `json:"condition"`
	Count     int    `json:"approximateInvokeCount"`
}

type recordAnswer struct {
	Status        int    `json:"statusCode"`
	Version       string `json:"executedVersion"`
	FunctionError string `json:"functionError,omitempty"`
}

// Event is the CloudEvent that tells how an event ended.
func Event(it *work.Entry, a *Answer, id dayfly.EventID) (*dayfly.Event, []byte) {
	kind, condition := dayfly.EventSucceeded, "Success"
	if it.Reason != "" {
		kind, condition = dayfly.EventFailed, "RetriesExhausted"
	}
	if it.Reason == dayfly.DeadAge {
		condition = "EventAgeExceeded"
	}
	told := record{Version: "1.0", Timestamp: it.Ended.UTC().Format("2006-01-02T15:04:05.000Z"),
		Request: recordRequest{RequestID: string(it.ID), Condition: condition, Count: it.Tries,
			Function: "arn:aws:lambda:local:000000000000:function:" + it.Function.String() + ":$LATEST"},
		Payload: payloadOf(it)}
	if a.Status != 0 {
		told.Response = &recordAnswer{Status: a.Status, Version: "$LATEST"}
		if a.Failure != nil {
			told.Response.FunctionError = "Unhandled"
		}
		if !a.Cut {
			told.Answer = jsonOrText(a.Body)
		}
	}
	return &dayfly.Event{ID: string(id), Type: kind, Subject: string(it.ID), Time: it.Ended,
		Source:      "/projects/" + string(it.Function.Project) + "/functions/" + string(it.Function.Name),
		ContentType: "application/json",
		Extensions:  map[string]string{ExtensionDepth: strconv.Itoa(it.Depth + 1)}}, told.encode()
}

// encode gives the record, without payloads that it has no room for.
func (o *record) encode() []byte {
	for range 3 {
		data, err := json.Marshal(o)
		if err == nil && len(data) <= work.BodyBytesMax {
			return data
		}
		if o.Answer != nil {
			o.Answer = nil
		} else {
			o.Payload = nil
		}
	}
	return nil
}

// payloadOf is what the function was given.
func payloadOf(it *work.Entry) any {
	if it.Event != nil {
		return json.RawMessage(envelope.WriteStructured(it.CloudEvent()))
	}
	return jsonOrText(it.Body)
}

// jsonOrText gives bytes as the JSON that they are, else as text, else in base64.
func jsonOrText(b []byte) any {
	switch {
	case len(b) == 0:
		return nil
	case json.Valid(b):
		return json.RawMessage(b)
	case utf8.Valid(b):
		return string(b)
	}
	return b
}

// Depth reads how many destinations an event has passed.
func Depth(e *dayfly.Event) int {
	n, err := strconv.Atoi(e.Extensions[ExtensionDepth])
	if err != nil {
		return 0
	}
	return max(0, n)
}

// CallbackHeader is what OpenFaaS' gateway sends with a callback.
func CallbackHeader(it *work.Entry, a *Answer) http.Header {
	h := http.Header{}
	if t := a.Header.Get("Content-Type"); t != "" {
		h.Set("Content-Type", t)
	}
	status := a.Status
	if status == 0 {
		status = dayfly.KindOf(a.Err).HTTPStatus()
	}
	h.Set("X-Call-Id", string(it.ID))
	h.Set("X-Duration-Seconds", strconv.FormatFloat(a.Took.Seconds(), 'f', 6, 64))
	h.Set("X-Start-Time", strconv.FormatInt(a.Start.UnixNano(), 10))
	h.Set("X-Function-Status", strconv.Itoa(status))
	h.Set("X-Function-Name", it.Function.String())
	return h
}

// Destination is who is to be told of that end of an event, or nil.
func Destination(rev *dayfly.Revision, state dayfly.EventState) *dayfly.Destination {
	switch {
	case rev == nil:
		return nil
	case state == dayfly.EventDone:
		return rev.Spec.Destinations.OnSuccess
	}
	return rev.Spec.Destinations.OnFailure
}

// NameOf says in words where a destination is.
func NameOf(to dayfly.Destination) string {
	switch {
	case to.Function != "":
		return "function " + string(to.Function)
	case to.Queue != "":
		return "queue " + string(to.Queue)
	}
	return to.URL
}
