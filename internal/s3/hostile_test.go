// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/s3"
)

// signed makes a request with a header signed by a key at a time.
func signed(t *testing.T, r *http.Request, id, secret string, at time.Time) *http.Request {
	t.Helper()
	r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	err := signer.SignHTTP(t.Context(), aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, r, "UNSIGNED-PAYLOAD", "s3", "us-east-1", at)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func request(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func send(t *testing.T, r *http.Request) (int, string, http.Header) {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), resp.Header
}

func TestWhoMayNotEnter(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	put(t, s.bucket(t, "uploads"), "uploads", "k", "secret")
	id, secret := s.keys.Credentials("shop")
	foreign, _ := s.keys.Credentials("other")
	url := s.url + "/uploads/k"
	now := time.Now()
	for name, c := range map[string]struct {
		r    *http.Request
		want string
	}{
		"nobody":            {request(t, "GET", url, ""), "AccessDenied"},
		"nobody, list":      {request(t, "GET", s.url+"/", ""), "AccessDenied"},
		"nobody, put":       {request(t, "PUT", url, "x"), "AccessDenied"},
		"nobody, preflight": {request(t, "OPTIONS", url, ""), "AccessForbidden"},
		"empty key":         {signed(t, request(t, "GET", url, ""), "", "", now), "InvalidAccessKeyId"},
		"unknown key":       {signed(t, request(t, "GET", url, ""), "AKIA1234567890123456", secret, now), "InvalidAccessKeyId"},
		"wrong secret":      {signed(t, request(t, "GET", url, ""), id, "guess", now), "SignatureDoesNotMatch"},
		"secret of another": {signed(t, request(t, "GET", url, ""), foreign, secret, now), "SignatureDoesNotMatch"},
		"key in other case": {signed(t, request(t, "GET", url, ""), strings.ToLower(id), secret, now), "InvalidAccessKeyId"},
		"an old signature":  {signed(t, request(t, "GET", url, ""), id, secret, now.Add(-20*time.Minute)), "RequestTimeTooSkewed"},
		"one of the future": {signed(t, request(t, "GET", url, ""), id, secret, now.Add(20*time.Minute)), "RequestTimeTooSkewed"},
		"signature version2": {func() *http.Request {
			r := request(t, "GET", url, "")
			r.Header.Set("Authorization", "AWS "+id+":xx")
			return r
		}(), "AccessDenied"},
	} {
		status, text, _ := send(t, c.r)
		if status < 400 || !strings.Contains(text, "<Code>"+c.want+"</Code>") || strings.Contains(text, "secret</") {
			t.Errorf("%s: got %d %.300s, want %s", name, status, text, c.want)
		}
	}
	moved := signed(t, request(t, "GET", url, ""), id, secret, now)
	moved.URL.Path = "/uploads/other"
	if status, text, _ := send(t, moved); status != http.StatusForbidden {
		t.Errorf("a signature for another object: %d %s", status, text)
	}
}

func TestBodiesAreWhatWasSigned(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.bucket(t, "uploads")
	id, secret := s.keys.Credentials("shop")
	r := request(t, "PUT", s.url+"/uploads/k", "tampered")
	h := hashOf([]byte("original"))
	r.Header.Set("X-Amz-Content-Sha256", h)
	err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, r, h, "s3", "us-east-1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if status, text, _ := send(t, r); status != http.StatusBadRequest || !strings.Contains(text, "XAmzContentSHA256Mismatch") {
		t.Errorf("tampered body: %d %s", status, text)
	}
	r = request(t, "PUT", s.url+"/uploads/k", "data")
	r.Header.Set("X-Amz-Checksum-Crc32", "AAAAAA==")
	if status, text, _ := send(t, signed(t, r, id, secret, time.Now())); status != http.StatusBadRequest || !strings.Contains(text, "BadDigest") {
		t.Errorf("wrong checksum: %d %s", status, text)
	}
	r = request(t, "PUT", s.url+"/uploads/k", "data")
	r.Header.Set("Content-Md5", "AAAAAAAAAAAAAAAAAAAAAA==")
	if status, text, _ := send(t, signed(t, r, id, secret, time.Now())); status != http.StatusBadRequest || !strings.Contains(text, "BadDigest") {
		t.Errorf("wrong MD5: %d %s", status, text)
	}
	_, err = s.client("shop").HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: aws.String("uploads"), Key: aws.String("k")})
	if err == nil {
		t.Error("a refused body made an object")
	}
}

