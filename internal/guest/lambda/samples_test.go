// SPDX-License-Identifier: Apache-2.0

package lambda_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
)

// samples are AWS's event samples, each with the type that its module has for it.
func samples() map[string]any {
	return map[string]any{
		"activemq-event.json":                                   &events.ActiveMQEvent{},
		"alb-lambda-target-request-headers-only.json":           &events.ALBTargetGroupRequest{},
		"alb-lambda-target-request-multivalue-headers.json":     &events.ALBTargetGroupRequest{},
		"alb-lambda-target-response.json":                       &events.ALBTargetGroupResponse{},
		"apigw-custom-auth-request-type-request.json":           &events.APIGatewayCustomAuthorizerRequestTypeRequest{},
		"apigw-custom-auth-request.json":                        &events.APIGatewayCustomAuthorizerRequest{},
		"apigw-custom-auth-response.json":                       &events.APIGatewayCustomAuthorizerResponse{},
		"apigw-request.json":                                    &events.APIGatewayProxyRequest{},
		"apigw-response.json":                                   &events.APIGatewayProxyResponse{},
		"apigw-restapi-openapi-request.json":                    &events.APIGatewayProxyRequest{},
		"apigw-v2-custom-authorizer-v1-request.json":            &events.APIGatewayV2CustomAuthorizerV1Request{},
		"apigw-v2-custom-authorizer-v2-request.json":            &events.APIGatewayV2CustomAuthorizerV2Request{},
		"apigw-v2-request-iam.json":                             &events.APIGatewayV2HTTPRequest{},
		"apigw-v2-request-jwt-authorizer.json":                  &events.APIGatewayV2HTTPRequest{},
		"apigw-v2-request-lambda-authorizer.json":               &events.APIGatewayV2HTTPRequest{},
		"apigw-v2-request-no-authorizer.json":                   &events.APIGatewayV2HTTPRequest{},
		"apigw-websocket-request-disconnect.json":               &events.APIGatewayWebsocketProxyRequest{},
		"apigw-websocket-request-send-message.json":             &events.APIGatewayWebsocketProxyRequest{},
		"apigw-websocket-request.json":                          &events.APIGatewayWebsocketProxyRequest{},
		"appsync-identity-cognito.json":                         &events.AppSyncCognitoIdentity{},
		"appsync-identity-iam.json":                             &events.AppSyncIAMIdentity{},
		"appsync-lambda-auth-request.json":                      &events.AppSyncLambdaAuthorizerRequest{},
		"appsync-lambda-auth-response.json":                     &events.AppSyncLambdaAuthorizerResponse{},
		"autoscaling-event-launch-successful.json":              &events.AutoScalingEvent{},
		"autoscaling-event-launch-unsuccessful.json":            &events.AutoScalingEvent{},
		"autoscaling-event-lifecycle-action.json":               &events.AutoScalingEvent{},
		"autoscaling-event-terminate-action.json":               &events.AutoScalingEvent{},
		"autoscaling-event-terminate-successful.json":           &events.AutoScalingEvent{},
		"autoscaling-event-terminate-unsuccessful.json":         &events.AutoScalingEvent{},
		"clientvpn-connectionhandler-request.json":              &events.ClientVPNConnectionHandlerRequest{},
		"cloudwatch-alarm-sns-payload-multiple-metrics.json":    &events.SNSEvent{},
		"cloudwatch-alarm-sns-payload-single-metric.json":       &events.SNSEvent{},
		"cloudwatch-logs-event.json":                            &events.CloudwatchLogsEvent{},
		"code-commit-event.json":                                &events.CodeCommitEvent{},
		"codebuild-phase-change.json":                           &events.CodeBuildEvent{},
		"codebuild-state-change.json":                           &events.CodeBuildEvent{},
		"codedeploy-deployment-event.json":                      &events.CodeDeployEvent{},
		"codedeploy-instance-event.json":                        &events.CodeDeployEvent{},
		"codepipeline-action-execution-stage-change-event.json": &events.CodePipelineCloudWatchEvent{},
		"codepipeline-execution-stage-change-event.json":        &events.CodePipelineCloudWatchEvent{},
		"codepipeline-execution-state-change-event.json":        &events.CodePipelineCloudWatchEvent{},
		"codepipeline-job-event.json":                           &events.CodePipelineJobEvent{},
		"cognito-event-userpools-create-auth-challenge.json":    &events.CognitoEventUserPoolsCreateAuthChallenge{},
		"cognito-event-userpools-custommessage.json":            &events.CognitoEventUserPoolsCustomMessage{},
		"cognito-event-userpools-define-auth-challenge.json":    &events.CognitoEventUserPoolsDefineAuthChallenge{},
		"cognito-event-userpools-inbound-federation-oidc.json":  &events.CognitoEventUserPoolsInboundFederation{},
		"cognito-event-userpools-inbound-federation-saml.json":  &events.CognitoEventUserPoolsInboundFederation{},
		"cognito-event-userpools-migrateuser.json":              &events.CognitoEventUserPoolsMigrateUser{},
		"cognito-event-userpools-postauthentication.json":       &events.CognitoEventUserPoolsPostAuthentication{},
		"cognito-event-userpools-postconfirmation.json":         &events.CognitoEventUserPoolsPostConfirmation{},
		"cognito-event-userpools-preauthentication.json":        &events.CognitoEventUserPoolsPreAuthentication{},
		"cognito-event-userpools-presignup.json":                &events.CognitoEventUserPoolsPreSignup{},
		"cognito-event-userpools-pretokengen-v2.json":           &events.CognitoEventUserPoolsPreTokenGenV2_0{},
		"cognito-event-userpools-pretokengen-v2_0.json":         &events.CognitoEventUserPoolsPreTokenGenV2_0{},
		"cognito-event-userpools-pretokengen.json":              &events.CognitoEventUserPoolsPreTokenGen{},
		"cognito-event-userpools-verify-auth-challenge.json":    &events.CognitoEventUserPoolsVerifyAuthChallenge{},
		"cognito-event.json":                                    &events.CognitoEvent{},
		"config-event.json":                                     &events.ConfigEvent{},
		"connect-event.json":                                    &events.ConnectEvent{},
		"dynamodb-event-malformed.2.json":                       &events.DynamoDBEvent{},
		"dynamodb-event.json":                                   &events.DynamoDBEvent{},
		"dynamodb-time-window-event.json":                       &events.DynamoDBTimeWindowEvent{},
		"ecr-image-push-event.json":                             &events.ECRImageActionEvent{},
		"ecr-image-scan-event.json":                             &events.ECRScanEvent{},
		"ecs-container-instance-state-change.json":              &events.ECSContainerInstanceEvent{},
		"iot-1-click-event.json":                                &events.IoTOneClickEvent{},
		"iot-button-event.json":                                 &events.IoTButtonEvent{},
		"iot-custom-auth-request.json":                          &events.IoTCoreCustomAuthorizerRequest{},
		"iot-custom-auth-response.json":                         &events.IoTCoreCustomAuthorizerResponse{},
		"iot-preprovision-hook-request.json":                    &events.IoTPreProvisionHookRequest{},
		"iot-preprovision-hook-response.json":                   &events.IoTPreProvisionHookResponse{},
		"kafka-event.json":                                      &events.KafkaEvent{},
		"kinesis-analytics-output-delivery-event.json":          &events.KinesisAnalyticsOutputDeliveryEvent{},
		"kinesis-analytics-output-delivery-response.json":       &events.KinesisAnalyticsOutputDeliveryResponse{},
		"kinesis-event.json":                                    &events.KinesisEvent{},
		"kinesis-firehose-event.json":                           &events.KinesisFirehoseEvent{},
		"kinesis-firehose-response.json":                        &events.KinesisFirehoseResponse{},
		"kinesis-time-window-event.json":                        &events.KinesisTimeWindowEvent{},
		"lambda-urls-request.json":                              &events.LambdaFunctionURLRequest{},
		"lambda-urls-response.json":                             &events.LambdaFunctionURLResponse{},
		"lex-event.json":                                        &events.LexEvent{},
		"lex-response.json":                                     &events.LexResponse{},
		"rabbitmq-event.json":                                   &events.RabbitMQEvent{},
		"s3-batch-job-event-request-1.0.json":                   &events.S3BatchJobEvent{},
		"s3-batch-job-event-request-2.0.json":                   &events.S3BatchJobEventV2{},
		"s3-batch-job-event-response.json":                      &events.S3BatchJobResponse{},
		"s3-event-with-decoded.json":                            &events.S3Event{},
		"s3-event.json":                                         &events.S3Event{},
		"s3-glacier-event.json":                                 &events.S3Event{},
		"s3-intelligenttier-event.json":                         &events.S3Event{},
		"s3-lifecycle-event.json":                               &events.S3Event{},
		"s3-object-lambda-event-get-object-assumed-role.json":   &events.S3ObjectLambdaEvent{},
		"s3-object-lambda-event-get-object-iam.json":            &events.S3ObjectLambdaEvent{},
		"s3-object-lambda-event-head-object-iam.json":           &events.S3ObjectLambdaEvent{},
		"s3-object-lambda-event-list-objects-iam.json":          &events.S3ObjectLambdaEvent{},
		"s3-object-lambda-event-list-objects-v2-iam.json":       &events.S3ObjectLambdaEvent{},
		"s3-replication-event.json":                             &events.S3Event{},
		"s3-restore-event.json":                                 &events.S3Event{},
		"secretsmanager-secret-rotation-event.json":             &events.SecretsManagerSecretRotationEvent{},
		"ses-lambda-event.json":                                 &events.SimpleEmailEvent{},
		"ses-s3-event.json":                                     &events.SimpleEmailEvent{},
		"ses-sns-event.json":                                    &events.SimpleEmailEvent{},
		"sns-event.json":                                        &events.SNSEvent{},
		"sqs-event.json":                                        &events.SQSEvent{},
	}
}

