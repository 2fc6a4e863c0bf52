// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
)

const (
	// answerBytesMax bounds an answer that is read whole: ten thousand records.
	answerBytesMax = 64 << 20
	// problemBytesMax bounds the text of an error.
	problemBytesMax = 64 << 10
	// dialTimeout is how long a node may take to accept a connection.
	dialTimeout = 10 * time.Second
)

// Options say which node to speak to. URL and Token are needed.
type Options struct {
	// URL is the base of the management API: "http://127.0.0.1:8081".
	URL string
	// Token opens it; it stands in the file token of the node's data folder.
	Token string
	// HTTPClient makes the requests; nil takes one of the package's own. It must not
	// have a Timeout when streams are to live longer.
	HTTPClient *http.Client
	// UserAgent names the program to the node; "dayfly-client" when empty.
	UserAgent string
}

// Client speaks to one node.
type Client struct {
	base  string
	opts  Options
	doing *http.Client
}

// New makes a client. It does not connect.
func New(opts Options) (*Client, error) {
	u, err := url.Parse(opts.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, dayfly.Errorf(dayfly.KindInvalid,
			"%q is not the URL of a management API", opts.URL)
	}
	if opts.Token == "" {
		return nil, dayfly.Errorf(dayfly.KindUnauthenticated, "the token is empty")
	}
	if opts.UserAgent == "" {
		opts.UserAgent = "dayfly-client"
	}
	c := &Client{base: strings.TrimRight(opts.URL, "/"), opts: opts, doing: opts.HTTPClient}
	if c.doing == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
		c.doing = &http.Client{Transport: transport}
	}
	return c, nil
}

// URL is the base of the API that the client speaks to.
func (c *Client) URL() string { return c.base }

// call is one request.
type call struct {
	method, path string
	query        url.Values
	body         io.Reader
	kind         string // Content-Type of the body
	length       int64  // of the body; 0 leaves it to net/http
	header       http.Header
}

// do sends a request and gives the answer when its status is one of success; anything
// else becomes an error. The caller closes the body.
func (c *Client) do(ctx context.Context, r call) (*http.Response, error) {
	resp, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		defer resp.Body.Close()
		return nil, problemOf(resp)
	}
	return resp, nil
}

func (c *Client) send(ctx context.Context, r call) (*http.Response, error) {
	target := c.base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, r.body)
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s %s: %w", r.method, target, err)
	}
	if r.length > 0 {
		req.ContentLength = r.length
	}
	maps.Copy(req.Header, r.header)
	req.Header.Set("Authorization", "Bearer "+c.opts.Token)
	req.Header.Set("User-Agent", c.opts.UserAgent)
	if r.kind != "" {
		req.Header.Set("Content-Type", r.kind)
	}
	resp, err := c.doing.Do(req)
	if err != nil {
		return nil, c.wayError(err)
	}
	return resp, nil
}

// json sends in as JSON, unless it is nil, and reads the answer into out, unless that
// is nil.
func (c *Client) json(ctx context.Context, r call, in, out any) error {
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		r.body, r.kind = bytes.NewReader(text), "application/json"
	}
	resp, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, answerBytesMax)).Decode(out); err != nil {
		return c.wayError(fmt.Errorf("read answer of %s: %w", r.path, err))
	}
	return nil
}

// wayError gives an error that happened between here and the node its kind.
func (c *Client) wayError(err error) error {
	var known *dayfly.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.DeadlineExceeded):
		return dayfly.Errorf(dayfly.KindTimeout, "no answer from %s in the time given: %w", c.base, err)
	case errors.Is(err, context.Canceled):
		return dayfly.Errorf(dayfly.KindCanceled, "stopped: %w", err)
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return dayfly.Errorf(dayfly.KindUnavailable, "no answer from %s: %w", c.base, err).
		WithHint("is the node up? start one with: dayfly up")
}

// problem is an error as the node tells it: RFC 9457 with a kind.
type problem struct {
	Title       string      `json:"title"`
	Status      int         `json:"status"`
	Detail      string      `json:"detail"`
	Kind        dayfly.Kind `json:"kind"`
	Hint        string      `json:"hint"`
	Request     string      `json:"request"`
	RetryMillis int64       `json:"retry_after_ms"`
	Faults      []struct {
		Path    []string `json:"path"`
		Message string   `json:"message"`
	} `json:"faults"`
}

func (p *problem) err() error {
	kind := p.Kind
	if kind == "" {
		kind = dayfly.KindInternal
	}
	var faults front.Faults
	for _, one := range p.Faults {
		faults.Add(&front.Problem{Path: one.Path, Message: one.Message})
	}
	return &dayfly.Error{Kind: kind, Message: p.Detail, Hint: p.Hint, Err: faults.Err(),
		RetryAfter: time.Duration(p.RetryMillis) * time.Millisecond}
}

// problemOf reads the error of an answer. What is not ours, of a proxy on the way for
// example, is told as it is.
func problemOf(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, problemBytesMax)) // as much as there is
	var p problem
	if json.Unmarshal(text, &p) == nil && p.Kind != "" {
		return p.err()
	}
	kind := dayfly.KindInternal
	switch {
	case resp.StatusCode == http.StatusNotFound:
		kind = dayfly.KindNotFound
	case resp.StatusCode == http.StatusUnauthorized:
		kind = dayfly.KindUnauthenticated
	case resp.StatusCode >= 502:
		kind = dayfly.KindUnavailable
	}
	return dayfly.Errorf(kind, "%s %s answered %s: %.200s", resp.Request.Method,
		resp.Request.URL.Redacted(), resp.Status, bytes.TrimSpace(text))
}
