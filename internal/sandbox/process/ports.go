// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
)

const (
	// tableBytesMax bounds what is read of a box's table of sockets, whose length is the
	// program's doing: some 7,000 sockets.
	tableBytesMax = 1 << 20
	// portsMax bounds how many ports are told.
	portsMax = 64
	// listening is the state of a socket that accepts connections.
	listening = "0A"
)

// Ports implements sandbox.Box.
func (b *box) Ports() ([]int, error) {
	b.mu.Lock() // keeps the pid the box's
	defer b.mu.Unlock()
	if b.ended {
		return nil, errEnded
	}
	var found []int
	for _, table := range []string{"tcp", "tcp6"} {
		f, err := os.Open(fmt.Sprintf("/proc/%d/net/%s", b.pid, table))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil, fmt.Errorf("read sockets of sandbox %s: %w", b.id, err)
		}
		found = append(found, listeners(io.LimitReader(f, tableBytesMax))...)
		f.Close()
	}
	found = slices.DeleteFunc(found, func(port int) bool { return b.doors[port] != nil })
	slices.Sort(found)
	found = slices.Compact(found)
	return found[:min(len(found), portsMax)], nil
}

// listeners reads a table of sockets and gives the ports that are reached at 127.0.0.1.
func listeners(r io.Reader) []int {
	var found []int
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[3] != listening {
			continue
		}
		address, port, ok := strings.Cut(fields[1], ":")
		number, err := strconv.ParseUint(port, 16, 16)
		if !ok || err != nil || !isLocal(address) || len(found) >= portsMax {
			continue
		}
		found = append(found, int(number))
	}
	return found
}

// isLocal tells whether who listens at an address, as the kernel prints it, is reached
// at 127.0.0.1: any address, that one, or either as IPv6 writes it.
func isLocal(address string) bool {
	switch address {
	case "00000000", "0100007F", "7F000001",
		"00000000000000000000000000000000",
		"0000000000000000FFFF00000100007F", "00000000000000000000FFFF7F000001":
		return true
	}
	return false
}
