// SPDX-License-Identifier: Apache-2.0

package topic_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/bus"
	"github.com/dayfly-faas/dayfly/internal/store"
	"github.com/dayfly-faas/dayfly/internal/topic"
)

// crashEnv makes the test binary publish to the directory it names until it is killed.
const crashEnv = "TOPIC_TEST_CRASH"

// publishUntilKilled prints "SEQUENCE" of each message that was acknowledged.
func publishUntilKilled(dir string) {
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	fail := func(err error) {
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	b := bus.New(bus.Config{Dir: dir}, log)
	fail(b.Open(ctx))
	records := store.New(b, bus.BucketResources, log)
	fail(records.Open(ctx))
	tp := topic.New(topic.Config{}, log, b, records)
	fail(tp.Open(ctx))
	fail(tp.Ensure(ctx, shop, "clicks"))
	cursor := topic.Cursor{Name: "shop/f/t", Source: topic.QueueSource(shop, "clicks")}
	for i := 0; ; i++ {
		sequences, err := tp.Publish(ctx, shop, "clicks",
			make([]dayfly.Event, 1+i%3*20))
		fail(err)
		cursor.Sequence = sequences[len(sequences)-1]
		fail(tp.Place(ctx, cursor))
		fmt.Println(cursor.Sequence)
	}
}

func TestAcknowledgedMessagesAndCursorsSurviveKill(t *testing.T) {
	dir, total := t.TempDir(), uint64(0)
	for round := range 8 {
		last := uint64(0)
		for line := range strings.Lines(runAndKill(t, dir, time.Duration(20+rand.IntN(100))*time.Millisecond)) {
			if _, err := fmt.Sscan(line, &last); err != nil {
				t.Fatalf("round %d: child said %q", round, line)
			}
		}
		tp, close := open(t, dir, topic.Config{})
		stats, err := tp.Stats(t.Context(), topic.QueueSource(shop, "clicks"))
		if err != nil || stats.Last < last || stats.Messages != stats.Last {
			t.Errorf("round %d: %+v, %v after %d were acknowledged", round, stats, err, last)
		}
		if c, ok := tp.Cursor("shop/f/t"); !ok || c.Sequence < last || c.Sequence > stats.Last {
			t.Errorf("round %d: cursor %+v after %d was acknowledged", round, c, last)
		}
		close()
		total = last
	}
	if total < 100 {
		t.Errorf("only %d messages were acknowledged in all rounds; the test shows nothing", total)
	}
}

// runAndKill starts a publisher, kills it so long after its first acknowledgement, and
// gives the lines that it printed whole.
func runAndKill(t *testing.T, dir string, life time.Duration) string {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), crashEnv+"="+dir)
	pipe, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	lines := bufio.NewReader(pipe)
	first, err := lines.ReadString('\n')
	if err != nil {
		t.Fatalf("child ended before its first message: %q, %v", first, err)
	}
	out.WriteString(first)
	killer := time.AfterFunc(life, func() { _ = child.Process.Kill() })
	defer killer.Stop()
	if _, err := out.ReadFrom(lines); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed on purpose
	return out.String()[:strings.LastIndexByte(out.String(), '\n')+1]
}

// BenchmarkPublish measures durable messages a second of four publishers.
func BenchmarkPublish(b *testing.B) {
	for name, size := range map[string]int{"one": 1, "hundred": 100} {
		b.Run(name+" at once", func(b *testing.B) {
			tp := withQueue(b, "clicks")
			events := make([]dayfly.Event, size)
			for i := range events {
				events[i] = dayfly.Event{Data: bytes.Repeat([]byte("x"), 200)}
			}
			b.SetParallelism(2)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := tp.Publish(b.Context(), shop, "clicks", events); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// BenchmarkRead measures messages read a second by one reader.
func BenchmarkRead(b *testing.B) {
	tp := withQueue(b, "clicks")
	for range 10 {
		if _, err := tp.Publish(b.Context(), shop, "clicks", make([]dayfly.Event, 1000)); err != nil {
			b.Fatal(err)
		}
	}
	messages := 0
	for b.Loop() {
		messages += len(dataFrom(b, tp, "clicks", topic.From{}, 256))
	}
	b.ReportMetric(float64(messages)/b.Elapsed().Seconds(), "messages/s")
}
