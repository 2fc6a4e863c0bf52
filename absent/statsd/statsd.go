// SPDX-License-Identifier: Apache-2.0

// Package statsd stands where versitygw looks for a client of StatsD, to send it the
// measurements of a gateway. Dayfly has its own: nothing is ever sent.
package statsd

// Client drops what it is told.
type Client struct{}

// Option changes nothing.
type Option struct{}

// Tag says nothing.
type Tag struct{}

// TagFormatInfluxDB is a way to write tags.
const TagFormatInfluxDB = 0

// NewClient makes one.
func NewClient(string, ...Option) *Client { return &Client{} }

// MetricPrefix changes nothing.
func MetricPrefix(string) Option { return Option{} }

// TagStyle changes nothing.
func TagStyle(int) Option { return Option{} }

// DefaultTags changes nothing.
func DefaultTags(...Tag) Option { return Option{} }

// StringTag says nothing.
func StringTag(string, string) Tag { return Tag{} }

// Incr drops its measurement.
func (*Client) Incr(string, int64, ...Tag) {}

// Close has nothing to close.
func (*Client) Close() error { return nil }
