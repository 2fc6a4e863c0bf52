// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Bounds of the streams of events that are executed.
const (
	// workBytesMax is what may wait to be executed, of all functions together: eight
	// million events of a kilobyte. Past it pushing is refused.
	workBytesMax = 8 << 30
	// workDuplicates is how long the identity of a copied event is remembered. A copier
	// that crashed repeats what it did in its last moments; at 20,000 a second this
	// is 400,000 identities, some 60 MB.
	workDuplicates = 20 * time.Second
	// laterBytesMax and LaterMessagesMax bound what waits for its time. Each is known
	// in memory too, with some 200 bytes.
	laterBytesMax    = 2 << 30
	LaterMessagesMax = 200_000
	// laterSlack is what LATER holds beyond, so that the next attempt of an event that
	// it holds has room beside the one that it replaces.
	laterSlack = 16_384
	// deadBytesMax, deadMessagesMax and deadAge bound dead letters; the oldest go.
	deadBytesMax    = 1 << 30
	deadMessagesMax = 200_000
	deadAge         = 14 * 24 * time.Hour
)

// WorkStream is the configuration of the stream of events to execute; each of its
// subjects, a lane, holds at most so many. An acknowledged message is gone.
func WorkStream(laneMessagesMax int64) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:                 StreamWork,
		Subjects:             []string{SubjectWork + ".>"},
		Storage:              jetstream.FileStorage,
		Retention:            jetstream.WorkQueuePolicy,
		Discard:              jetstream.DiscardNew,
		DiscardNewPerSubject: true,
		MaxMsgsPerSubject:    laneMessagesMax,
		MaxBytes:             workBytesMax,
		Duplicates:           workDuplicates,
		AllowDirect:          true,
	}
}

// LaterStream is the configuration of the stream of events whose time is still to
// come. A message rolls up its subject, and so takes the place of the one before it: what
// a limit per subject removes comes back after kill -9 when the newer message is
// removed too.
func LaterStream() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        StreamLater,
		Subjects:    []string{SubjectLater + ".>"},
		Storage:     jetstream.FileStorage,
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		AllowRollup: true,
		MaxMsgs:     LaterMessagesMax + laterSlack,
		MaxBytes:    laterBytesMax,
		AllowDirect: true,
	}
}

// DeadStream is the configuration of the stream of dead letters. A message rolls up its
// subject, as in LATER.
func DeadStream() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        StreamDead,
		Subjects:    []string{SubjectDead + ".>"},
		Storage:     jetstream.FileStorage,
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		AllowRollup: true,
		MaxMsgs:     deadMessagesMax,
		MaxBytes:    deadBytesMax,
		MaxAge:      deadAge,
		AllowDirect: true,
	}
}
