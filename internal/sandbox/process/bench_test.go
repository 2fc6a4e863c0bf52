// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
)

// BenchmarkStart is from nothing to a program that ran and ended.
func BenchmarkStart(b *testing.B) {
	d := newDriver(b)
	for b.Loop() {
		box, err := d.Start(b.Context(), sandbox.Spec{ID: "bench", Argv: []string{"/bin/true"}})
		if err != nil {
			b.Fatal(err)
		}
		<-box.Done()
	}
}

// BenchmarkHold is from nothing to a sealed box without a program.
func BenchmarkHold(b *testing.B) {
	d := newDriver(b)
	for b.Loop() {
		box, err := d.Start(b.Context(), sandbox.Spec{ID: "bench"})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		box.Kill()
		<-box.Done()
		b.StartTimer()
	}
}

// BenchmarkExec is from the order to the program's first byte.
func BenchmarkExec(b *testing.B) {
	d := newDriver(b)
	for b.Loop() {
		b.StopTimer()
		box, err := d.Start(b.Context(), sandbox.Spec{ID: "bench"})
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := box.Exec(b.Context(), []string{"/bin/sh", "-c", "echo >&3"}, nil, "/"); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(box.Control(), make([]byte, 1)); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		<-box.Done()
		b.StartTimer()
	}
}

func BenchmarkAttach(b *testing.B) {
	d := newDriver(b)
	dir := b.TempDir()
	os.WriteFile(filepath.Join(dir, "f"), nil, 0o644)
	var box sandbox.Box
	n := 0
	for b.Loop() {
		if n%100 == 0 { // mounts pile up on one another
			b.StopTimer()
			if box != nil {
				box.Kill()
				<-box.Done()
			}
			var err error
			if box, err = d.Start(b.Context(), sandbox.Spec{ID: "bench"}); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
		n++
		if err := box.Attach(b.Context(), dir, "/var/task"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDial(b *testing.B) {
	d := newDriver(b)
	box, err := d.Start(b.Context(), sandbox.Spec{ID: "bench", Argv: []string{
		"/usr/bin/python3", "-I", "-S", "-c", `
import socket, os
s = socket.create_server(("127.0.0.1", 8080), backlog=1000)
os.write(3, b"R")
while True:
    s.accept()[0].close()
`}})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.ReadFull(box.Control(), make([]byte, 1)); err != nil {
		b.Fatal(err)
	}
	var c net.Conn
	for b.Loop() {
		if c, err = box.Dial(b.Context(), 8080); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		io.Copy(io.Discard, c)
		c.Close()
		b.StartTimer()
	}
}

func BenchmarkFreezeThaw(b *testing.B) {
	d := newDriver(b)
	box, err := d.Start(b.Context(), sandbox.Spec{ID: "bench", Argv: []string{"/bin/sleep", "1000"}})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := box.Freeze(); err != nil {
			b.Fatal(err)
		}
		if err := box.Thaw(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUsage(b *testing.B) {
	d := newDriver(b)
	box, err := d.Start(b.Context(), sandbox.Spec{ID: "bench", Argv: []string{"/bin/sleep", "1000"}})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		box.Usage()
	}
}

func BenchmarkSetLimits(b *testing.B) {
	d := newDriver(b)
	box, err := d.Start(b.Context(), sandbox.Spec{ID: "bench", Argv: []string{"/bin/sleep", "1000"}})
	if err != nil {
		b.Fatal(err)
	}
	limits := dayfly.DefaultSpec().Limits
	for b.Loop() {
		limits.MemoryBytes ^= 1 << 20
		limits.TmpBytes ^= 1 << 20
		if err := box.SetLimits(limits); err != nil {
			b.Fatal(err)
		}
	}
}
