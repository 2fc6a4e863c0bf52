// SPDX-License-Identifier: Apache-2.0

// Package statsd stands where versitygw looks for a client of Datadog, to send it the
// measurements of a gateway. Dayfly has its own: nothing is ever sent.
package statsd

import "errors"

// Client is never made.
type Client struct{}

// Option changes nothing.
type Option struct{}

// New refuses.
func New(string, ...Option) (*Client, error) {
	return nil, errors.New("Datadog's client is not part of this program")
}

// WithMaxMessagesPerPayload changes nothing.
func WithMaxMessagesPerPayload(int) Option { return Option{} }

// WithNamespace changes nothing.
func WithNamespace(string) Option { return Option{} }

// WithTags changes nothing.
func WithTags([]string) Option { return Option{} }

// Count drops its measurement.
func (*Client) Count(string, int64, []string, float64) error { return nil }

// Close has nothing to close.
func (*Client) Close() error { return nil }
