// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/dayfly-faas/dayfly"
)

// FullPause is what a caller is asked to wait when there is no room.
const FullPause = time.Second

// Explain gives an error of the server its kind; nil stays nil. One that means that
// there is no room says when to try again.
func Explain(verb string, err error) error {
	var api *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &api) && api.ErrorCode == codeStoreFailed && strings.Contains(api.Description, "maximum"):
		e := dayfly.Errorf(dayfly.KindExhausted, "%s: there is no room: too many events wait", verb)
		e.RetryAfter = FullPause
		return e
	case errors.Is(err, context.Canceled):
		return dayfly.Errorf(dayfly.KindCanceled, "%s: %w", verb, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return dayfly.Errorf(dayfly.KindTimeout, "%s: %w", verb, err)
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrNoResponders),
		errors.Is(err, jetstream.ErrNoStreamResponse):
		return dayfly.Errorf(dayfly.KindUnavailable, "%s: %w", verb, err)
	}
	return dayfly.Errorf(dayfly.KindInternal, "%s: %w", verb, err)
}

// codeStoreFailed is the server's code for a message that was not stored
// (JSStreamStoreFailedF): "maximum bytes exceeded", "maximum messages per subject
// exceeded", or what the disk said.
const codeStoreFailed = 10077
