// SPDX-License-Identifier: Apache-2.0

//go:build linux

package airlock

import "unsafe"

// Name is argument zero of the airlock process; its one argument is an empty folder
// that the airlock may mount on.
const Name = "dayfly-airlock"

// Bounds of what travels to the airlock.
const (
	// TapeBytesMax bounds one tape: the usual one takes 16 KiB, one with the most
	// mounts 60.
	TapeBytesMax = 128 << 10
	// FilesMax is how many descriptors the kernel lets one message carry.
	FilesMax = 253
	// OrderBytesMax bounds arguments and environment, as Linux does by default
	// for a stack of 8 MiB (a quarter of it).
	OrderBytesMax = 2 << 20
)

// Kind says what a step's argument means.
type Kind uint8

// The kinds of arguments.
const (
	Value    Kind = iota // the number itself
	Data                 // address of the tape's data, that many bytes in
	File                 // descriptor of the message, by its position
	Register             // result of an earlier step that named Save
)

// Flags change how a step's result is judged.
type Flags uint8

// The flags of steps.
const (
	// MayFail goes on when the call fails.
	MayFail Flags = 1 << iota
	// Exact fails when the result is not the third argument: a whole read.
	Exact
)

// Calls that are not system calls.
const (
	// CallPoint stores the address of data Args[1] at data Args[0].
	CallPoint uint32 = 1<<24 + iota
	// CallOrder reports Sealed on descriptor Args[0], awaits an order there and
	// becomes its program.
	CallOrder
)

// Step is one system call.
type Step struct {
	Call  uint32
	Flags Flags
	Save  uint8 // register 1 … 7 that keeps the result; 0 for none
	Kinds [6]Kind
	_     uint32
	Args  [6]uint64
}

// Head starts the message that carries a tape: steps follow, then data.
type Head struct {
	CloneFlags uint64
	Steps      uint32
	DataBytes  uint32
	// NetworkFile is the position of the network namespace to be born in, or -1.
	NetworkFile int32
	_           uint32
}

// Answer tells the new process's number, or why there is none.
type Answer struct {
	Pid   int32
	Errno uint32
}

// Report is what a child tells on the descriptor of CallOrder. At is the step that
// failed, or one of the At values.
type Report struct {
	At    uint32
	Errno uint32
}

// Values of Report.At that are not steps.
const (
	AtSealed      uint32 = 0xffff_fff0 + iota // the tape was played; an order is awaited
	AtFolder                                  // the order's folder could not be entered
	AtProgram                                 // the program could not be run
	AtInterpreter                             // the program exists, its interpreter does not
	AtOrder                                   // the order was cut off or too large
)

// OrderHead starts an order. The body is Paths offsets of programs to try in turn,
// Args offsets of arguments, a zero, Env offsets of the environment, a zero, then
// strings that end in zero bytes; offsets are eight bytes and count from the body.
type OrderHead struct {
	Bytes  uint32 // of the body
	Paths  uint32
	Args   uint32
	Env    uint32
	Folder uint32 // offset of the folder's name
	_      uint32
}

// Bytes shows the memory of a value that holds no pointers.
func Bytes[T Head | Answer | Report | OrderHead | Step](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}
