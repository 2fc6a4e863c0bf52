// SPDX-License-Identifier: Apache-2.0

package bus

import "github.com/nats-io/nats.go/jetstream"

// SubjectObjects is the prefix of the subjects of StreamObjects.
const SubjectObjects = "objects"

// ObjectRecords is the configuration of the stream of objects' records: the last record
// of each subject is kept, for as long as the object is.
func ObjectRecords() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              StreamObjects,
		Subjects:          []string{SubjectObjects + ".>"},
		Storage:           jetstream.FileStorage,
		Retention:         jetstream.LimitsPolicy,
		Discard:           jetstream.DiscardNew,
		MaxMsgsPerSubject: 1,
		MaxMsgSize:        MessageBytesMax,
		AllowDirect:       true,
	}
}
