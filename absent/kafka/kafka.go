// SPDX-License-Identifier: Apache-2.0

// Package kafka stands where versitygw looks for a client of Kafka, to send it the events
// of a gateway. Dayfly has its own events: nothing is ever sent.
package kafka

import (
	"context"
	"errors"
	"time"
)

var errAbsent = errors.New("kafka's client is not part of this program")

// WriterConfig says where to write.
type WriterConfig struct {
	Brokers      []string
	Topic        string
	Balancer     *LeastBytes
	BatchTimeout time.Duration
}

// LeastBytes is a way to choose a partition.
type LeastBytes struct{}

// Message is what would be sent.
type Message struct {
	Key, Value []byte
}

// Writer refuses everything.
type Writer struct{}

// NewWriter makes one.
func NewWriter(WriterConfig) *Writer { return &Writer{} }

// WriteMessages refuses.
func (*Writer) WriteMessages(context.Context, ...Message) error { return errAbsent }

// Close has nothing to close.
func (*Writer) Close() error { return nil }
