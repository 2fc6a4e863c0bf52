// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// Bucket is a bucket of objects.
type Bucket struct {
	Name    dayfly.BucketName `json:"name"`
	Created time.Time         `json:"created"`
	// Versions tells whether every version of an object is kept.
	Versions bool `json:"versions"`
}

// BucketRef names a bucket of objects.
type BucketRef struct {
	Project dayfly.ProjectName // the default project when empty
	Name    dayfly.BucketName
}

// Object is what a list tells of an object.
type Object struct {
	Key      string    `json:"key"`
	Bytes    int64     `json:"bytes"`
	ETag     string    `json:"etag"`
	Modified time.Time `json:"modified"`
}

// S3Access is what a client of S3 needs to know to work on the buckets of a project.
type S3Access struct {
	Endpoint        string `json:"endpoint"`
	Region          string `json:"region"`
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
}

func bucketsPath(p dayfly.ProjectName, b dayfly.BucketName, rest string) string {
	if p == "" {
		p = dayfly.DefaultProject
	}
	path := "/v1/projects/" + url.PathEscape(string(p)) + "/buckets"
	if b != "" {
		path += "/" + url.PathEscape(string(b)) + rest
	}
	return path
}

// Buckets lists the buckets of objects of a project.
func (c *Client) Buckets(ctx context.Context, p dayfly.ProjectName) ([]Bucket, error) {
	var out struct {
		Buckets []Bucket `json:"buckets"`
	}
	err := c.json(ctx, call{method: http.MethodGet, path: bucketsPath(p, "", "")}, nil, &out)
	return out.Buckets, err
}

// PutBucket makes a bucket. Versions, unless nil, says whether it keeps every version of
// an object, also of a bucket that is there already.
func (c *Client) PutBucket(ctx context.Context, b BucketRef, versions *bool) (Bucket, error) {
	var out Bucket
	in := map[string]any{}
	if versions != nil {
		in["versions"] = *versions
	}
	err := c.json(ctx, call{method: http.MethodPut, path: bucketsPath(b.Project, b.Name, "")}, in, &out)
	return out, err
}

// RemoveBucket deletes an empty bucket.
func (c *Client) RemoveBucket(ctx context.Context, b BucketRef) error {
	return c.json(ctx, call{method: http.MethodDelete, path: bucketsPath(b.Project, b.Name, "")}, nil, nil)
}

// S3 tells how S3's own clients get at the buckets of a project.
func (c *Client) S3(ctx context.Context, p dayfly.ProjectName) (S3Access, error) {
	if p == "" {
		p = dayfly.DefaultProject
	}
	var out S3Access
	path := "/v1/projects/" + url.PathEscape(string(p)) + "/s3"
	err := c.json(ctx, call{method: http.MethodGet, path: path}, nil, &out)
	return out, err
}

// ObjectQuery chooses objects of a bucket.
type ObjectQuery struct {
	Bucket BucketRef
	Prefix string
	// Delimiter folds keys that have it behind the prefix into one entry, as folders are.
	Delimiter string
	After     string // keys after this one
	Limit     int    // at most 1000; 1000 when 0
}

// ObjectPage is a part of a list, in the order of the bytes of the keys.
type ObjectPage struct {
	Objects  []Object `json:"objects"`
	Prefixes []string `json:"prefixes"`
	// Next is what the next page comes After; empty when this is the last.
	Next string `json:"next"`
}

// Objects lists a page of a bucket.
func (c *Client) Objects(ctx context.Context, q ObjectQuery) (ObjectPage, error) {
	query := url.Values{}
	set(query, "prefix", q.Prefix)
	set(query, "delimiter", q.Delimiter)
	set(query, "after", q.After)
	if q.Limit != 0 {
		query.Set("limit", strconv.Itoa(q.Limit))
	}
	var out ObjectPage
	path := bucketsPath(q.Bucket.Project, q.Bucket.Name, "/objects")
	err := c.json(ctx, call{method: http.MethodGet, path: path, query: query}, nil, &out)
	return out, err
}

// ObjectPages lists all pages of a bucket, from q on.
func (c *Client) ObjectPages(ctx context.Context, q ObjectQuery) iter.Seq2[ObjectPage, error] {
	return func(yield func(ObjectPage, error) bool) {
		for {
			page, err := c.Objects(ctx, q)
			if !yield(page, err) || err != nil || page.Next == "" {
				return
			}
			q.After = page.Next
		}
	}
}

