// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/tags"
)

// clientTimeout bounds one foreign client, installation included.
const clientTimeout = 5 * time.Minute

// environment is what every client of AWS' reads to find and enter the server.
func (s *stand) environment() []string {
	id, secret := s.keys.Credentials("shop")
	return append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") }),
		"PATH="+pythonClients()+string(os.PathListSeparator)+os.Getenv("PATH"),
		"AWS_ENDPOINT_URL_S3="+s.url, "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID="+id, "AWS_SECRET_ACCESS_KEY="+secret, "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=")
}

// drive runs a client's script, which says so when all was as it expected.
func (s *stand) drive(t *testing.T, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clientTimeout)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	c.Env = s.environment()
	out, err := c.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("all as expected")) {
		t.Errorf("%s %v: %v\n%s", name, args, err, out)
	}
}

// pythonClients is where scripts/setup languages installs boto3 and the AWS CLI.
func pythonClients() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "dayfly-tests", "python", "bin")
}

// withBoto3 gives a Python whose boto3 reads the address of buckets from its environment;
// those of before 1.28 would go to AWS.
func withBoto3(t *testing.T) string {
	t.Helper()
	const recent = "import boto3, sys; sys.exit(tuple(map(int, boto3.__version__.split('.')[:2])) < (1, 28))"
	for _, python := range []string{filepath.Join(pythonClients(), "python"), "python3", "/usr/bin/python3"} {
		if exec.Command(python, "-c", recent).Run() == nil {
			return python
		}
	}
	t.Skip("NOT TESTED: no Python here has boto3 1.28 or later; run scripts/setup languages")
	return ""
}

// withCommandLine skips the test where no AWS CLI does the same: 1.29 and 2.13 began to.
func withCommandLine(t *testing.T) {
	t.Helper()
	for _, aws := range []string{filepath.Join(pythonClients(), "aws"), "aws"} {
		out, err := exec.Command(aws, "--version").CombinedOutput()
		var major, minor int
		if _, scanErr := fmt.Sscanf(string(out), "aws-cli/%d.%d", &major, &minor); err != nil || scanErr != nil {
			continue
		}
		if major == 1 && minor >= 29 || major == 2 && minor >= 13 || major > 2 {
			return
		}
		break // it is the one that the script would find
	}
	t.Skip("NOT TESTED: no recent AWS CLI here; run scripts/setup languages")
}

func TestBoto3(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a foreign client: run without -short")
	}
	python := withBoto3(t)
	newStand(t).drive(t, python, "testdata/boto3_client.py")
}

func TestAWSCommandLine(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a foreign client: run without -short")
	}
	withCommandLine(t)
	newStand(t).drive(t, "sh", "testdata/aws_cli.sh", t.TempDir())
}

func TestJavaScriptSDK(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a foreign client: run without -short")
	}
	newStand(t).drive(t, "node", "testdata/sdk_v3.mjs", javaScriptSDK(t))
}

// javaScriptSDK gives a folder in which the SDK is installed: once for a user.
func javaScriptSDK(t *testing.T) string {
	t.Helper()
	const version = "3.0.0" // the newest of major version 3 is taken
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skipf("NOT TESTED: no folder for the SDK: %v", err)
	}
	dir := filepath.Join(cache, "dayfly-tests", "aws-sdk-v3")
	if _, err := os.Stat(filepath.Join(dir, "installed")); err == nil {
		return dir
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), clientTimeout)
	defer cancel()
	c := exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "--silent",
		"@aws-sdk/client-s3@^"+version, "@aws-sdk/s3-request-presigner@^"+version)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Skipf("NOT TESTED: the JavaScript SDK cannot be installed: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "installed"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestMinIOClient(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	id, secret := s.keys.Credentials("shop")
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	c, err := minio.New(u.Host, &minio.Options{Creds: credentials.NewStaticV4(id, secret, "")})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.MakeBucket(ctx, "minio-bucket", minio.MakeBucketOptions{}))
	// Of unknown length: parts; over HTTP the client signs each chunk of them.
	large := bytes.Repeat([]byte("0123456789"), 600_000)
	_, err = c.PutObject(ctx, "minio-bucket", "a b+c/ü%", io.NopCloser(bytes.NewReader(large)), -1, minio.PutObjectOptions{PartSize: 5 << 20})
	must(err)
	_, err = c.PutObject(ctx, "minio-bucket", "small", strings.NewReader("hello"), 5, minio.PutObjectOptions{UserMetadata: map[string]string{"X": "y"}})
	must(err)
	o, err := c.GetObject(ctx, "minio-bucket", "a b+c/ü%", minio.GetObjectOptions{})
	must(err)
	back, err := io.ReadAll(o)
	must(err)
	if !bytes.Equal(back, large) {
		t.Error("a large object came back changed")
	}
	if _, err := o.Seek(7, io.SeekStart); err != nil {
		t.Error(err)
	}
	piece := make([]byte, 3)
	if _, err := io.ReadFull(o, piece); err != nil || string(piece) != "789" {
		t.Errorf("after seeking: %q, %v", piece, err)
	}
	link, err := c.PresignedGetObject(ctx, "minio-bucket", "small", time.Minute, nil)
	must(err)
	if status, text := do(t, "GET", link.String(), ""); status != 200 || text != "hello" {
		t.Errorf("presigned: %d %s", status, text)
	}
	set, err := tags.NewTags(map[string]string{"k": "v"}, true)
	must(err)
	must(c.PutObjectTagging(ctx, "minio-bucket", "small", set, minio.PutObjectTaggingOptions{}))
	_, err = c.CopyObject(ctx, minio.CopyDestOptions{Bucket: "minio-bucket", Object: "copy"}, minio.CopySrcOptions{Bucket: "minio-bucket", Object: "small"})
	must(err)
	info, err := c.StatObject(ctx, "minio-bucket", "copy", minio.StatObjectOptions{})
	must(err)
	if info.UserMetadata["X"] != "y" || info.UserTagCount != 1 {
		t.Errorf("copy: %+v", info)
	}
	var keys []string
	doomed := make(chan minio.ObjectInfo, 8)
	for entry := range c.ListObjects(ctx, "minio-bucket", minio.ListObjectsOptions{Recursive: true}) {
		must(entry.Err)
		keys = append(keys, entry.Key)
		doomed <- entry
	}
	close(doomed)
	if want := []string{"a b+c/ü%", "copy", "small"}; !slices.Equal(keys, want) {
		t.Errorf("list: %q, want %q", keys, want)
	}
	for failed := range c.RemoveObjects(ctx, "minio-bucket", doomed, minio.RemoveObjectsOptions{}) {
		t.Error(failed.Err)
	}
	if _, err := c.StatObject(ctx, "minio-bucket", "small", minio.StatObjectOptions{}); minio.ToErrorResponse(err).Code != "NoSuchKey" {
		t.Errorf("a removed object: %v", err)
	}
	must(errors.Join(c.RemoveBucket(ctx, "minio-bucket")))
}
