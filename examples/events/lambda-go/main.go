// SPDX-License-Identifier: Apache-2.0

// Command lambda-go takes messages as AWS's documentation does, and other events as they
// are.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func handler(ctx context.Context, event json.RawMessage) (events.SQSEventResponse, error) {
	fmt.Println("got", string(event))
	var sqsEvent events.SQSEvent
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	if err := json.Unmarshal(event, &sqsEvent); err != nil {
		return response, err
	}
	for _, message := range sqsEvent.Records {
		if strings.Contains(message.Body, "bad") {
			response.BatchItemFailures = append(response.BatchItemFailures,
				events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
		}
	}
	return response, nil
}

func main() { lambda.Start(handler) }
