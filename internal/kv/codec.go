// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

// Headers of a record; docs/formats/values.md describes them. They are written as they
// stand here: the bus does not change their case.
const (
	headerOp      = "Op"  // absent: put
	headerType    = "Ct"  // content type of the value
	headerExpires = "Exp" // Unix time in milliseconds
	headerOwed    = "Owe" // "1": its event must be told
)

// operation is what a record did.
type operation string

const (
	opPut     operation = ""
	opDeleted operation = "D"
	opExpired operation = "X"
)

const upperHex = "0123456789ABCDEF"

// subjectOf gives the subject of a value: each byte of the key that is no ASCII letter,
// digit, dash or underscore becomes "=XX", so that any key is one token.
func subjectOf(ref Ref) (string, error) {
	if err := checkBucket(ref.Project, ref.Bucket); err != nil {
		return "", err
	}
	if err := checkKey(ref.Key); err != nil {
		return "", err
	}
	var b strings.Builder
	b.Grow(len(bus.SubjectValues) + len(ref.Project) + len(ref.Bucket) + len(ref.Key) + 3)
	b.WriteString(subjectPrefix(ref.Project, ref.Bucket))
	for i := range len(ref.Key) {
		if c := ref.Key[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'=', upperHex[c>>4], upperHex[c&15]})
		}
	}
	return b.String(), nil
}

func subjectPrefix(p dayfly.ProjectName, b dayfly.BucketName) string {
	return bus.SubjectValues + "." + string(p) + "." + string(b) + "."
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '_'
}

func checkBucket(p dayfly.ProjectName, b dayfly.BucketName) error {
	if err := dayfly.ValidateName("project", string(p)); err != nil {
		return err
	}
	return dayfly.ValidateName("bucket", string(b))
}

func checkKey(key string) error {
	switch {
	case key == "":
		return dayfly.Errorf(dayfly.KindInvalid, "the key is empty")
	case len(key) > KeyBytesMax:
		return dayfly.Errorf(dayfly.KindInvalid, "the key has %d bytes, at most %d are allowed",
			len(key), KeyBytesMax)
	case !utf8.ValidString(key):
		return dayfly.Errorf(dayfly.KindInvalid, "the key %q is not UTF-8", key)
	}
	return nil
}

// parseSubject is the inverse of subjectOf.
func parseSubject(subject string) (Ref, bool) {
	part := strings.Split(subject, ".")
	if len(part) != 4 || part[0] != bus.SubjectValues {
		return Ref{}, false
	}
	ref := Ref{Project: dayfly.ProjectName(part[1]), Bucket: dayfly.BucketName(part[2]), Key: part[3]}
	if !strings.Contains(ref.Key, "=") {
		return ref, ref.Key != ""
	}
	key := make([]byte, 0, len(ref.Key))
	for text := ref.Key; text != ""; {
		if text[0] != '=' {
			key, text = append(key, text[0]), text[1:]
			continue
		}
		if len(text) < 3 {
			return Ref{}, false
		}
		c, err := hex.DecodeString(text[1:3])
		if err != nil {
			return Ref{}, false
		}
		key, text = append(key, c[0]), text[3:]
	}
	ref.Key = string(key)
	return ref, true
}

// record is what a message says beside the value.
type record struct {
	op          operation
	contentType string
	expires     int64 // Unix milliseconds; 0: never
	owed        bool
}

// message gives the message that records a change.
func (r record) message(subject string, value []byte) *nats.Msg {
	m := &nats.Msg{Subject: subject, Data: value, Header: make(nats.Header, 5)}
	m.Header[jetstream.MsgRollup] = []string{jetstream.MsgRollupSubject}
	if r.op != opPut {
		m.Header[headerOp] = []string{string(r.op)}
	}
	if r.contentType != "" {
		m.Header[headerType] = []string{r.contentType}
	}
	if r.expires != 0 {
		m.Header[headerExpires] = []string{strconv.FormatInt(r.expires, 10)}
	}
	if r.owed {
		m.Header[headerOwed] = []string{"1"}
	}
	return m
}

// decode reads the headers of a record.
func decode(h nats.Header) record {
	expires, _ := strconv.ParseInt(one(h, headerExpires), 10, 64) // ours: a number, or absent
	return record{op: operation(one(h, headerOp)), contentType: one(h, headerType),
		expires: expires, owed: one(h, headerOwed) == "1"}
}

func one(h nats.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (r record) expired(now time.Time) bool {
	return r.expires != 0 && r.expires <= now.UnixMilli()
}

func (r record) value(key string, msg *jetstream.RawStreamMsg) Value {
	return Value{Key: key, Version: msg.Sequence, Data: msg.Data, ContentType: r.contentType,
		Modified: msg.Time.UTC(), Expires: instant(r.expires), Bytes: len(msg.Data)}
}

// instant gives a stored time; zero stays zero.
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
