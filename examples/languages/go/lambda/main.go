// SPDX-License-Identifier: Apache-2.0

// Command lambda greets whoever its event names, as on AWS.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type request struct {
	Body string `json:"body"`
	Path string `json:"rawPath"`
}

func handle(ctx context.Context, r request) (string, error) {
	lc, ok := lambdacontext.FromContext(ctx)
	switch {
	case !ok || lc.AwsRequestID == "":
		return "", errors.New("there is no request id")
	case r.Path == "/error":
		return "", errors.New("as you wish")
	case r.Path == "/panic":
		panic("as you wish")
	case r.Path == "/exit":
		os.Exit(3)
	}
	name := r.Body
	if name == "" {
		name = "world"
	}
	return fmt.Sprintf("hello %s from %s", name, lambdacontext.FunctionName), nil
}

func main() { lambda.Start(handle) }
