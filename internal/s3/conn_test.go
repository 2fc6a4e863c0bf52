// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func TestStalledClientsAreCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		c := &guarded{Conn: here}
		defer c.Close()
		began := time.Now()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != stallTimeout {
			t.Errorf("a read that gets nothing: %v after %s", err, time.Since(began))
		}
		began = time.Now()
		if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != stallTimeout {
			t.Errorf("a write that nobody takes: %v after %s", err, time.Since(began))
		}
		began = time.Now()
		if err := c.SetReadDeadline(began.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("the nearer deadline: %v after %s", err, time.Since(began))
		}
		if err := c.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = there.Write([]byte("y")) }()
		if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("a client that goes on: %d, %v", n, err)
		}
	})
}

func TestFilesAreSentWhole(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "f")
	want := make([]byte, 2*sendBytes+17)
	for i := range want {
		want[i] = byte(i * 7)
	}
	if err := os.WriteFile(name, want, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan []byte, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			got <- nil
			return
		}
		data, _ := io.ReadAll(c)
		got <- data
	}()
	out, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := &guarded{Conn: out}
	n, err := c.ReadFrom(&io.LimitedReader{R: f, N: int64(len(want))})
	_ = c.Close()
	if err != nil || n != int64(len(want)) || string(<-got) != string(want) {
		t.Errorf("sent %d of %d bytes: %v", n, len(want), err)
	}
}
