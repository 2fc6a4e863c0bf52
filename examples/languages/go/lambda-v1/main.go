// SPDX-License-Identifier: Apache-2.0

// Command lambda-v1 answers a REST API of API Gateway.
package main

import (
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func handle(r events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	return events.APIGatewayProxyResponse{StatusCode: 200,
		MultiValueHeaders: map[string][]string{"Set-Cookie": {"a=1", "b=2"}, "Content-Type": {"text/plain"}},
		Body: fmt.Sprintf("%s %s proxy=%s q=%v agent=%s body=%s", r.HTTPMethod, r.Path,
			r.PathParameters["proxy"], r.MultiValueQueryStringParameters["q"], r.Headers["User-Agent"], r.Body)}, nil
}

func main() { lambda.Start(handle) }
