// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob"
)

const (
	// expiryMin and expiryMax bound how long a presigned URL is good: S3's own bounds.
	expiryMin = time.Second
	expiryMax = 7 * 24 * time.Hour
	// unsignedPayload says that the signature does not cover the body: whoever has a URL
	// chooses what to send.
	unsignedPayload = "UNSIGNED-PAYLOAD"
)

// Endpoint says where clients find a server, as a base URL, and in which region it is.
type Endpoint struct {
	URL    string
	Region string
}

// Presign is what a presigned URL allows.
type Presign struct {
	Method  string // GET, HEAD, PUT or DELETE
	Object  blob.Ref
	Expires time.Duration
}

// Validate reports what of p cannot be.
func (p Presign) Validate() error {
	switch p.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
	default:
		return dayfly.Errorf(dayfly.KindInvalid, "a URL for %.20q cannot be signed: use GET, HEAD, PUT or DELETE", p.Method)
	}
	if p.Expires < expiryMin || p.Expires > expiryMax {
		return dayfly.Errorf(dayfly.KindInvalid, "a URL that is good for %s cannot be signed: use 1s to 7d", p.Expires)
	}
	return p.Object.Validate()
}

// Sign makes a URL by which whoever has it does one thing with one object, for a time.
func (k *Keys) Sign(ctx context.Context, at Endpoint, p Presign, now time.Time) (string, error) {
	if err := p.Validate(); err != nil {
		return "", err
	}
	base, err := url.Parse(at.URL)
	if err != nil {
		return "", dayfly.Errorf(dayfly.KindInvalid, "%q is no URL: %w", at.URL, err)
	}
	base.Path = "/" + p.Object.Bucket + "/" + p.Object.Key
	base.RawPath = "/" + p.Object.Bucket + "/" + escapeKey(p.Object.Key)
	base.RawQuery = "X-Amz-Expires=" + strconv.Itoa(int(p.Expires/time.Second))
	id, secret := k.Credentials(p.Object.Project)
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	r := (&http.Request{Method: p.Method, URL: base, Host: base.Host, Header: http.Header{}}).WithContext(ctx)
	signed, _, err := signer.PresignHTTP(ctx, aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, r,
		unsignedPayload, "s3", at.Region, now)
	return signed, err
}

// escapeKey writes a key for a path as signatures have it: all but letters, digits and
// "-_.~/" by its bytes.
func escapeKey(key string) string {
	const upperHex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(key) {
		c := key[i]
		if strings.IndexByte("-_.~/", c) >= 0 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
	}
	return b.String()
}
