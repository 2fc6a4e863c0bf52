// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// What is taken from a request must not point into its buffers, which serve the next: the
// index would change under its keys.
func TestKeysAndAttributesOutliveTheirRequests(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	c := s.bucket(t, "many")
	const writers, each = 8, 25
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				key := fmt.Sprintf("%d/%s/%d", w, strings.Repeat("k", i), i)
				_, err := c.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String("many"), Key: &key,
					Body: strings.NewReader(key), ContentType: aws.String("type/" + key), Tagging: aws.String("n=" + fmt.Sprint(w, "-", i)),
					Metadata: map[string]string{"key": key}})
				if err != nil {
					t.Errorf("put %q: %v", key, err)
					return
				}
			}
		})
	}
	wg.Wait()
	var keys []string
	for pages := awss3.NewListObjectsV2Paginator(c, &awss3.ListObjectsV2Input{Bucket: aws.String("many")}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			keys = append(keys, *o.Key)
		}
	}
	if len(keys) != writers*each || !slices.IsSorted(keys) {
		t.Fatalf("%d keys, want %d, in order", len(keys), writers*each)
	}
	for _, key := range keys {
		head, err := c.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: aws.String("many"), Key: &key})
		if err != nil || *head.ContentType != "type/"+key || head.Metadata["key"] != key {
			t.Fatalf("%q: %v, %+v", key, err, head)
		}
		if got := get(t, c, "many", key); got != key {
			t.Fatalf("%q holds %q", key, got)
		}
	}
}
