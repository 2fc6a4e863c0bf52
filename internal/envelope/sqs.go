// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly"
)

// sqsRecord is one record of what Lambda functions get of an SQS queue.
type sqsRecord struct {
	MessageID     string                  `json:"messageId"`
	ReceiptHandle string                  `json:"receiptHandle"`
	Body          string                  `json:"body"`
	Attributes    map[string]string       `json:"attributes"`
	Message       map[string]sqsAttribute `json:"messageAttributes"`
	MD5           string                  `json:"md5OfBody"`
	MD5Attributes string                  `json:"md5OfMessageAttributes,omitempty"`
	EventSource   string                  `json:"eventSource"`
	SourceARN     string                  `json:"eventSourceARN"`
	Region        string                  `json:"awsRegion"`
}

type sqsAttribute struct {
	Value   string   `json:"stringValue"`
	Strings []string `json:"stringListValues"`
	Bytes   []string `json:"binaryListValues"`
	Type    string   `json:"dataType"`
}

// attributeEncoding names the message attribute that tells a body which SQS could not
// carry as it is: "base64".
const attributeEncoding = "content-encoding"

func sqsRecords(
	rev *dayfly.Revision, queue dayfly.QueueName, items []Item,
) ([]byte, error) {
	source, region := arn(rev, "sqs", string(queue)), region(rev)
	records := make([]sqsRecord, len(items))
	for i := range items {
		item := &items[i]
		e := &item.Event
		extra := messageAttributes(e)
		body := string(e.Data)
		if !utf8.Valid(e.Data) {
			body = base64.StdEncoding.EncodeToString(e.Data)
			extra[attributeEncoding] = stringAttribute("base64")
		}
		records[i] = sqsRecord{
			MessageID: string(item.ID), ReceiptHandle: receipt(item), Body: body,
			Attributes: systemAttributes(rev, item), Message: extra, MD5: md5Hex(body),
			MD5Attributes: md5OfAttributes(extra), EventSource: "aws:sqs", SourceARN: source,
			Region: region,
		}
	}
	return encode(map[string][]sqsRecord{"Records": records})
}

// receipt is opaque, and another one for each delivery.
func receipt(item *Item) string {
	return base64.StdEncoding.EncodeToString(
		[]byte(string(item.ID) + "/" + strconv.Itoa(max(1, item.Receives))))
}

func systemAttributes(rev *dayfly.Revision, item *Item) map[string]string {
	sent := item.Event.Time
	if sent.IsZero() {
		sent = item.Accepted
	}
	list := map[string]string{
		"ApproximateReceiveCount":          strconv.Itoa(max(1, item.Receives)),
		"SentTimestamp":                    unixMillis(sent),
		"SenderId":                         string(rev.Function.Project),
		"ApproximateFirstReceiveTimestamp": unixMillis(item.Accepted),
	}
	if key := item.Event.Extensions[dayfly.ExtensionKey]; key != "" {
		list["MessageGroupId"] = key
		list["MessageDeduplicationId"] = item.Event.ID
		list["SequenceNumber"] = sequence(item)
	}
	return list
}

// sequence is a number of twenty digits that grows with the time of acceptance.
func sequence(item *Item) string {
	text := strconv.FormatInt(max(0, item.Accepted.UnixNano()), 10)
	return "00000000000000000000"[:max(0, 20-len(text))] + text
}

// messageAttributes are the attributes of the event that SQS has no other place for: the
// extensions by their names, the others as they are named in HTTP headers.
func messageAttributes(e *dayfly.Event) map[string]sqsAttribute {
	list := make(map[string]sqsAttribute, 6+len(e.Extensions))
	for name, value := range map[string]string{
		"ce-id": e.ID, "ce-source": e.Source, "ce-type": e.Type, "ce-subject": e.Subject,
		"content-type": e.ContentType,
	} {
		if value != "" {
			list[name] = stringAttribute(value)
		}
	}
	for name, value := range e.Extensions {
		if name != dayfly.ExtensionKey {
			list[name] = stringAttribute(value)
		}
	}
	return list
}

func stringAttribute(value string) sqsAttribute {
	return sqsAttribute{Value: value, Strings: []string{}, Bytes: []string{}, Type: "String"}
}

func md5Hex(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// md5OfAttributes is SQS's: over name, type and value of each, by name, with lengths in
// front, and 1 for a value that is text.
func md5OfAttributes(list map[string]sqsAttribute) string {
	if len(list) == 0 {
		return ""
	}
	sum := md5.New()
	for _, name := range sortedNames(list) {
		writeSized(sum, name)
		writeSized(sum, list[name].Type)
		_, _ = sum.Write([]byte{1})
		writeSized(sum, list[name].Value)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func writeSized(sum hash.Hash, text string) {
	var size [4]byte
	binary.BigEndian.PutUint32(size[:], uint32(len(text)))
	_, _ = sum.Write(size[:])
	_, _ = io.WriteString(sum, text)
}
