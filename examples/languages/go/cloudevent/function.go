// SPDX-License-Identifier: Apache-2.0

// Package cloudevent holds a function of CloudEvents.
package cloudevent

import (
	"context"
	"fmt"

	"github.com/cloudevents/sdk-go/v2/event"
)

// Receive fails for events that are of another type than it knows.
func Receive(ctx context.Context, e event.Event) error {
	if e.Type() != "com.example.created" {
		return fmt.Errorf("type %s is not known", e.Type())
	}
	fmt.Printf("%s from %s: %s\n", e.ID(), e.Source(), e.Data())
	return nil
}
