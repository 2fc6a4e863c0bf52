// SPDX-License-Identifier: Apache-2.0

package blob_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/internal/blob"
	"github.com/dayfly-faas/dayfly/internal/bus"
)

// loadEnv makes the test binary write to the folder it names until it is killed.
const loadEnv = "BLOB_TEST_LOAD"

// loadWriters write at the same time, each to keys of its own.
const loadWriters = 6

// writeUntilKilled prints "try KEY ETAG" before each change and "ack KEY ETAG" after it;
// the ETag of a deletion is "-".
func writeUntilKilled(dir string) {
	log := slog.New(slog.DiscardHandler)
	ctx := context.Background()
	b := bus.New(bus.Config{Dir: dir}, log)
	check(b.Open(ctx))
	s, err := blob.New(blob.Config{Dir: filepath.Join(dir, "objects")}, b, nil, log)
	check(err)
	check(s.Open(ctx))
	go func() { check(s.Run(ctx)) }()
	if _, err := s.Bucket(ctx, photos); err != nil {
		_, err = s.CreateBucket(ctx, photos.Project, blob.Bucket{Name: photos.Name})
		check(err)
	}
	var writers sync.WaitGroup
	for w := range loadWriters {
		writers.Go(func() {
			for {
				key := fmt.Sprint(w, "/", rand.IntN(4))
				size := []int{100, 20 << 10, 50 << 10, 400 << 10}[rand.IntN(4)]
				data, tag := pattern(size, byte(rand.Uint32())), "-"
				if rand.IntN(4) > 0 {
					tag = sumOf(data)
				}
				fmt.Println("try", key, tag)
				if tag == "-" {
					_, err := s.Delete(ctx, ref(key), blob.DeleteOptions{})
					check(err)
				} else {
					_, err := s.Put(ctx, ref(key), blob.PutOptions{Size: -1}, strings.NewReader(data))
					check(err)
				}
				fmt.Println("ack", key, tag)
			}
		})
	}
	writers.Wait()
}

// TestKillUnderLoad kills a process that writes at a random time, again and again.
func TestKillUnderLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rounds, acks := 25, 0
	if testing.Short() {
		rounds = 1
	}
	acked, tried := map[string]string{}, map[string]string{}
	for range rounds {
		acks += killedLoad(t, dir, acked, tried)
		s := openAt(t, dir, blob.Config{}, nil)
		got := map[string]string{}
		objects, files := survey(t, s)
		for _, line := range objects {
			key, tag, _ := strings.Cut(line, " ")
			got[key] = tag
		}
		for key, want := range acked {
			have, ok := got[key]
			if !ok {
				have = "-"
			}
			if have != want && have != tried[key] {
				t.Fatalf("%s is %s; acknowledged was %s, tried %s", key, have, want, tried[key])
			}
			acked[key], tried[key] = have, have
		}
		if n := filesBelow(t, filepath.Join(dir, "objects")); n != files {
			t.Errorf("%d data files for objects in %d", n, files)
		}
		s.stop()
	}
	if acks < 20*rounds {
		t.Errorf("only %d changes in %d rounds; the test shows little", acks, rounds)
	}
	t.Logf("%d acknowledged changes, %d kills", acks, rounds)
}

// killedLoad runs a writer and kills it; it notes what was tried and acknowledged.
func killedLoad(t *testing.T, dir string, acked, tried map[string]string) (acks int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), loadEnv+"="+dir)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var killer *time.Timer
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		var word, key, tag string
		if _, err := fmt.Sscan(lines.Text(), &word, &key, &tag); err != nil || word == "error" {
			t.Fatalf("child said %q", lines.Text())
		}
		if killer == nil {
			killer = time.AfterFunc(time.Duration(50+rand.IntN(400))*time.Millisecond,
				func() { _ = cmd.Process.Kill() })
			defer killer.Stop()
		}
		if tried[key] = tag; word == "ack" {
			acked[key] = tag
			acks++
		} else if _, ok := acked[key]; !ok {
			acked[key] = "-" // nothing was there before
		}
	}
	_ = cmd.Wait() // killed on purpose
	return acks
}
