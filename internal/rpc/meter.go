// SPDX-License-Identifier: Apache-2.0

package rpc

import "encoding/binary"

// prefixBytes stand before each message: a flag and the length.
const prefixBytes = 5

// Meter follows a stream of messages as its bytes pass by. The zero Meter is at the start of
// one.
type Meter struct {
	prefix [prefixBytes]byte
	have   int   // of prefix
	left   int64 // of the message
}

// Feed takes in what passed by. It gives the length of the largest message that began in it.
func (m *Meter) Feed(p []byte) (largest int64) {
	for len(p) > 0 {
		if m.left > 0 {
			n := min(m.left, int64(len(p)))
			m.left -= n
			p = p[n:]
			continue
		}
		n := copy(m.prefix[m.have:], p)
		m.have += n
		p = p[n:]
		if m.have == prefixBytes {
			m.have, m.left = 0, int64(binary.BigEndian.Uint32(m.prefix[1:]))
			largest = max(largest, m.left)
		}
	}
	return largest
}

// Within tells whether a message has begun that has not ended.
func (m *Meter) Within() bool { return m.have > 0 || m.left > 0 }
