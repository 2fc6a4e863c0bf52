// SPDX-License-Identifier: Apache-2.0

package java_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// rest waits until the guest has trained itself: its processor time stands still.
func (m *machine) rest() {
	m.t.Helper()
	const still = 60 * time.Millisecond
	last, since := "", time.Now()
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", m.cmd.Process.Pid))
		if err != nil {
			m.t.Fatal(err)
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')'):]))
		if now := fields[12] + " " + fields[13]; now != last {
			last, since = now, time.Now()
		} else if time.Since(since) > still {
			return
		}
	}
	m.t.Errorf("guest still works %s after its hello", patience)
}

// processor is the time that the guest has had a processor.
func (m *machine) processor() (total time.Duration) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", m.cmd.Process.Pid))
	for _, file := range files {
		text, _ := os.ReadFile(file)
		var spent int64
		if _, err := fmt.Sscan(string(text), &spent); err == nil {
			total += time.Duration(spent)
		}
	}
	return total
}

// BenchmarkColdStart measures what a cold start takes from a stem that had time to
// train: from specialise to ready, and from there to the first answer.
func BenchmarkColdStart(b *testing.B) {
	anyJDK(b)
	for _, jdk := range jdks() {
		for _, kind := range []struct {
			entry   string
			dialect dayfly.Dialect
		}{{"app.Hello", "lambda"}, {"app.Greet", "framework"}} {
			b.Run(jdk.Version+"/"+string(kind.dialect), func(b *testing.B) {
				if err := compiler().Archive(b.Context(), jdk); err != nil {
					b.Fatal(err)
				}
				task := fixtures(b)
				var ready, first, spent []time.Duration
				for b.Loop() {
					b.StopTimer()
					m := boot(b, jdk, 256<<20)
					m.rest()
					b.StartTimer()
					before, began := m.processor(), time.Now()
					head := frame.SpecialiseHead{Function: "demo", Revision: "demo.default@3", Entry: kind.entry,
						Dialect: kind.dialect, Task: task, Concurrency: 1, MemoryBytes: 256 << 20,
						Env: map[string]string{"TZ": ":UTC", "AWS_LAMBDA_FUNCTION_NAME": "demo", "PATH": "/usr/bin"}}
					if _, err := m.conn.Specialise(context.Background(), head); err != nil {
						b.Fatal(err)
					}
					ready = append(ready, time.Since(began))
					began = time.Now()
					if a := m.call(dayfly.Request{Kind: kindOf(kind.dialect)}, `{"name":"x"}`); a.status != 200 {
						b.Fatal(a)
					}
					first = append(first, time.Since(began))
					b.StopTimer()
					spent = append(spent, m.processor()-before)
					m.stop()
					b.StartTimer()
				}
				b.ReportMetric(median(ready), "ms-ready")
				b.ReportMetric(median(first), "ms-first")
				b.ReportMetric(median(spent), "ms-processor")
			})
		}
	}
}

func kindOf(dialect dayfly.Dialect) dayfly.RequestKind {
	if dialect == dayfly.DialectLambda {
		return dayfly.RequestEvent
	}
	return dayfly.RequestHTTP
}

func median(all []time.Duration) float64 {
	slices.Sort(all)
	return float64(all[len(all)/2].Microseconds()) / 1000
}
