// SPDX-License-Identifier: Apache-2.0

// Package amqp091 stands where versitygw looks for a client of RabbitMQ, to send it the
// events of a gateway. Dayfly has its own events: nothing is ever sent.
package amqp091

import (
	"errors"
	"time"
)

var errAbsent = errors.New("RabbitMQ's client is not part of this program")

// Connection is never made.
type Connection struct{}

// Channel is never made.
type Channel struct{}

// Publishing is what would be sent.
type Publishing struct {
	Timestamp   time.Time
	ContentType string
	Body        []byte
	MessageId   string //nolint:staticcheck // the name is the other module's
}

// Dial refuses.
func Dial(string) (*Connection, error) { return nil, errAbsent }

// Channel refuses.
func (*Connection) Channel() (*Channel, error) { return nil, errAbsent }

// Close has nothing to close.
func (*Connection) Close() error { return nil }

// Publish refuses.
func (*Channel) Publish(exchange, key string, mandatory, immediate bool, msg Publishing) error {
	return errAbsent
}

// Close has nothing to close.
func (*Channel) Close() error { return nil }
