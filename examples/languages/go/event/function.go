// SPDX-License-Identifier: Apache-2.0

// Package event holds a background function of Pub/Sub.
package event

import (
	"context"
	"fmt"
)

// PubSubMessage is the payload of a Pub/Sub event.
type PubSubMessage struct {
	Data []byte `json:"data"`
}

// HelloPubSub refuses messages that greet nobody.
func HelloPubSub(ctx context.Context, m PubSubMessage) error {
	name := string(m.Data)
	if name == "" {
		return fmt.Errorf("the message is empty")
	}
	fmt.Printf("Hello, %s!\n", name)
	return nil
}
