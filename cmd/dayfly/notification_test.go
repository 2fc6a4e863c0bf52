// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/minio/minio-go/v7"
	miniocredentials "github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/notification"
)

// noticedManifest has a function that buckets call and one that reads a queue; neither
// has a trigger of a bucket.
const noticedManifest = `
functions:
  thumb: {source: ./app, dialect: lambda, instances: {max: 1}, env: {WHO: thumb}}
  reader:
    source: ./app
    dialect: lambda
    instances: {max: 1}
    env: {WHO: reader}
    on: [{queue: jobs}]
`

// noticedCode notes each record of S3 under what it was told by, as WHO and the key.
const noticedCode = `
import json, os, urllib.request

def lambda_handler(event, context):
    for record in event["Records"]:
        inner = json.loads(record["body"])["Records"] if "body" in record else [record]
        for r in inner:
            key = os.environ["WHO"] + "." + r["s3"]["object"]["key"].replace("/", ".")
            text = r["eventName"] + " " + r["s3"]["configurationId"] + " " + r["eventSource"]
            urllib.request.urlopen(urllib.request.Request(
                os.environ["DAYFLY_URL"] + "/kv/seen/" + key, method="PUT", data=text.encode(),
                headers={"Authorization": "Bearer " + os.environ["DAYFLY_TOKEN"]})).read()
`

// s3Keys gives what "dayfly bucket keys" prints.
func (w *crashWorld) s3Keys() map[string]string {
	w.t.Helper()
	keys := map[string]string{}
	for line := range strings.Lines(w.dayfly("bucket", "keys")) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		keys[name] = strings.Trim(value, `'"`)
	}
	return keys
}

