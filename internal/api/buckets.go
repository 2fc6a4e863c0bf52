// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob"
)

const (
	// signedDefault is how long a signed URL is good when nobody says: time enough to open
	// a page and upload, and little to be passed on.
	signedDefault = 15 * time.Minute
	// objectsPage is how many objects a list tells at once, at most and when not said.
	objectsPage = 1000
)

// Objects keeps buckets and their objects.
type Objects interface {
	Buckets(context.Context, dayfly.ProjectName) ([]blob.Bucket, error)
	CreateBucket(context.Context, dayfly.ProjectName, blob.Bucket) (blob.Bucket, error)
	UpdateBucket(context.Context, blob.BucketRef, func(*blob.Bucket) error) (blob.Bucket, error)
	DeleteBucket(context.Context, blob.BucketRef) error
	List(context.Context, blob.BucketRef, blob.ListQuery) (blob.Listing, error)
}

// S3 is the door through which objects come and go.
type S3 interface {
	// Access tells how a project gets in; an empty Endpoint means that the door is off.
	Access(dayfly.ProjectName) S3Access
	Sign(context.Context, SignedRequest) (string, error)
}

// S3Access is what a client of S3 needs to know.
type S3Access struct {
	Endpoint        string `json:"endpoint"`
	Region          string `json:"region"`
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
}

// SignedRequest is what a signed URL allows whoever has it.
type SignedRequest struct {
	Method  string
	Object  blob.Ref
	Expires time.Duration
}

// Bucket is a bucket of objects.
type Bucket struct {
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	// Versions tells whether every version of an object is kept.
	Versions bool `json:"versions"`
}

func bucketOf(b blob.Bucket) Bucket {
	return Bucket{Name: b.Name, Created: b.Created, Versions: b.Versioning == blob.VersioningEnabled}
}

// Object is what a list tells of an object.
type Object struct {
	Key      string    `json:"key"`
	Bytes    int64     `json:"bytes"`
	ETag     string    `json:"etag"`
	Modified time.Time `json:"modified"`
}

func bucketRef(r *http.Request) blob.BucketRef {
	return blob.BucketRef{Project: dayfly.ProjectName(r.PathValue("project")), Name: r.PathValue("bucket")}
}

// buckets lists the buckets of a project.
func (a *API) buckets(w http.ResponseWriter, r *http.Request) error {
	project := dayfly.ProjectName(r.PathValue("project"))
	if err := dayfly.ValidateName("project", string(project)); err != nil {
		return err
	}
	list, err := a.deps.Objects.Buckets(r.Context(), project)
	if err != nil {
		return err
	}
	out := make([]Bucket, len(list))
	for i, b := range list {
		out[i] = bucketOf(b)
	}
	return writeJSON(w, map[string][]Bucket{"buckets": out})
}

// putBucket makes a bucket; of one that is there it sets what the body says.
func (a *API) putBucket(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Versions *bool `json:"versions"`
	}
	if err := decode(r, &in); err != nil {
		return err
	}
	ref := bucketRef(r)
	want := blob.Bucket{Name: ref.Name}
	if in.Versions != nil && *in.Versions {
		want.Versioning = blob.VersioningEnabled
	}
	made, err := a.deps.Objects.CreateBucket(r.Context(), ref.Project, want)
	if errors.Is(err, blob.ErrBucketExists) {
		made, err = a.deps.Objects.UpdateBucket(r.Context(), ref, func(b *blob.Bucket) error {
			if in.Versions != nil {
				b.Versioning = versioning(b.Versioning, *in.Versions)
			}
			return nil
		})
	}
	if err != nil {
		return err
	}
	return writeJSON(w, bucketOf(made))
}

// versioning is what becomes of a bucket's: what was on once can only be suspended.
func versioning(now blob.Versioning, on bool) blob.Versioning {
	switch {
	case on:
		return blob.VersioningEnabled
	case now == blob.VersioningOff:
		return now
	}
	return blob.VersioningSuspended
}

// deleteBucket removes an empty bucket.
func (a *API) deleteBucket(w http.ResponseWriter, r *http.Request) error {
	if err := a.deps.Objects.DeleteBucket(r.Context(), bucketRef(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// objects lists a page of a bucket.
func (a *API) objects(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	want := blob.ListQuery{Prefix: q.text("prefix"), Delimiter: q.text("delimiter"), After: q.text("after"),
		Max: q.number("limit", objectsPage, objectsPage)}
	if err := q.done(); err != nil {
		return err
	}
	list, err := a.deps.Objects.List(r.Context(), bucketRef(r), want)
	if err != nil {
		return err
	}
	out := struct {
		Objects  []Object `json:"objects"`
		Prefixes []string `json:"prefixes"`
		// Next is the "after" of the next page; absent when this is the last.
		Next string `json:"next,omitempty"`
	}{Objects: make([]Object, len(list.Objects)), Prefixes: append([]string{}, list.Prefixes...)}
	for i := range list.Objects {
		o := &list.Objects[i]
		out.Objects[i] = Object{Key: o.Key, Bytes: o.Size, ETag: o.ETag, Modified: o.Modified}
	}
	if list.Truncated {
		out.Next = list.Next
	}
	return writeJSON(w, out)
}

// s3Access tells a project's key. Functions have theirs in their environment.
func (a *API) s3Access(w http.ResponseWriter, r *http.Request) error {
	project := dayfly.ProjectName(r.PathValue("project"))
	if err := dayfly.ValidateName("project", string(project)); err != nil {
		return err
	}
	access, err := a.openS3(project)
	if err != nil {
		return err
	}
	return writeJSON(w, access)
}

func (a *API) openS3(project dayfly.ProjectName) (S3Access, error) {
	access := a.deps.S3.Access(project)
	if access.Endpoint == "" {
		return access, dayfly.Errorf(dayfly.KindUnavailable, "this node's S3 door is off").
			WithHint("set s3 to an address, such as 127.0.0.1:8082, and start the node again")
	}
	return access, nil
}

// signObject makes a URL by which whoever has it does one thing with one object.
func (a *API) signObject(w http.ResponseWriter, r *http.Request) error {
	in := struct {
		Method  string `json:"method"`
		Key     string `json:"key"`
		Seconds int64  `json:"expires_s"`
	}{Method: http.MethodGet, Seconds: int64(signedDefault / time.Second)}
	if err := decode(r, &in); err != nil {
		return err
	}
	ref := bucketRef(r)
	if _, err := a.openS3(ref.Project); err != nil {
		return err
	}
	const day = 24 * 60 * 60
	if in.Seconds < 1 || in.Seconds > 7*day {
		return dayfly.Errorf(dayfly.KindInvalid, "expires_s is %d, must be between 1 and %d", in.Seconds, 7*day)
	}
	now := time.Now()
	expires := time.Duration(in.Seconds) * time.Second
	url, err := a.deps.S3.Sign(r.Context(), SignedRequest{Method: in.Method, Expires: expires,
		Object: blob.Ref{Project: ref.Project, Bucket: ref.Name, Key: in.Key}})
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"url": url, "expires": now.Add(expires).UTC()})
}
