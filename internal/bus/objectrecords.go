// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// SubjectObjects is the prefix of the subjects of StreamObjects.
const SubjectObjects = "objects"

// ObjectRecords is the configuration of the stream of objects' records. Who writes a new
// record of a subject removes the one before: what a limit per subject removes comes back
// after kill -9 when the record that took its place is removed too.
func ObjectRecords() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:       StreamObjects,
		Subjects:   []string{SubjectObjects + ".>"},
		Storage:    jetstream.FileStorage,
		Retention:  jetstream.LimitsPolicy,
		Discard:    jetstream.DiscardNew,
		MaxMsgSize: MessageBytesMax,
		// No record has an identity to be told apart by; a start would look for them.
		Duplicates:  time.Second,
		AllowDirect: true,
	}
}
