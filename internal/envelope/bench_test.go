// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"fmt"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/envelope"
)

// BenchmarkBatch tells what it costs to write a batch of a hundred small messages.
func BenchmarkBatch(b *testing.B) {
	var items []envelope.Item
	for i := range 100 {
		items = append(items, click(fmt.Sprint(i), `{"code":"abc","at":1700000000}`))
	}
	for name, rev := range map[string]*dayfly.Revision{
		"lambda": lambdaFunction(queueTrigger(100)),
		"worker": revision(dayfly.ContractHandler, dayfly.DialectFetch, queueTrigger(100)),
		"http":   revision(dayfly.ContractHTTP, "", queueTrigger(100)),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := envelope.Batch(rev, "clicks", items); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
