// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// told has a bucket tell one function of what is created.
func told(id, function, prefix string) types.LambdaFunctionConfiguration {
	c := types.LambdaFunctionConfiguration{Id: &id, LambdaFunctionArn: &function,
		Events: []types.Event{types.EventS3ObjectCreated}}
	if prefix != "" {
		c.Filter = &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: []types.FilterRule{
			{Name: types.FilterRuleNamePrefix, Value: &prefix}}}}
	}
	return c
}

func TestNotificationConfigurationIsKeptOrRefused(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	c := s.bucket(t, "photos")
	const thumb = "arn:aws:lambda:us-east-1:123456789012:function:thumb"
	put := func(n *types.NotificationConfiguration, unchecked bool) error {
		_, err := c.PutBucketNotificationConfiguration(t.Context(), &awss3.PutBucketNotificationConfigurationInput{
			Bucket: aws.String("photos"), NotificationConfiguration: n, SkipDestinationValidation: &unchecked})
		return err
	}
	lambdas := func(list ...types.LambdaFunctionConfiguration) *types.NotificationConfiguration {
		return &types.NotificationConfiguration{LambdaFunctionConfigurations: list}
	}
	good := lambdas(told("a", thumb, "in/"), told("b", "thumb.shop", "out/"))
	good.TopicConfigurations = []types.TopicConfiguration{{Id: aws.String("c"), TopicArn: aws.String("arn:aws:sns:us-east-1:1:jobs"),
		Events: []types.Event{types.EventS3ObjectRemovedDelete}}}
	if err := put(good, false); err != nil {
		t.Fatal(err)
	}
	queue := &types.NotificationConfiguration{QueueConfigurations: []types.QueueConfiguration{{
		QueueArn: aws.String("arn:aws:sqs:us-east-1:1:nobody"), Events: []types.Event{types.EventS3ObjectCreated}}}}
	restored := told("a", thumb, "")
	restored.Events = []types.Event{types.EventS3ObjectRestore}
	for name, bad := range map[string]struct {
		config *types.NotificationConfiguration
		want   string
	}{
		"unknown function":   {lambdas(told("a", "arn:aws:lambda:us-east-1:1:function:nobody", "")), "InvalidArgument"},
		"unknown queue":      {queue, "InvalidArgument"},
		"unknown event":      {lambdas(restored), "InvalidArgument"},
		"overlap":            {lambdas(told("a", thumb, "in/"), told("b", thumb, "in/x")), "InvalidArgument"},
		"function elsewhere": {lambdas(told("a", "thumb.other", "")), "InvalidArgument"},
	} {
		if got := code(put(bad.config, false)); got != bad.want {
			t.Errorf("%s: got %s, want %s", name, got, bad.want)
		}
	}
	kept, err := c.GetBucketNotificationConfiguration(t.Context(),
		&awss3.GetBucketNotificationConfigurationInput{Bucket: aws.String("photos")})
	if err != nil {
		t.Fatal(err)
	}
	unexported := cmpopts.IgnoreUnexported(types.LambdaFunctionConfiguration{}, types.TopicConfiguration{},
		types.NotificationConfigurationFilter{}, types.S3KeyFilter{}, types.FilterRule{})
	if diff := cmp.Diff(good.LambdaFunctionConfigurations, kept.LambdaFunctionConfigurations, unexported); diff != "" {
		t.Errorf("functions (-put +got):\n%s", diff)
	}
	if diff := cmp.Diff(good.TopicConfigurations, kept.TopicConfigurations, unexported); diff != "" {
		t.Errorf("topics (-put +got):\n%s", diff)
	}
	if err := put(queue, true); err != nil {
		t.Errorf("a queue that is still to come: %v", err)
	}
	if err := put(&types.NotificationConfiguration{}, false); err != nil {
		t.Errorf("the empty configuration: %v", err)
	}
	if _, err := s.client("other").GetBucketNotificationConfiguration(t.Context(),
		&awss3.GetBucketNotificationConfigurationInput{Bucket: aws.String("photos")}); code(err) != "NoSuchBucket" {
		t.Errorf("another project: %v", err)
	}
}
