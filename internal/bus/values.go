// SPDX-License-Identifier: Apache-2.0

package bus

import "github.com/nats-io/nats.go/jetstream"

const (
	// SubjectValues is the prefix of the subjects of StreamValues that hold values:
	// values.PROJECT.BUCKET.KEY.
	SubjectValues = "values"
	// SubjectValuesFloor holds how far the changes of values were told of.
	SubjectValuesFloor = "values.floor"
)

// ValueStream is the configuration of the stream of key-value records. Each message rolls
// up its subject, so that it is the only one of it: what a limit per subject removes comes
// back after kill -9 when the newer message is removed too. It has no bound of its own,
// which the server would set aside at once: package kv counts what it holds.
func ValueStream() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        StreamValues,
		Subjects:    []string{SubjectValues + ".>"},
		Storage:     jetstream.FileStorage,
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		MaxBytes:    -1,
		AllowRollup: true,
		MaxMsgSize:  MessageBytesMax,
		AllowDirect: true,
	}
}
