// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// Item is one message of a queue and what is known of its delivery.
type Item struct {
	Event    dayfly.Event
	ID       dayfly.EventID // what Failures and the function know it by
	Receives int            // which delivery this is: 1, 2, 3 …
	Accepted time.Time
}

// Single gives the request by which rev gets one event that came from no queue: of a
// cron, an object, a value, a destination. Trigger is what caused it, or empty.
func Single(
	rev *dayfly.Revision, trigger dayfly.TriggerName, e *dayfly.Event,
) (dayfly.Request, error) {
	switch {
	case takesLambdaEvents(rev):
		body, err := lambdaEvent(rev, trigger, e)
		return bare(rev, body), err
	case rev.Spec.Dialect == dayfly.DialectOpenWhisk:
		return bare(rev, whiskParams(rev, e)), nil
	case e.Type == dayfly.EventCron && rev.Spec.Dialect == dayfly.DialectVercel:
		return At(rev, trigger, vercelCron(rev, e)), nil
	case e.Type == dayfly.EventCron && rev.Spec.Dialect == dayfly.DialectNetlify:
		return At(rev, trigger, netlifyCron(rev, e)), nil
	}
	return At(rev, trigger, binaryRequest(rev, withInput(rev, e))), nil
}

// At sends a request that a trigger caused to the trigger's path, if it has one.
func At(rev *dayfly.Revision, name dayfly.TriggerName, r dayfly.Request) dayfly.Request {
	for i := range rev.Spec.Triggers {
		if t := &rev.Spec.Triggers[i]; t.Name == name && t.Path != "" {
			r.Path = t.Path
		}
	}
	return r
}

// Batch gives the request by which rev gets messages of a queue, also when it is but
// one, through the queue trigger of that name. Handlers of Lambda events get SQS
// records, workers their batch; others a list of CloudEvents, or the one CloudEvent as
// it is when the trigger takes one at a time.
func Batch(
	rev *dayfly.Revision, trigger dayfly.TriggerName, items []Item,
) (dayfly.Request, error) {
	if len(items) == 0 {
		return dayfly.Request{}, bad("a batch without events")
	}
	queue := queueOf(rev, trigger)
	isOne := queue.Batch <= 1 && len(items) == 1
	switch {
	case takesLambdaEvents(rev):
		return bare(rev, sqsRecords(rev, queue.Queue, items)), nil
	case rev.Spec.Dialect == dayfly.DialectFetch:
		body := workerBatch(queue.Queue, items)
		return At(rev, trigger, workerRequest(rev, queue.Queue, items, body)), nil
	case rev.Spec.Dialect == dayfly.DialectOpenWhisk && isOne:
		return bare(rev, WriteStructured(&items[0].Event)), nil
	case rev.Spec.Dialect == dayfly.DialectOpenWhisk:
		return bare(rev, slices.Concat([]byte(`{"messages":`), listOf(items), []byte(`}`))), nil
	case isOne:
		return At(rev, trigger, binaryRequest(rev, &items[0].Event)), nil
	}
	header := http.Header{headerContent: {TypeBatch + "; charset=UTF-8"}}
	return At(rev, trigger, posted(rev, header, listOf(items))), nil
}

func takesLambdaEvents(rev *dayfly.Revision) bool {
	return rev.Spec.Contract == dayfly.ContractLambda || rev.Spec.Dialect == dayfly.DialectLambda
}

// queueOf gives the settings of the queue trigger; a trigger that is gone has the name
// as its queue's.
func queueOf(rev *dayfly.Revision, name dayfly.TriggerName) dayfly.QueueTrigger {
	for i := range rev.Spec.Triggers {
		if t := &rev.Spec.Triggers[i]; t.Name == name && t.Queue != nil {
			return *t.Queue
		}
	}
	return dayfly.QueueTrigger{Queue: dayfly.QueueName(name), Batch: 1}
}

func listOf(items []Item) []byte {
	size := 2
	for i := range items {
		size += 256 + len(items[i].Event.Data)*3/2
	}
	out := append(make([]byte, 0, size), '[')
	for i := range items {
		if i > 0 {
			out = append(out, ',')
		}
		out = AppendStructured(out, &items[i].Event)
	}
	return append(out, ']')
}

// bare is the request that is an event and nothing else.
func bare(rev *dayfly.Revision, body []byte) dayfly.Request {
	r := posted(rev, http.Header{headerContent: {typeJSON}}, body)
	r.Kind = dayfly.RequestEvent
	return r
}

// binaryRequest is the request that carries an event in CloudEvents' binary mode.
func binaryRequest(rev *dayfly.Revision, e *dayfly.Event) dayfly.Request {
	header := make(http.Header, 8+len(e.Extensions))
	r := posted(rev, header, WriteBinary(header, e))
	r.TraceParent = e.Extensions["traceparent"]
	return r
}

func posted(rev *dayfly.Revision, header http.Header, body []byte) dayfly.Request {
	return dayfly.Request{
		Kind: dayfly.RequestHTTP, Method: http.MethodPost, Path: "/",
		Host: string(rev.Function.Name) + ".localhost", Proto: "HTTP/1.1", Scheme: "http",
		RemoteAddr: "127.0.0.1", Header: header,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}
