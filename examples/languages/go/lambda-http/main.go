// SPDX-License-Identifier: Apache-2.0

// Command lambda-http answers an HTTP API of API Gateway.
package main

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func handle(r events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	if r.RawPath == "/image" {
		return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusOK, Body: "R0lGODlh",
			IsBase64Encoded: true, Headers: map[string]string{"Content-Type": "image/gif"}}, nil
	}
	body, err := json.Marshal(map[string]string{"method": r.RequestContext.HTTP.Method, "path": r.RawPath,
		"query": r.QueryStringParameters["q"], "cookies": strings.Join(r.Cookies, "|"), "body": r.Body})
	return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusCreated, Body: string(body),
		Headers: map[string]string{"X-Version": r.Version, "X-At-Once": os.Getenv("AWS_LAMBDA_MAX_CONCURRENCY")}, Cookies: []string{"a=1", "b=2"}}, err
}

func main() { lambda.Start(handle) }
