// SPDX-License-Identifier: Apache-2.0

package logs

import "context"

// Flush sends what is new to the stream at once, so that tests need not wait for it.
func (l *Logs) Flush(ctx context.Context) { l.flush(ctx) }
