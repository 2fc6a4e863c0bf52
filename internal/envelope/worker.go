// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly"
)

// workerRequest is how a batch reaches a worker: as one CloudEvent whose data is the
// batch. Its guest makes of it what a queue handler takes.
func workerRequest(
	rev *dayfly.Revision, queue dayfly.QueueName, items []Item, body []byte,
) dayfly.Request {
	return binaryRequest(rev, &dayfly.Event{
		ID: string(items[0].ID), Source: "/projects/" + string(rev.Function.Project) +
			"/queues/" + string(queue),
		Type: dayfly.EventQueueBatch, Time: items[0].Accepted, ContentType: typeJSON, Data: body,
	})
}

// workerBatch is the data of an EventQueueBatch:
//
//	{"queue":"clicks","messages":[{"id","timestamp","attempts","type","source","subject",
//	 "key","contentType","body" or "bodyBase64"}]}
func workerBatch(queue dayfly.QueueName, items []Item) []byte {
	out := appendText([]byte(`{"queue":`), string(queue))
	out = append(out, `,"messages":[`...)
	for i := range items {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendMessage(out, &items[i])
	}
	return append(out, `]}`...)
}

func appendMessage(out []byte, item *Item) []byte {
	e := &item.Event
	out = appendMember(out, `{"id":`, string(item.ID))
	out = appendMember(out, `,"timestamp":`, item.Accepted.UTC().Format(time.RFC3339Nano))
	out = append(out, `,"attempts":`...)
	out = strconv.AppendInt(out, int64(max(1, item.Receives)), 10)
	out = appendMember(out, `,"type":`, e.Type)
	out = appendMember(out, `,"source":`, e.Source)
	out = appendMember(out, `,"subject":`, e.Subject)
	out = appendMember(out, `,"key":`, e.Extensions[dayfly.ExtensionKey])
	out = appendMember(out, `,"contentType":`, e.ContentType)
	switch {
	case isJSON(e.ContentType) && utf8.Valid(e.Data) && json.Valid(e.Data):
		out = append(out, `,"body":`...)
		out = append(out, e.Data...)
	case utf8.Valid(e.Data):
		out = append(out, `,"body":`...)
		out = appendText(out, string(e.Data))
	default:
		out = append(out, `,"bodyBase64":"`...)
		out = base64.StdEncoding.AppendEncode(out, e.Data)
		out = append(out, '"')
	}
	return append(out, '}')
}

// appendMember adds a member whose name comes with what stands before it; an empty one
// is left out.
func appendMember(out []byte, before, value string) []byte {
	if value == "" {
		return out
	}
	return appendText(append(out, before...), value)
}