// samplesDir is where the module with AWS's client keeps them.
func samplesDir(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-lambda-go").Output()
	if err != nil {
		t.Skipf("SKIPPED: the module of AWS's client is not here: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "events", "testdata")
}

// malformed is the sample that is no whole JSON.
const malformed = "dynamodb-event-malformed.2.json"

func TestEverySampleHasAType(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(samplesDir(t))
	if err != nil {
		t.Fatal(err)
	}
	known := samples()
	for _, e := range entries {
		if known[e.Name()] == nil {
			t.Errorf("sample %s is in no row", e.Name())
		}
	}
	if len(entries) != len(known) {
		t.Errorf("%d samples, %d rows", len(entries), len(known))
	}
}

// TestSamplesPassThroughTheClient sends each sample through our Runtime API and AWS's
// own client and back, and decodes what came.
func TestSamplesPassThroughTheClient(t *testing.T) {
	t.Parallel()
	dir := samplesDir(t)
	w := program(t, "echo", nil)
	kept := 0
	for name, into := range samples() {
		sample, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		got, _ := w.exchange(t.Context(), invocation(dayfly.RequestEvent, string(sample)))
		if name == malformed {
			if !strings.HasPrefix(got, "exception ") {
				t.Errorf("%s = %.300s, want the client's refusal", name, got)
			}
			continue
		}
		back, ok := strings.CutPrefix(got, "200 application/json ")
		if len(sample) > 2000 { // exchange prints the length of long ones alone
			back, ok = w.whole(string(sample)), true
		}
		var compacted bytes.Buffer
		if err := json.Compact(&compacted, sample); err != nil {
			t.Fatal(err)
		}
		if !ok || back != compacted.String() {
			t.Errorf("%s came back as %.300s", name, got)
			continue
		}
		if roundTrips(t, name, []byte(back), into) {
			kept++
		}
	}
	t.Logf("%d samples are the same after decoding and encoding", kept)
	if kept < samplesKept {
		t.Errorf("%d samples are the same after decoding and encoding, want %d", kept, samplesKept)
	}
}

// whole is the answer to an event, however long.
func (w *world) whole(event string) string {
	w.t.Helper()
	result, err := w.conn.Exchange(w.t.Context(), invocation(dayfly.RequestEvent, event), func() {})
	if err != nil || result.Failure != nil {
		w.t.Fatalf("call: %v %v", err, result)
	}
	defer result.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(result.Body); err != nil {
		w.t.Fatal(err)
	}
	return body.String()
}

// roundTrips decodes and encodes a sample twice: what its type keeps must stay. It tells
// whether the type keeps everything.
func roundTrips(t *testing.T, name string, sample []byte, into any) bool {
	t.Helper()
	again := reflect.New(reflect.TypeOf(into).Elem()).Interface()
	if err := json.Unmarshal(sample, into); err != nil {
		t.Errorf("%s is not decoded into %T: %v", name, into, err)
		return false
	}
	first, err := json.Marshal(into)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return false
	}
	if err := json.Unmarshal(first, again); err != nil {
		t.Errorf("%s: what was encoded is not decoded: %v", name, err)
		return false
	}
	if diff := cmp.Diff(value(t, first), value(t, marshal(t, again))); diff != "" {
		t.Errorf("%s changes with every round (-first +second):\n%s", name, diff)
	}
	return cmp.Equal(value(t, sample), value(t, first))
}

func value(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// samplesKept is how many samples AWS's types keep whole; the others lose members, or
// gain empty ones.
const samplesKept = 97
