// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
)

const (
	// valueBytesMax is above every value that a node keeps.
	valueBytesMax = 1 << 20
	// watchLineBytesMax bounds one line of a watch: a value in base64 and what is said
	// of it.
	watchLineBytesMax = 2 << 20
	// contentTypeUnknown is what a node says of a value without a content type.
	contentTypeUnknown = "application/octet-stream"
)

// ValueBucket is a bucket of values.
type ValueBucket struct {
	Name  dayfly.BucketName `json:"bucket"`
	Keys  int               `json:"keys"`
	Bytes int64             `json:"bytes"` // on disk, about
}

// Value is a value, or what a list tells of it.
type Value struct {
	Key         string    `json:"key"`
	Version     uint64    `json:"version"`
	Bytes       int       `json:"bytes"`
	ContentType string    `json:"content_type,omitempty"`
	Modified    time.Time `json:"modified,omitzero"`
	Expires     time.Time `json:"expires,omitzero"` // zero: never
	Value       []byte    `json:"value,omitempty"`
}

// ValueRef names a value.
type ValueRef struct {
	Project dayfly.ProjectName // the default project when empty
	Bucket  dayfly.BucketName
	Key     string
}

func (r ValueRef) path() string {
	return valuesPath(r.Project, r.Bucket) + "/" + url.PathEscape(r.Key)
}

func valuesPath(p dayfly.ProjectName, b dayfly.BucketName) string {
	if p == "" {
		p = dayfly.DefaultProject
	}
	path := "/v1/projects/" + url.PathEscape(string(p)) + "/kv"
	if b != "" {
		path += "/" + url.PathEscape(string(b))
	}
	return path
}

// ValueBuckets lists the buckets of values of a project.
func (c *Client) ValueBuckets(ctx context.Context, p dayfly.ProjectName) ([]ValueBucket, error) {
	var out struct {
		Buckets []ValueBucket `json:"buckets"`
	}
	err := c.json(ctx, call{method: http.MethodGet, path: valuesPath(p, "")}, nil, &out)
	return out.Buckets, err
}

// RemoveValueBucket deletes every value of a bucket and tells how many there were.
func (c *Client) RemoveValueBucket(
	ctx context.Context, p dayfly.ProjectName, b dayfly.BucketName,
) (int, error) {
	var out struct {
		Removed int `json:"removed"`
	}
	err := c.json(ctx, call{method: http.MethodDelete, path: valuesPath(p, b)}, nil, &out)
	return out.Removed, err
}

// ValueQuery chooses values of a bucket.
type ValueQuery struct {
	Project dayfly.ProjectName
	Bucket  dayfly.BucketName
	Prefix  string
	// After is the Next of the page before.
	After string
	// Limit bounds the page: at most 1000; 100 when 0.
	Limit int
	// Values asks for the values themselves.
	Values bool
}

// ValuePage is a part of a list, in the order of the bytes of the keys.
type ValuePage struct {
	Values []Value `json:"values"`
	// Next is what the next page comes After; empty when this is the last.
	Next string `json:"next"`
}

// Values lists values of a bucket.
func (c *Client) Values(ctx context.Context, q ValueQuery) (ValuePage, error) {
	query := url.Values{}
	set(query, "prefix", q.Prefix)
	set(query, "after", q.After)
	if q.Limit != 0 {
		query.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Values {
		query.Set("values", "true")
	}
	var out ValuePage
	err := c.json(ctx, call{method: http.MethodGet, path: valuesPath(q.Project, q.Bucket), query: query},
		nil, &out)
	return out, err
}

// Value gives a value.
func (c *Client) Value(ctx context.Context, ref ValueRef) (*Value, error) {
	resp, err := c.do(ctx, call{method: http.MethodGet, path: ref.path()})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, valueBytesMax))
	if err != nil {
		return nil, c.wayError(fmt.Errorf("read value: %w", err))
	}
	v := &Value{Key: ref.Key, Bytes: len(data), Value: data, ContentType: resp.Header.Get("Content-Type")}
	if v.ContentType == contentTypeUnknown {
		v.ContentType = ""
	}
	// A node always sends both; a proxy that drops them leaves zeros.
	v.Version, _ = strconv.ParseUint(strings.Trim(resp.Header.Get("ETag"), `"`), 10, 64)
	v.Modified, _ = http.ParseTime(resp.Header.Get("Last-Modified"))
	v.Expires, _ = time.Parse(time.RFC3339Nano, resp.Header.Get("X-Dayfly-Expires"))
	return v, nil
}