// dayfly runs the command line on the node's data.
func (w *crashWorld) dayfly(args ...string) string {
	w.t.Helper()
	c := exec.CommandContext(w.t.Context(), filepath.Join(binary, "dayfly"), args...)
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "DAYFLY_DATA=" + filepath.Join(w.dir, "data"),
		"DAYFLY_URL=" + w.api, "HOME=" + w.dir}
	out, err := c.CombinedOutput()
	if err != nil {
		w.t.Fatalf("dayfly %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// kill ends the node as a crash does.
func (w *crashWorld) kill() {
	w.t.Helper()
	w.check(w.cmd.Process.Kill())
	_ = w.cmd.Wait()
}

// noticed waits until the function was told of a key, and gives of what.
func (w *crashWorld) noticed(key string) string {
	w.t.Helper()
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if text := w.values("seen")[key]; text != "" {
			return text
		}
	}
	w.t.Fatalf("nobody was told of %s; told was %v\n%s", key, w.values("seen"), w.dayfly("trigger", "list"))
	return ""
}

// aws gives AWS' own client for the node that runs now.
func (w *crashWorld) aws() *awss3.Client {
	k := w.s3Keys()
	return awss3.New(awss3.Options{Region: "us-east-1", BaseEndpoint: aws.String(k["AWS_ENDPOINT_URL_S3"]),
		UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider(
			k["AWS_ACCESS_KEY_ID"], k["AWS_SECRET_ACCESS_KEY"], "")})
}

func (w *crashWorld) put(c *awss3.Client, key string) {
	w.t.Helper()
	_, err := c.PutObject(w.t.Context(), &awss3.PutObjectInput{Bucket: aws.String("photos"), Key: &key,
		Body: strings.NewReader("a photo")})
	w.check(err)
}

// TestBucketsTellByTheirOwnConfiguration has S3's clients say who hears of a bucket's
// changes: a function and a queue get them in S3's shape, over a kill, and no longer once
// the configuration is gone.
func TestBucketsTellByTheirOwnConfiguration(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts whole nodes")
	}
	skipUnlessAble(t)
	w := &crashWorld{t: t, dir: t.TempDir(), http: &http.Client{Timeout: 10 * time.Second}}
	w.start()
	app := filepath.Join(w.dir, "project", "app")
	w.check(os.MkdirAll(app, 0o755))
	w.check(os.WriteFile(filepath.Join(app, "lambda_function.py"), []byte(noticedCode), 0o644))
	w.check(os.WriteFile(filepath.Join(w.dir, "project", "dayfly.yaml"), []byte(noticedManifest), 0o644))
	w.dayfly("deploy", filepath.Join(w.dir, "project"))
	w.dayfly("bucket", "create", "photos")

	c := w.aws()
	put := func(c *awss3.Client, n *types.NotificationConfiguration) {
		t.Helper()
		_, err := c.PutBucketNotificationConfiguration(t.Context(), &awss3.PutBucketNotificationConfigurationInput{
			Bucket: aws.String("photos"), NotificationConfiguration: n})
		w.check(err)
	}
	put(c, &types.NotificationConfiguration{
		LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{{
			Id: aws.String("new photos"), Events: []types.Event{"s3:ObjectCreated:*"},
			LambdaFunctionArn: aws.String("arn:aws:lambda:us-east-1:123456789012:function:thumb"),
			Filter: &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: []types.FilterRule{
				{Name: types.FilterRuleNamePrefix, Value: aws.String("in/")}}}}}},
		QueueConfigurations: []types.QueueConfiguration{{
			Id: aws.String("gone"), Events: []types.Event{"s3:ObjectRemoved:Delete"},
			QueueArn: aws.String("arn:aws:sqs:us-east-1:123456789012:jobs")}}})
	w.put(c, "out/no.png")
	w.put(c, "in/one.png")
	if got, want := w.noticed("thumb.in.one.png"), "ObjectCreated:Put new photos aws:s3"; got != want {
		t.Errorf("the function was told %q, want %q", got, want)
	}
	if list := w.dayfly("trigger", "list"); !strings.Contains(list, "bucket photos") ||
		!strings.Contains(list, "queue jobs") {
		t.Errorf("trigger list says\n%s", list)
	}

	w.put(c, "in/killed.png")
	w.kill()
	w.start()
	w.noticed("thumb.in.killed.png")
	c = w.aws()
	_, err := c.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: aws.String("photos"), Key: aws.String("in/one.png")})
	w.check(err)
	if got, want := w.noticed("reader.in.one.png"), "ObjectRemoved:Delete gone aws:s3"; got != want {
		t.Errorf("the queue was told %q, want %q", got, want)
	}

	w.minioReplaces()
	w.put(c, "in/two.png") // by the old configuration for the function; by the new one for nobody
	w.put(c, "minio/three.png")
	if got, want := w.noticed("reader.minio.three.png"), "ObjectCreated:Put onto-jobs aws:s3"; got != want {
		t.Errorf("the queue was told %q, want %q", got, want)
	}

	put(c, &types.NotificationConfiguration{})
	w.put(c, "minio/four.png")
	if list := w.dayfly("trigger", "list"); strings.Contains(list, "bucket photos") {
		t.Errorf("a configuration that is gone is listed:\n%s", list)
	}
	// What is told comes in order: with the next one told, the ones before would have been.
	put(c, &types.NotificationConfiguration{
		LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{{
			Events: []types.Event{"s3:ObjectCreated:Put"}, LambdaFunctionArn: aws.String("thumb")}}})
	w.put(c, "last.png")
	w.noticed("thumb.last.png")
	seen := w.values("seen")
	for _, key := range []string{"thumb.out.no.png", "thumb.in.two.png", "reader.minio.four.png", "thumb.minio.four.png"} {
		if text, ok := seen[key]; ok {
			t.Errorf("%s was told: %s", key, text)
		}
	}
}

// minioReplaces puts another configuration in place of what there is, and reads it again,
// with minio's own client.
func (w *crashWorld) minioReplaces() {
	w.t.Helper()
	k := w.s3Keys()
	c, err := minio.New(strings.TrimPrefix(k["AWS_ENDPOINT_URL_S3"], "http://"), &minio.Options{Region: "us-east-1",
		Creds: miniocredentials.NewStaticV4(k["AWS_ACCESS_KEY_ID"], k["AWS_SECRET_ACCESS_KEY"], "")})
	w.check(err)
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	rule := notification.NewConfig(notification.NewArn("minio", "sqs", "us-east-1", "", "jobs"))
	rule.ID = "onto-jobs"
	rule.AddEvents(notification.ObjectCreatedAll)
	rule.AddFilterPrefix("minio/")
	config := notification.Configuration{}
	config.AddQueue(rule)
	w.check(c.SetBucketNotification(ctx, "photos", config))
	got, err := c.GetBucketNotification(ctx, "photos")
	w.check(err)
	if len(got.QueueConfigs) != 1 || got.QueueConfigs[0].ID != "onto-jobs" || len(got.LambdaConfigs) != 0 ||
		got.QueueConfigs[0].Queue != "arn:minio:sqs:us-east-1::jobs" {
		w.t.Errorf("minio's client read %+v", got)
	}
}
