// SPDX-License-Identifier: Apache-2.0

package frame

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Version is the protocol version of this package.
const Version = 1

const (
	// PayloadMax bounds any payload; a peer that announces more is not speaking frames.
	PayloadMax = 1 << 20
	// BodyMax bounds the payload of one body frame, so that streams interleave.
	BodyMax = 64 << 10
	// LineMax bounds one line of a log frame.
	LineMax = 16 << 10
	// Window is how many body bytes each side may send on a stream unasked. It fits
	// the usual whole body, and bounds what one stream can pile up in the host.
	Window = 256 << 10

	headBytes = 8
	// readerBytes is small, since each idle instance holds a Reader; larger payloads
	// are read past the buffer.
	readerBytes = 4 << 10
)

// Type tells what a frame carries.
type Type byte

// The types of frames.
const (
	Hello      Type = 1
	Specialise Type = 2
	Ready      Type = 3
	Request    Type = 4
	Body       Type = 5
	End        Type = 6
	Response   Type = 7
	Log        Type = 8
	Error      Type = 9
	Cancel     Type = 10
	WindowMore Type = 11
	CallLog    Type = 12
)

// Frame is one frame off the wire. Payload is only valid until the next Read.
type Frame struct {
	Type    Type
	Stream  uint32
	Payload []byte
}

// Append adds a whole frame to dst. The payload must be at most PayloadMax bytes.
func Append(dst []byte, t Type, stream uint32, payload []byte) []byte {
	dst = AppendHead(dst, t, stream, len(payload))
	return append(dst, payload...)
}

// AppendHead adds the head of a frame whose payload of n bytes the caller adds.
func AppendHead(dst []byte, t Type, stream uint32, n int) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(n)<<8|uint32(t))
	return binary.BigEndian.AppendUint32(dst, stream)
}

// SetLength writes n as the payload length of the frame head at the start of head.
func SetLength(head []byte, n int) {
	binary.BigEndian.PutUint32(head, uint32(n)<<8|uint32(head[3]))
}

// AppendWindow adds a window frame that allows n more bytes.
func AppendWindow(dst []byte, stream uint32, n int) []byte {
	return binary.BigEndian.AppendUint32(AppendHead(dst, WindowMore, stream, 4), uint32(n))
}

// ParseCallLog reads the payload of a log frame that names its invocation; ok is false
// when it is malformed. The identity is as the guest says, and no more than printable.
func ParseCallLog(payload []byte) (which byte, invocation, text string, ok bool) {
	if len(payload) < 2 || len(payload) < 2+int(payload[1]) {
		return 0, "", "", false
	}
	name := payload[2 : 2+int(payload[1])]
	for _, c := range name {
		if c <= ' ' || c > '~' {
			return 0, "", "", false
		}
	}
	return payload[0], string(name), string(payload[2+len(name):]), true
}

// ParseWindow reads the payload of a window frame.
func ParseWindow(payload []byte) (int, error) {
	if len(payload) != 4 {
		return 0, fmt.Errorf("window frame of %d bytes, want 4", len(payload))
	}
	n := binary.BigEndian.Uint32(payload)
	if n > 1<<30 {
		return 0, fmt.Errorf("window frame grants %d bytes, at most 1 GiB is allowed", n)
	}
	return int(n), nil
}

// Reader reads frames from a stream. A read that fails for a passing reason, such as a
// deadline, may be repeated: what had arrived of the frame is kept.
type Reader struct {
	r       *bufio.Reader
	payload []byte
	open    bool // the head of next has been read
	next    Frame
	got     int // bytes of its payload
}

// NewReader reads frames from r.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, readerBytes)}
}

// Read gives the next frame; its payload is overwritten by the next call. At the end
// of the stream between frames the error is io.EOF.
func (r *Reader) Read() (Frame, error) {
	if !r.open {
		if err := r.readHead(); err != nil {
			return Frame{}, err
		}
	}
	for r.got < len(r.next.Payload) {
		n, err := r.r.Read(r.next.Payload[r.got:])
		if r.got += n; err == nil {
			continue
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, err
	}
	r.open = false
	return r.next, nil
}

// Whole tells that a whole frame has arrived already, so that Read will not wait.
func (r *Reader) Whole() bool {
	if r.open || r.r.Buffered() < headBytes {
		return false
	}
	head, err := r.r.Peek(headBytes)
	return err == nil && r.r.Buffered()-headBytes >= int(binary.BigEndian.Uint32(head)>>8)
}

func (r *Reader) readHead() error {
	head, err := r.r.Peek(headBytes)
	if err != nil {
		if len(head) > 0 && err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	first := binary.BigEndian.Uint32(head)
	kind, n := Type(first&0xff), int(first>>8)
	if err := check(kind, n); err != nil {
		return err
	}
	r.next = Frame{Type: kind, Stream: binary.BigEndian.Uint32(head[4:])}
	_, _ = r.r.Discard(headBytes) // cannot fail: just peeked
	if cap(r.payload) < n || cap(r.payload) > BodyMax && n <= BodyMax {
		r.payload = make([]byte, n)
	}
	r.next.Payload, r.open, r.got = r.payload[:n], true, 0
	return nil
}

func check(t Type, n int) error {
	limit := PayloadMax
	switch {
	case t < Hello || t > CallLog:
		return fmt.Errorf("frame of unknown type %d", t)
	case t == Body:
		limit = BodyMax
	case t == Log:
		limit = LineMax + 1
	case t == CallLog:
		limit = LineMax + 2 + 255
	}
	if n > limit {
		return fmt.Errorf("frame of type %d with %d bytes, at most %d are allowed", t, n, limit)
	}
	return nil
}
