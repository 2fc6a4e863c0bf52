// SPDX-License-Identifier: Apache-2.0

package idle_test

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dayfly-faas/dayfly/internal/gateway/idle"
)

func TestStreamsEndWhenNothingMoves(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]func(stream io.ReadWriteCloser, far net.Conn){
		"reading keeps it alive": func(stream io.ReadWriteCloser, far net.Conn) {
			go func() { _, _ = far.Write([]byte("x")) }()
			_, _ = stream.Read(make([]byte, 1))
		},
		"writing keeps it alive": func(stream io.ReadWriteCloser, far net.Conn) {
			go func() { _, _ = far.Read(make([]byte, 1)) }()
			_, _ = stream.Write([]byte("x"))
		},
		"what moves beside it does": func(stream io.ReadWriteCloser, _ net.Conn) { idle.Touch(stream) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				defer far.Close()
				stream := idle.Bound(near, time.Minute).(io.ReadWriteCloser)
				for range 5 {
					time.Sleep(50 * time.Second)
					move(stream, far)
				}
				began := time.Now()
				_, err := stream.Read(make([]byte, 1))
				if took := time.Since(began); !errors.Is(err, idle.ErrIdle) || took != time.Minute {
					t.Errorf("reading ended with %v after %s, want ErrIdle after a minute", err, took)
				}
				if _, err := far.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
					t.Errorf("the other end got %v, want the end", err)
				}
			})
		})
	}
}

func TestStreamsEndOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &counting{}
		s := idle.Bound(c, time.Second)
		_ = s.Close()
		_ = s.Close()
		time.Sleep(time.Hour)
		if c.closed != 1 {
			t.Errorf("it was closed %d times", c.closed)
		}
		if _, writes := s.(io.Writer); writes {
			t.Error("what cannot be written to can be, bounded")
		}
	})
}

type counting struct{ closed int }

func (c *counting) Read([]byte) (int, error) { return 0, io.EOF }

func (c *counting) Close() error { c.closed++; return nil }

func BenchmarkRead(b *testing.B) {
	s := idle.Bound(io.NopCloser(endless{}), time.Hour)
	defer s.Close()
	p := make([]byte, 1)
	for b.Loop() {
		_, _ = s.Read(p)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