func TestRequestsAreBounded(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.bucket(t, "uploads")
	id, secret := s.keys.Credentials("shop")
	r := request(t, "GET", s.url+"/uploads", "")
	r.Header.Set("X-Fill", strings.Repeat("f", 20<<10))
	if status, text, _ := send(t, r); status != http.StatusBadRequest || !strings.Contains(text, "RequestHeaderSectionTooLarge") {
		t.Errorf("large headers: %d %.200s", status, text)
	}
	large := "POST /uploads?delete HTTP/1.1\r\nHost: x\r\nContent-Length: 5242880\r\n\r\n" + strings.Repeat("<", 16<<10)
	if status, text := raw(t, s.url, large); status != http.StatusBadRequest || !strings.Contains(text, "MaxMessageLengthExceeded") {
		t.Errorf("large document: %d %.200s", status, text)
	}
	r = signed(t, request(t, "PUT", s.url+"/uploads/"+strings.Repeat("k", 1025), "x"), id, secret, time.Now())
	if status, text, _ := send(t, r); status != http.StatusBadRequest || !strings.Contains(text, "KeyTooLong") {
		t.Errorf("long key: %d %.200s", status, text)
	}
	for _, path := range []string{"/uploads/%ff", "/uploads/%zz", "/..%2f..", "/UP", "/a"} {
		status, text := raw(t, s.url, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		if status < 400 || status >= 500 {
			t.Errorf("%s: %d %.200s", path, status, text)
		}
	}
	for name, text := range map[string]string{"not HTTP": "hello\r\n\r\n", "no length": "PUT /uploads/k HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n"} {
		if status, _ := raw(t, s.url, text); status < 400 || status >= 500 {
			t.Errorf("%s: %d", name, status)
		}
	}
}

// raw sends text as it is and gives the status of the answer.
func raw(t *testing.T, url, text string) (int, string) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

func TestABoxReachesItsOwnProjectOnly(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	put(t, s.bucket(t, "uploads"), "uploads", "k", "data")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	inside := make(chan dayfly.ProjectName, 1)
	var now dayfly.ProjectName
	go s.ServeBox(l, func() (dayfly.ProjectName, bool) {
		select {
		case now = <-inside:
		default:
		}
		return now, now != ""
	})
	outside := s.url
	s.url = "http://" + l.Addr().String()
	read := func() string {
		_, err := s.client("shop").GetObject(t.Context(), &awss3.GetObjectInput{Bucket: aws.String("uploads"), Key: aws.String("k")})
		return code(err)
	}
	if got := read(); got != "AccessDenied" {
		t.Errorf("a box that runs nothing: %s", got)
	}
	inside <- "other"
	if got := read(); got != "AccessDenied" {
		t.Errorf("a box of another project: %s", got)
	}
	inside <- "shop"
	if got := read(); got != "<nil>" {
		t.Errorf("a box of the project: %s", got)
	}
	s.url = outside
	if got := read(); got != "<nil>" {
		t.Errorf("from outside: %s", got)
	}
}

func TestUnsupportedIsRefused(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	c := s.bucket(t, "uploads")
	b, k := aws.String("uploads"), aws.String("k")
	write := func(change func(*awss3.PutObjectInput)) error {
		in := &awss3.PutObjectInput{Bucket: b, Key: k, Body: strings.NewReader("x")}
		change(in)
		_, err := c.PutObject(t.Context(), in)
		return err
	}
	_, lockErr := c.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: aws.String("locked"), ObjectLockEnabledForBucket: aws.Bool(true)})
	_, policyErr := c.PutBucketPolicy(t.Context(), &awss3.PutBucketPolicyInput{Bucket: b, Policy: aws.String("{}")})
	_, notifyErr := c.PutBucketNotificationConfiguration(t.Context(), &awss3.PutBucketNotificationConfigurationInput{Bucket: b,
		NotificationConfiguration: &types.NotificationConfiguration{EventBridgeConfiguration: &types.EventBridgeConfiguration{}}})
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"public object":     {write(func(in *awss3.PutObjectInput) { in.ACL = types.ObjectCannedACLPublicRead }), "AccessControlListNotSupported"},
		"encryption":        {write(func(in *awss3.PutObjectInput) { in.ServerSideEncryption = types.ServerSideEncryptionAes256 }), "NotImplemented"},
		"cold storage":      {write(func(in *awss3.PutObjectInput) { in.StorageClass = types.StorageClassGlacier }), "InvalidStorageClass"},
		"object lock":       {write(func(in *awss3.PutObjectInput) { in.ObjectLockLegalHoldStatus = types.ObjectLockLegalHoldStatusOn }), "NotImplemented"},
		"bucket with locks": {lockErr, "NotImplemented"},
		"bucket policy":     {policyErr, "NotImplemented"},
		"EventBridge":       {notifyErr, "NotImplemented"},
	} {
		if got := code(c.err); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestBrowsersAndHosts(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	c := s.bucket(t, "photos")
	put(t, c, "photos", "a b", "data")
	id, secret := s.keys.Credentials("shop")
	r := request(t, "GET", s.url+"/a%20b", "")
	r.Host = "photos.s3.localhost:8082"
	if status, text, _ := send(t, signed(t, r, id, secret, time.Now())); status != http.StatusOK || text != "data" {
		t.Errorf("the bucket as a host: %d %s", status, text)
	}
	_, err := c.PutBucketCors(t.Context(), &awss3.PutBucketCorsInput{Bucket: aws.String("photos"), CORSConfiguration: &types.CORSConfiguration{
		CORSRules: []types.CORSRule{{AllowedMethods: []string{"PUT"}, AllowedOrigins: []string{"https://a.example"}, AllowedHeaders: []string{"*"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	for origin, want := range map[string]int{"https://a.example": http.StatusOK, "https://b.example": http.StatusForbidden} {
		r := request(t, "OPTIONS", s.url+"/photos/new", "")
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", "PUT")
		status, text, h := send(t, r)
		if status != want || want == http.StatusOK && h.Get("Access-Control-Allow-Origin") != origin {
			t.Errorf("preflight of %s: %d %s %v", origin, status, text, h)
		}
	}
}

func TestSecretIsKeptAndPrivate(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	first, err := s3.OpenKeys(file)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the secret's file: %v, %v", info.Mode(), err)
	}
	second, err := s3.OpenKeys(file)
	if err != nil {
		t.Fatal(err)
	}
	id, secret := first.Credentials("shop")
	if again, same := second.Credentials("shop"); again != id || same != secret {
		t.Error("the key changed when the secret was opened again")
	}
	if _, other := first.Credentials("shop2"); other == secret {
		t.Error("two projects have the same secret")
	}
	if project, ok := first.Project(id); !ok || project != "shop" {
		t.Errorf("project of the key: %q, %v", project, ok)
	}
	for _, wrong := range []string{"", "DAYFLY", id + "A", id[:len(id)-1], strings.ToLower(id), id + "=", fmt.Sprint(strings.Repeat("DAYFLY", 40))} {
		if project, ok := first.Project(wrong); ok {
			t.Errorf("Project(%q) = %q", wrong, project)
		}
	}
	if err := os.WriteFile(file, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s3.OpenKeys(file); dayfly.KindOf(err) != dayfly.KindInvalid {
		t.Errorf("a broken secret: %v", err)
	}
}

// FuzzKeys looks for an identity that is taken for another's.
func FuzzKeys(f *testing.F) {
	keys, err := s3.OpenKeys(filepath.Join(f.TempDir(), "secret"))
	if err != nil {
		f.Fatal(err)
	}
	id, _ := keys.Credentials("shop")
	for _, seed := range []string{id, id + "=", "DAYFLY", "DAYFLYAA", strings.ToLower(id), ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		project, ok := keys.Project(id)
		if !ok {
			return
		}
		if again, _ := keys.Credentials(project); again != id {
			t.Errorf("Project(%q) = %q, whose key is %q", id, project, again)
		}
	})
}
