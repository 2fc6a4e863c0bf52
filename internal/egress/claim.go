// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
)

const (
	// namePrefix begins the name of every interface and table of ours.
	namePrefix = "dayfly"
	// claimsMax is how many /20 blocks ownRange holds: that many dayfly processes
	// run on one machine.
	claimsMax = 32
	blockBits = 20
	// ledgerWait bounds waiting for another process that holds the ledger; it does
	// so for less than a millisecond.
	ledgerWait = 2 * time.Second
	ledgerFile = "forwarding"
	ledgerLock = "forwarding.lock"
	// confDir is where the kernel keeps an interface's IPv4 settings.
	confDir = "/proc/sys/net/ipv4/conf"
)

// claim is the right to one block of addresses and to the names that go with it,
// held by a locked file for as long as the process lives.
type claim struct {
	index int
	block netip.Prefix
	name  string // of the interface and of the table on the host
	dir   string
	lock  *os.File

	mu     sync.Mutex // guards raised
	raised []string   // interfaces on which some dayfly turned forwarding on
}

// openClaim takes the lowest index that is free and whose block the host does not
// use for something else.
func openClaim(ctx context.Context, dir string, used func(netip.Prefix) bool) (*claim, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make folder for network locks: %w", err)
	}
	for index := range claimsMax {
		block := blockOf(index)
		if used(block) {
			continue
		}
		lock, err := tryLock(lockPath(dir, index))
		if err != nil {
			return nil, fmt.Errorf("claim a block of addresses: %w", err)
		}
		if lock == nil {
			continue
		}
		name := namePrefix + strconv.Itoa(index)
		return &claim{index: index, block: block, name: name, dir: dir, lock: lock}, ctx.Err()
	}
	return nil, dayfly.Errorf(dayfly.KindExhausted,
		"all %d blocks of %s are taken by other dayfly processes or by networks of this host",
		claimsMax, ownRange)
}

func lockPath(dir string, index int) string {
	return filepath.Join(dir, strconv.Itoa(index)+".lock")
}

// blockOf gives the block of an index.
func blockOf(index int) netip.Prefix {
	return netip.PrefixFrom(offset(ownRange.Addr(), index<<(32-blockBits)), blockBits)
}

// offset gives the address that many after a.
func offset(a netip.Addr, by int) netip.Addr {
	b := a.As4()
	v := int(b[0])<<24 | int(b[1])<<16 | int(b[2])<<8 | int(b[3])
	v += by
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

// Within a block: .1 is the host's end of the link, .2 the gateway, and slots
// begin at .16.
const slotBase = 16

func (c *claim) hostAddr() netip.Addr         { return offset(c.block.Addr(), 1) }
func (c *claim) gatewayAddr() netip.Addr      { return offset(c.block.Addr(), 2) }
func (c *claim) slotAddr(slot int) netip.Addr { return offset(c.block.Addr(), slotBase+slot) }

// tryLock opens and locks the file at path; nil when another process holds it.
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, f.Close()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return f, nil
}

// forward lets packets for sandboxes pass from uplinks, and from our own link. What
// has to be turned on is written to the ledger first, so that it is put back even
// when this process is killed.
func (c *claim) forward(uplinks []string) error {
	if err := raise(c.name); err != nil {
		return fmt.Errorf("turn on forwarding on %s: %w", c.name, err)
	}
	return c.withLedger(func(ledger []string) ([]string, error) {
		for _, uplink := range uplinks {
			on, err := readSwitch(forwardingPath(uplink))
			if errors.Is(err, fs.ErrNotExist) || on {
				continue // it went away, or somebody needs forwarding anyway
			}
			if err == nil && !slices.Contains(ledger, uplink) {
				ledger = append(ledger, uplink)
				err = c.writeLedger(ledger)
			}
			if err == nil {
				err = raise(uplink)
			}
			if err != nil {
				return ledger, fmt.Errorf("turn on forwarding on %s: %w", uplink, err)
			}
		}
		return ledger, nil
	})
}

func forwardingPath(link string) string { return filepath.Join(confDir, link, "forwarding") }

func raise(link string) error { return writeSwitch(forwardingPath(link), "1") }

// guarded lists the interfaces that forward because of dayfly alone: nothing but
// sandboxes' traffic may pass there. It is empty when the host forwards anyway.
func (c *claim) guarded() []string {
	if on, err := readSwitch(filepath.Join(confDir, "all", "forwarding")); err == nil && on {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.raised)
}

// withLedger calls f with the interfaces that any dayfly turned forwarding on for,
// while no other process can, and remembers what f returns.
func (c *claim) withLedger(f func([]string) ([]string, error)) error {
	deadline := time.Now().Add(ledgerWait)
	path := filepath.Join(c.dir, ledgerLock)
	lock, err := tryLock(path)
	for ; lock == nil && err == nil && time.Now().Before(deadline); lock, err = tryLock(path) {
		time.Sleep(time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("lock the ledger of forwarding: %w", err)
	}
	if lock == nil {
		return fmt.Errorf("lock the ledger of forwarding: %s was held for %s", path, ledgerWait)
	}
	defer lock.Close()
	text, err := os.ReadFile(filepath.Join(c.dir, ledgerFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the ledger of forwarding: %w", err)
	}
	ledger, err := f(strings.Fields(string(text)))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raised = ledger
	return err
}

func (c *claim) writeLedger(links []string) error {
	text := strings.Join(links, "\n") + "\n"
	return os.WriteFile(filepath.Join(c.dir, ledgerFile), []byte(text), 0o600)
}

// close gives the block back. The last process to do so turns off what the ledger
// lists, unless somebody has turned forwarding on for the whole host since.
func (c *claim) close() error {
	err := c.withLedger(func(ledger []string) ([]string, error) {
		defer c.lock.Close() // within the ledger's lock, or two last ones might each see the other
		if c.others() {
			return ledger, nil
		}
		on, err := readSwitch(filepath.Join(confDir, "all", "forwarding"))
		for _, link := range ledger {
			if err != nil || on {
				break
			}
			err = writeSwitch(forwardingPath(link), "0")
			if errors.Is(err, fs.ErrNotExist) {
				err = nil // the interface is gone
			}
		}
		if err != nil {
			return ledger, fmt.Errorf("turn off forwarding: %w", err)
		}
		err = os.Remove(filepath.Join(c.dir, ledgerFile))
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return nil, err
	})
	return errors.Join(err, ignoreClosed(c.lock.Close()))
}

// others tells whether another process holds a claim.
func (c *claim) others() bool {
	for index := range claimsMax {
		path := lockPath(c.dir, index)
		if _, err := os.Stat(path); index == c.index || err != nil {
			continue
		}
		lock, err := tryLock(path)
		if err != nil || lock == nil {
			return true
		}
		_ = lock.Close()
	}
	return false
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
