// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/dayfly-faas/dayfly/internal/blob"
	"github.com/dayfly-faas/dayfly/internal/s3"
)

// BenchmarkObject puts and gets 1 MiB through the door, and beside it through a bare file
// server, in the same run: "plain" writes a file and renames it, "synced" also has it on
// disk before it answers, which is what the door promises. The door's requests are signed
// as clients sign them: the body by its hash, left out ("unsigned"), or by a URL.
func BenchmarkObject(b *testing.B) {
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	s := newStand(b)
	s.bucket(b, "bench")
	for _, c := range []struct {
		name string
		url  func() (string, string) // to put and to get
		sign func(*http.Request)
	}{
		{"plain", fileServer(b, false), nil}, {"synced", fileServer(b, true), nil},
		{"url", s.urls(b), nil}, {"unsigned", s.plainURLs(), s.signer(b, "UNSIGNED-PAYLOAD")},
		{"signed", s.plainURLs(), s.signer(b, hashOf(data))},
	} {
		put, get := c.url()
		b.Run("put/"+c.name, func(b *testing.B) { transfer(b, http.MethodPut, put, data, c.sign) })
		b.Run("get/"+c.name, func(b *testing.B) { transfer(b, http.MethodGet, get, data, c.sign) })
	}
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// transfer moves data to or from url, again and again over one connection.
func transfer(b *testing.B, method, url string, data []byte, sign func(*http.Request)) {
	client := &http.Client{}
	defer client.CloseIdleConnections()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		var body io.Reader
		if method == http.MethodPut {
			body = bytes.NewReader(data)
		}
		r, err := http.NewRequestWithContext(b.Context(), method, url, body)
		if err != nil {
			b.Fatal(err)
		}
		if sign != nil {
			sign(r)
		}
		resp, err := client.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode > 299 || method == http.MethodGet && n != int64(len(data)) {
			b.Fatalf("%s: %s, %d bytes, %v", method, resp.Status, n, err)
		}
	}
}

// fileServer serves and takes files with net/http alone.
func fileServer(b *testing.B, sync bool) func() (string, string) {
	dir := b.TempDir()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			http.ServeFile(w, r, filepath.Join(dir, "object"))
			return
		}
		f, err := os.CreateTemp(dir, "new-*")
		if err == nil {
			_, err = io.Copy(f, r.Body)
		}
		if err == nil && sync {
			err = f.Sync()
		}
		if err == nil {
			err = f.Close()
		}
		if err == nil {
			err = os.Rename(f.Name(), filepath.Join(dir, "object"))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	b.Cleanup(server.Close)
	return func() (string, string) { return server.URL + "/object", server.URL + "/object" }
}

func (s *stand) plainURLs() func() (string, string) {
	return func() (string, string) { return s.url + "/bench/object", s.url + "/bench/object" }
}

// urls are presigned.
func (s *stand) urls(b *testing.B) func() (string, string) {
	sign := func(method string) string {
		url, err := s.keys.Sign(b.Context(), s3.Endpoint{URL: s.url, Region: "us-east-1"}, s3.Presign{Method: method,
			Object: blob.Ref{Project: "shop", Bucket: "bench", Key: "object"}, Expires: time.Hour}, time.Now())
		if err != nil {
			b.Fatal(err)
		}
		return url
	}
	return func() (string, string) { return sign(http.MethodPut), sign(http.MethodGet) }
}

// signer signs requests with a header, for a body of that hash.
func (s *stand) signer(b *testing.B, hash string) func(*http.Request) {
	id, secret := s.keys.Credentials("shop")
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	return func(r *http.Request) {
		h := hash
		if r.Method == http.MethodGet && hash != "UNSIGNED-PAYLOAD" {
			h = hashOf(nil)
		}
		r.Header.Set("X-Amz-Content-Sha256", h)
		err := signer.SignHTTP(r.Context(), aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, r, h, "s3", "us-east-1", time.Now())
		if err != nil {
			b.Fatal(fmt.Errorf("sign: %w", err))
		}
	}
}
