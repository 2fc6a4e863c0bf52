// SPDX-License-Identifier: Apache-2.0

// Command lambda-stream streams its answer, as behind a function URL of AWS.
package main

import (
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func handle(r *events.LambdaFunctionURLRequest) (*events.LambdaFunctionURLStreamingResponse, error) {
	body, w := io.Pipe()
	go func() {
		for i := range 3 {
			_, _ = fmt.Fprintf(w, "line %d of %s\n", i, r.RawPath)
		}
		_ = w.Close()
	}()
	return &events.LambdaFunctionURLStreamingResponse{StatusCode: http.StatusAccepted, Body: body,
		Headers: map[string]string{"Content-Type": "text/x-lines"}, Cookies: []string{"c=1"}}, nil
}

func main() { lambda.Start(handle) }
