// SPDX-License-Identifier: Apache-2.0

package wasi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/guest/serve"
	"github.com/dayfly-faas/dayfly/internal/wasm"
	"github.com/dayfly-faas/dayfly/internal/wasm/wagi"
)

// rehearsedCalls is how many calls a rehearsal has: the second finds pages and caches
// that the first left.
const rehearsedCalls = 3

// rehearse becomes a revision and answers calls, with the probe as its module, in a guest
// that is thrown away. It halves what a first call takes: the program's pages are mapped,
// and the JSON library knows the types of frames.
func rehearse(ctx context.Context, scratch string) error {
	dir, err := os.MkdirTemp(scratch, "rehearsal-")
	if err != nil {
		return fmt.Errorf("make folder of rehearsal: %w", err)
	}
	defer os.RemoveAll(dir)
	const module = planDir + "/0.wasm"
	p := plan{Format: wasm.Format, Program: wagi.Alone("probe.wasm", nil), Files: map[string]ahead{"probe.wasm": {File: module}}}
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode plan of rehearsal: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, planDir), 0o700); err != nil {
		return fmt.Errorf("make folder of rehearsal: %w", err)
	}
	err = errors.Join(os.WriteFile(filepath.Join(dir, planFile), text, 0o600),
		os.WriteFile(filepath.Join(dir, module), wasm.Probe(), 0o600),
		os.WriteFile(filepath.Join(dir, "probe.wasm"), wasm.Probe(), 0o600))
	if err != nil {
		return fmt.Errorf("write rehearsal: %w", err)
	}
	m, err := newModules(ctx, place{task: dir, scratch: scratch, notes: io.Discard})
	if err != nil {
		return err
	}
	defer m.engine.Close(ctx)
	near, far, err := pair()
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- serve.New(far, m).Serve(hello()) }()
	err = play(near, dir)
	_ = near.Close()
	if end := <-served; err == nil && !errors.Is(end, io.EOF) {
		err = end
	}
	_ = far.Close()
	return err
}

// pair gives two ends of a socket like the one that the host speaks through.
func pair() (near, far net.Conn, err error) {
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make sockets of rehearsal: %w", err)
	}
	conns := make([]net.Conn, len(ends))
	for i, fd := range ends {
		f := os.NewFile(uintptr(fd), "rehearsal")
		if conns[i], err = net.FileConn(f); err != nil {
			return nil, nil, fmt.Errorf("make sockets of rehearsal: %w", err)
		}
		_ = f.Close()
	}
	return conns[0], conns[1], nil
}

// play is the host in a rehearsal.
func play(nc net.Conn, task string) error {
	rev, err := json.Marshal(frame.SpecialiseHead{
		Function: "rehearsal", Task: task, Env: map[string]string{"A": "1"}, Concurrency: 1,
		MemoryBytes: dayfly.DefaultSpec().Limits.MemoryBytes, Command: []string{"probe.wasm"},
	})
	if err != nil {
		return fmt.Errorf("encode rehearsal: %w", err)
	}
	request := []byte(`{"id":"rehearsal","kind":"http","method":"GET","path":"/","host":"a:1","scheme":"http",` +
		`"headers":[["accept","*/*"],["user-agent","rehearsal"]],"length":0}`)
	send := func(t frame.Type, stream uint32, payload []byte) {
		if err == nil {
			_, err = nc.Write(frame.Append(nil, t, stream, payload))
		}
	}
	r := frame.NewReader(nc)
	await := func(want frame.Type) {
		for err == nil {
			var f frame.Frame
			if f, err = r.Read(); err == nil && f.Type == frame.Error {
				err = fmt.Errorf("rehearse a call: %s", f.Payload)
			}
			if f.Type == want {
				return
			}
		}
	}
	await(frame.Hello)
	send(frame.Specialise, 0, rev)
	await(frame.Ready)
	for stream := range uint32(rehearsedCalls) {
		send(frame.Request, stream+1, request)
		send(frame.End, stream+1, nil)
		await(frame.End)
	}
	return err
}
