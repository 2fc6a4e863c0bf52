// SPDX-License-Identifier: Apache-2.0

package dotnet_test

import (
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// BenchmarkFirstCall measures what a cold start costs from a stem: becoming the revision
// and answering the first event.
func BenchmarkFirstCall(b *testing.B) {
	task := compile(b, lambdaSource)
	total := time.Duration(0)
	for b.Loop() {
		b.StopTimer()
		g := boot(b)
		b.StartTimer()
		start := time.Now()
		if err := g.become(b, task, dayfly.DialectLambda, "Hello::Hello.Function::Same"); err != nil {
			b.Fatal(err)
		}
		g.event(b, `{"x":1,"tags":["a"]}`)
		total += time.Since(start)
		b.StopTimer()
		_ = g.Close()
		b.StartTimer()
	}
	b.ReportMetric(float64(total.Microseconds())/float64(b.N)/1000, "ms/start")
}