// SignObject makes a URL by which whoever has it does one thing with one object for a
// time: method is GET, HEAD, PUT or DELETE; expires is up to seven days, 15 min when 0.
func (c *Client) SignObject(
	ctx context.Context, b BucketRef, key, method string, expires time.Duration,
) (string, error) {
	in := map[string]any{"method": method, "key": key}
	if expires != 0 {
		in["expires_s"] = int64(expires / time.Second)
	}
	var out struct {
		URL string `json:"url"`
	}
	path := bucketsPath(b.Project, b.Name, "/sign")
	err := c.json(ctx, call{method: http.MethodPost, path: path}, in, &out)
	return out.URL, err
}

// PutObjectOptions say what is known of an object's data.
type PutObjectOptions struct {
	ContentType string
	// Bytes is how many will come. It may be left out when the data is a bytes.Reader,
	// bytes.Buffer or strings.Reader, or empty; other readers are refused without it.
	Bytes int64
}

// PutObject writes an object whole, up to 5 GiB. Larger ones are for S3's own clients,
// which send them in parts.
func (c *Client) PutObject(
	ctx context.Context, b BucketRef, key string, data io.Reader, o PutObjectOptions,
) error {
	h := http.Header{}
	if o.ContentType != "" {
		h.Set("Content-Type", o.ContentType)
	}
	resp, err := c.object(ctx, b, key, call{method: http.MethodPut, body: data, length: o.Bytes, header: h})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Object gives an object's data, which the caller closes, and what is said of it.
func (c *Client) Object(ctx context.Context, b BucketRef, key string) (io.ReadCloser, http.Header, error) {
	resp, err := c.object(ctx, b, key, call{method: http.MethodGet})
	if err != nil {
		return nil, nil, err
	}
	return resp.Body, resp.Header, nil
}

// RemoveObject deletes an object; that there is none is no error.
func (c *Client) RemoveObject(ctx context.Context, b BucketRef, key string) error {
	resp, err := c.object(ctx, b, key, call{method: http.MethodDelete})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// object sends a request to the node's S3 door, by a URL that the node signs.
func (c *Client) object(ctx context.Context, b BucketRef, key string, r call) (*http.Response, error) {
	signed, err := c.SignObject(ctx, b, key, r.method, 0)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, r.method, signed, r.body)
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInternal, "the node gave a URL that is none: %w", err)
	}
	req.Header = r.header
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("User-Agent", c.opts.UserAgent)
	if r.length > 0 {
		req.ContentLength = r.length
	}
	if req.ContentLength == 0 && !empty(req.Body) {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s/%s: how many bytes come is not said", b.Name, key)
	}
	resp, err := c.doing.Do(req)
	if err != nil {
		return nil, c.wayError(err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		defer resp.Body.Close()
		return nil, objectProblem(resp, b, key)
	}
	return resp, nil
}

// empty says whether nothing is to be read of a body of unknown length.
func empty(body io.Reader) bool {
	if body == nil || body == http.NoBody {
		return true
	}
	n, err := io.ReadFull(body, make([]byte, 1))
	return n == 0 && errors.Is(err, io.EOF)
}

// objectProblem reads an error of the S3 door.
func objectProblem(resp *http.Response, b BucketRef, key string) error {
	var fault struct {
		Code, Message string
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, problemBytesMax)) // as much as there is
	if xml.Unmarshal(text, &fault) != nil || fault.Code == "" {
		fault.Code, fault.Message = resp.Status, "the answer says no more"
	}
	kind := dayfly.KindInvalid
	switch resp.StatusCode {
	case http.StatusNotFound:
		kind = dayfly.KindNotFound
	case http.StatusForbidden:
		kind = dayfly.KindDenied
	case http.StatusPreconditionFailed, http.StatusConflict:
		kind = dayfly.KindConflict
	case http.StatusServiceUnavailable, http.StatusInsufficientStorage:
		kind = dayfly.KindExhausted
	case http.StatusInternalServerError:
		kind = dayfly.KindInternal
	}
	switch fault.Code {
	case "NoSuchBucket":
		return dayfly.Errorf(kind, "there is no bucket %s", b.Name).
			WithHint("make it with: dayfly bucket create %s", b.Name)
	case "NoSuchKey":
		return dayfly.Errorf(kind, "there is no object %s/%s", b.Name, key)
	}
	return dayfly.Errorf(kind, "%s/%s: %s (%s)", b.Name, key, fault.Message, fault.Code)
}
