// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly/internal/airlock"
)

// Descriptors of a box's first process while it plays its script.
const (
	controlFD  = 3
	commandFD  = 4 // the airlock reports there
	landlockFD = 9 // a path that a Landlock rule names
)

// arg is one argument of a step.
type arg struct {
	kind  airlock.Kind
	value uint64
}

func num[T int | uint | uint32 | uint64 | int64](v T) arg {
	return arg{airlock.Value, uint64(v)}
}
func register(n uint8) arg { return arg{airlock.Register, uint64(n)} }

// here is AT_FDCWD as an argument.
func here() arg { return num(int64(unix.AT_FDCWD)) }

// script builds a tape: steps, the data they point to, and the descriptors they use.
type script struct {
	steps []airlock.Step
	says  []string // what each step does, for errors
	data  []byte
	texts map[string]uint64
	files []*os.File
	trees []*os.File // those of files that are ours to close
}

// call adds a system call; doing says what for, as in "mount /proc".
func (s *script) call(doing string, number uint32, args ...arg) *airlock.Step {
	step := airlock.Step{Call: number}
	for i, a := range args {
		step.Kinds[i], step.Args[i] = a.kind, a.value
	}
	s.steps = append(s.steps, step)
	s.says = append(s.says, doing)
	return &s.steps[len(s.steps)-1]
}

// text is the address of a zero-terminated string.
func (s *script) text(v string) arg {
	if at, known := s.texts[v]; known {
		return arg{airlock.Data, at}
	}
	if s.texts == nil {
		s.texts = make(map[string]uint64)
	}
	a := s.bytes(append([]byte(v), 0))
	s.texts[v] = a.value
	return a
}

// bytes is the address of a copy of b, aligned for any type.
func (s *script) bytes(b []byte) arg {
	for len(s.data)%8 != 0 {
		s.data = append(s.data, 0)
	}
	at := uint64(len(s.data))
	s.data = append(s.data, b...)
	return arg{airlock.Data, at}
}

// words is the address of a row of 64-bit numbers.
func (s *script) words(v ...uint64) arg {
	var b []byte
	for _, w := range v {
		b = binary.NativeEndian.AppendUint64(b, w)
	}
	return s.bytes(b)
}

// file is a descriptor that travels with the tape; the caller keeps it open until
// the tape was sent.
func (s *script) file(f *os.File) arg {
	s.files = append(s.files, f)
	return arg{airlock.File, uint64(len(s.files) - 1)}
}

// message is the tape as the airlock reads it.
func (s *script) message(cloneFlags uintptr, networkFile int) []byte {
	head := airlock.Head{
		CloneFlags: uint64(cloneFlags), Steps: uint32(len(s.steps)),
		DataBytes: uint32(len(s.data)), NetworkFile: int32(networkFile),
	}
	out := append([]byte(nil), airlock.Bytes(&head)...)
	for i := range s.steps {
		out = append(out, airlock.Bytes(&s.steps[i])...)
	}
	return append(out, s.data...)
}

// says tells what step at does.
func (s *script) doing(at uint32) string {
	if int(at) < len(s.says) {
		return s.says[at]
	}
	return "set up"
}

// order encodes a program for a sealed child.
func order(paths, argv, env []string, dir string) []byte {
	words := len(paths) + len(argv) + 1 + len(env) + 1
	table := make([]byte, 0, 8*words)
	var texts []byte
	place := func(v string) uint64 {
		at := 8*words + len(texts)
		texts = append(append(texts, v...), 0)
		return uint64(at)
	}
	row := func(values []string) {
		for _, v := range values {
			table = binary.NativeEndian.AppendUint64(table, place(v))
		}
	}
	row(paths)
	row(argv)
	table = binary.NativeEndian.AppendUint64(table, 0)
	row(env)
	table = binary.NativeEndian.AppendUint64(table, 0)
	folder := place(dir)

	head := airlock.OrderHead{
		Bytes: uint32(len(table) + len(texts)), Paths: uint32(len(paths)),
		Args: uint32(len(argv)), Env: uint32(len(env)), Folder: uint32(folder),
	}
	out := append([]byte(nil), airlock.Bytes(&head)...)
	return append(append(out, table...), texts...)
}
