// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"cmp"
	"context"
	"slices"

	"github.com/dayfly-faas/dayfly"
)

const (
	// PageMax bounds the values of one page.
	PageMax = 1000
	// pageDefault is a page of those who do not say.
	pageDefault = 100
	// pageBytesMax ends a page with data early: an answer is held in memory whole.
	pageBytesMax = 8 << 20
)

// Query chooses values of a bucket.
type Query struct {
	Prefix string
	// After is the last key of the page before.
	After string
	// Limit bounds the page: 1 … PageMax; 0 is 100.
	Limit int
	// Data asks for the values, not only what is known of them.
	Data bool
}

// Page is a part of a list.
type Page struct {
	Values []Value
	// Next is what the next page comes After; empty when this is the last.
	Next string
}

// Bucket is what there is of a bucket.
type Bucket struct {
	Name  dayfly.BucketName `json:"bucket"`
	Keys  int               `json:"keys"`
	Bytes int64             `json:"bytes"` // on disk, about
}

// List gives values of a bucket in the order of the bytes of their keys. Without data,
// only Key, Version, Expires and Bytes of each are known.
func (v *Values) List(
	ctx context.Context, p dayfly.ProjectName, b dayfly.BucketName, q Query,
) (Page, error) {
	if err := checkBucket(p, b); err != nil {
		return Page{}, err
	}
	if q.Limit == 0 {
		q.Limit = pageDefault
	}
	if q.Limit < 0 || q.Limit > PageMax {
		return Page{}, dayfly.Errorf(dayfly.KindInvalid, "limit is %d, want 1 to %d", q.Limit, PageMax)
	}
	limit := q.Limit
	q.Limit++ // one more tells whether there is a next page
	found := v.index.list(place{p, b}, q, v.cfg.Now())
	page := Page{Values: make([]Value, 0, min(limit, len(found)))}
	var bytes int
	for i, f := range found {
		if i == limit || q.Data && bytes > pageBytesMax {
			page.Next = found[i-1].key
			break
		}
		value := Value{Key: f.key, Version: f.version, Expires: instant(f.expires), Bytes: int(f.bytes)}
		if q.Data {
			var err error
			value, err = v.Get(ctx, Ref{p, b, f.key})
			if dayfly.KindOf(err) == dayfly.KindNotFound {
				continue // deleted meanwhile
			}
			if err != nil {
				return Page{}, err
			}
			bytes += len(value.Data)
		}
		page.Values = append(page.Values, value)
	}
	return page, nil
}

// Buckets gives the buckets of a project, sorted by name.
func (v *Values) Buckets(p dayfly.ProjectName) []Bucket {
	list := v.index.buckets(p)
	slices.SortFunc(list, func(a, b Bucket) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// removeAtOnce is how many keys RemoveBucket asks the index for at a time.
const removeAtOnce = 1000

// RemoveBucket deletes every value of a bucket, each as Delete does, and tells how many.
// Cut short by ctx it has deleted some; a repeat goes on.
func (v *Values) RemoveBucket(
	ctx context.Context, p dayfly.ProjectName, b dayfly.BucketName,
) (int, error) {
	if err := checkBucket(p, b); err != nil {
		return 0, err
	}
	count := 0
	for {
		keys := v.index.keysOf(place{p, b}, removeAtOnce)
		if len(keys) == 0 {
			return count, nil
		}
		for _, key := range keys {
			switch err := v.remove(ctx, Ref{p, b, key}); {
			case err == nil:
				count++
			case dayfly.KindOf(err) != dayfly.KindNotFound:
				return count, err
			}
		}
	}
}

// remove deletes a value also when it has expired and waits to be deleted for that.
func (v *Values) remove(ctx context.Context, ref Ref) error {
	if err := ctx.Err(); err != nil {
		return explain("delete", ref, err)
	}
	c, end, err := v.change(ctx, ref)
	if err != nil {
		return err
	}
	defer end()
	if c.now.version == 0 {
		return notFound(ref)
	}
	rec := record{op: opDeleted}
	if !c.there {
		rec.op = opExpired
	}
	_, err = v.commit(ctx, c, rec, nil)
	return err
}
