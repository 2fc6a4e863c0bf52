// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"cmp"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly"
)

// attributeEncoding names the message attribute that tells a body which SQS could not
// carry as it is: "base64".
const attributeEncoding = "content-encoding"

// recordBytes is about what a record takes beside its body.
const recordBytes = 1200

// attribute is one message attribute, a text as all of ours are.
type attribute struct{ name, value string }

// sqsRecords is what Lambda functions get of an SQS queue. It is written by hand: a batch
// of many small messages costs little else.
func sqsRecords(rev *dayfly.Revision, queue dayfly.QueueName, items []Item) []byte {
	size := 16
	for i := range items {
		size += recordBytes + len(items[i].Event.Data)*5/4
	}
	tail := appendMember(nil, `,"eventSource":"aws:sqs","eventSourceARN":`, arn(rev, "sqs", string(queue)))
	tail = append(appendMember(tail, `,"awsRegion":`, region(rev)), '}')
	out := append(make([]byte, 0, size), `{"Records":[`...)
	var scratch []byte
	for i := range items {
		if i > 0 {
			out = append(out, ',')
		}
		out, scratch = appendRecord(out, scratch, rev, &items[i])
		out = append(out, tail...)
	}
	return append(out, `]}`...)
}

// appendRecord adds all of a record but its end, which is the same for all. Scratch is
// memory that is used again.
func appendRecord(out, scratch []byte, rev *dayfly.Revision, item *Item) (_, _ []byte) {
	list := messageAttributes(&item.Event)
	body := item.Event.Data
	if !utf8.Valid(body) {
		body = base64.StdEncoding.AppendEncode(nil, body)
		list = append(list, attribute{attributeEncoding, "base64"})
	}
	slices.SortFunc(list, func(a, b attribute) int { return cmp.Compare(a.name, b.name) })
	out = appendText(append(out, `{"messageId":`...), string(item.ID))
	out = appendText(append(out, `,"receiptHandle":`...), receipt(item))
	out = appendText(append(out, `,"body":`...), string(body))
	out = appendSystem(out, rev, item)
	out = append(out, `,"messageAttributes":{`...)
	for i, a := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendText(append(appendText(out, a.name), `:{"stringValue":`...), a.value)
		out = append(out, `,"stringListValues":[],"binaryListValues":[],"dataType":"String"}`...)
	}
	out = append(out, `},"md5OfBody":"`...)
	sum := md5.Sum(body)
	out = append(hex.AppendEncode(out, sum[:]), '"')
	if len(list) > 0 {
		scratch = sized(scratch[:0], list)
		sum = md5.Sum(scratch)
		out = append(out, `,"md5OfMessageAttributes":"`...)
		out = append(hex.AppendEncode(out, sum[:]), '"')
	}
	return out, scratch
}

// receipt is opaque, and another one for each delivery.
func receipt(item *Item) string {
	return base64.StdEncoding.EncodeToString(
		[]byte(string(item.ID) + "/" + strconv.Itoa(max(1, item.Receives))))
}

// appendSystem adds the attributes that SQS itself gives a message.
func appendSystem(out []byte, rev *dayfly.Revision, item *Item) []byte {
	sent := item.Event.Time
	if sent.IsZero() {
		sent = item.Accepted
	}
	out = append(out, `,"attributes":{"ApproximateReceiveCount":"`...)
	out = strconv.AppendInt(out, int64(max(1, item.Receives)), 10)
	out = appendMillis(append(out, `","SentTimestamp":"`...), sent)
	out = appendMillis(append(out, `","ApproximateFirstReceiveTimestamp":"`...), item.Accepted)
	out = appendText(append(out, `","SenderId":`...), string(rev.Function.Project))
	if key := item.Event.Extensions[dayfly.ExtensionKey]; key != "" {
		out = appendMember(out, `,"MessageGroupId":`, key)
		out = appendMember(out, `,"MessageDeduplicationId":`, item.Event.ID)
		out = appendMember(out, `,"SequenceNumber":`, sequence(item))
	}
	return append(out, '}')
}

func appendMillis(out []byte, t time.Time) []byte { return strconv.AppendInt(out, t.UnixMilli(), 10) }

// sequence is a number of twenty digits that grows with the time of acceptance.
func sequence(item *Item) string {
	text := strconv.FormatInt(max(0, item.Accepted.UnixNano()), 10)
	return "00000000000000000000"[:max(0, 20-len(text))] + text
}

// messageAttributes are the attributes of the event that SQS has no other place for: the
// extensions by their names, the others as they are named in HTTP headers.
func messageAttributes(e *dayfly.Event) []attribute {
	list := make([]attribute, 0, 6+len(e.Extensions))
	for _, a := range [...]attribute{
		{"ce-id", e.ID}, {"ce-source", e.Source}, {"ce-type", e.Type}, {"ce-subject", e.Subject},
		{"content-type", e.ContentType},
	} {
		if a.value != "" {
			list = append(list, a)
		}
	}
	for name, value := range e.Extensions {
		if name != dayfly.ExtensionKey {
			list = append(list, attribute{name, value})
		}
	}
	return list
}

// sized is what SQS sums up of message attributes, which are in order: name, type and
// value of each with their lengths in front, and 1 for a value that is text.
func sized(out []byte, list []attribute) []byte {
	const kind = "String"
	for _, a := range list {
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(a.name))), a.name...)
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(kind))), kind...)
		out = append(out, 1)
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(a.value))), a.value...)
	}
	return out
}