// PutValueOptions say how a value is kept.
type PutValueOptions struct {
	ContentType string
	// TTL is how long: 1 s to a year; for ever when 0.
	TTL time.Duration
	// Version, when not 0, is the one that the value must have now.
	Version uint64
	// Create wants that there is no value yet.
	Create bool
}

// PutValue keeps a value of at most 512 KiB in place of what was there, and gives it
// without its bytes. A condition that does not hold is an error of kind conflict.
func (c *Client) PutValue(
	ctx context.Context, ref ValueRef, value []byte, o PutValueOptions,
) (Value, error) {
	r := call{method: http.MethodPut, path: ref.path(), query: ttlQuery(o.TTL), kind: o.ContentType,
		body: bytes.NewReader(value), header: ifVersion(o.Version)}
	if o.Create {
		r.header.Set("If-None-Match", "*")
	}
	var out Value
	err := c.json(ctx, r, nil, &out)
	return out, err
}

// DeleteValue removes a value: the version that is given, or any when it is 0.
func (c *Client) DeleteValue(ctx context.Context, ref ValueRef, version uint64) error {
	return c.json(ctx, call{method: http.MethodDelete, path: ref.path(), header: ifVersion(version)}, nil, nil)
}

// IncrementValue adds to a counter, which is made when it is not there, and gives the
// sum. The TTL is that of a counter which is made.
func (c *Client) IncrementValue(
	ctx context.Context, ref ValueRef, by int64, ttl time.Duration,
) (int64, error) {
	query := ttlQuery(ttl)
	query.Set("increment", strconv.FormatInt(by, 10))
	var out struct {
		Sum int64 `json:"sum"`
	}
	err := c.json(ctx, call{method: http.MethodPost, path: ref.path(), query: query}, nil, &out)
	return out.Sum, err
}

func ttlQuery(ttl time.Duration) url.Values {
	query := url.Values{}
	if ttl != 0 {
		query.Set("ttl", ttl.String())
	}
	return query
}

func ifVersion(version uint64) http.Header {
	h := http.Header{}
	if version != 0 {
		h.Set("If-Match", `"`+strconv.FormatUint(version, 10)+`"`)
	}
	return h
}

// ValueWatch chooses what a watch tells.
type ValueWatch struct {
	Project dayfly.ProjectName
	Bucket  dayfly.BucketName
	Prefix  string
	// After continues after a version; a watch begins with what changes now when 0.
	After uint64
	// All begins with every value there is.
	All bool
}

// ValueChange is what a watch tells.
type ValueChange struct {
	// Op is "opened" (the watch has begun, after this version), "put" or "deleted".
	Op string `json:"op"`
	Value
	Expired bool `json:"expired,omitempty"`
}

// WatchValues tells of changes in the order of their versions, until ctx ends or the
// node does.
func (c *Client) WatchValues(ctx context.Context, q ValueWatch) iter.Seq2[ValueChange, error] {
	query := url.Values{"watch": {q.Prefix}}
	switch {
	case q.All:
		query.Set("from", "first")
	case q.After > 0:
		query.Set("from", strconv.FormatUint(q.After, 10))
	}
	return func(yield func(ValueChange, error) bool) {
		resp, err := c.do(ctx, call{method: http.MethodGet, path: valuesPath(q.Project, q.Bucket), query: query})
		if err != nil {
			yield(ValueChange{}, err)
			return
		}
		defer resp.Body.Close()
		for change, err := range changes(resp.Body) {
			if err != nil {
				err = c.wayError(err)
			}
			if !yield(change, err) || err != nil {
				return
			}
		}
	}
}

// changes reads server-sent events.
func changes(r io.Reader) iter.Seq2[ValueChange, error] {
	return func(yield func(ValueChange, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 0, 64<<10), watchLineBytesMax)
		op := ""
		for lines.Scan() {
			name, text, _ := bytes.Cut(lines.Bytes(), []byte(": "))
			switch string(name) {
			case "event":
				op = string(text)
			case "data":
				change := ValueChange{Op: op}
				if err := json.Unmarshal(text, &change); err != nil {
					yield(change, fmt.Errorf("read change: %w", err))
					return
				}
				if !yield(change, nil) {
					return
				}
			}
		}
		err := lines.Err()
		if err == nil {
			err = errors.New("the watch was ended")
		}
		yield(ValueChange{}, err)
	}
}
