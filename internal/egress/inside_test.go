// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"github.com/dayfly-faas/dayfly"
)

func TestPolicyBlocks(t *testing.T) {
	t.Parallel()
	p := newPolicy(hostView{
		local:     []netip.Prefix{netip.MustParsePrefix("203.0.113.9/32")},
		connected: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/25")},
	})
	for addr, want := range map[string]bool{
		"0.0.0.0": true, "0.255.255.255": true, "1.0.0.0": false, "8.8.8.8": false,
		"9.255.255.255": false, "10.0.0.0": true, "10.255.255.255": true, "11.0.0.0": false,
		"100.63.255.255": false, "100.64.0.0": true, "100.127.255.255": true, "100.128.0.0": false,
		"127.0.0.1": true, "168.63.129.16": true, "168.63.129.17": false,
		"169.254.169.254": true, "172.15.255.255": false, "172.16.0.1": true, "172.32.0.0": false,
		"192.0.0.170": true, "192.0.1.0": false, "192.168.3.4": true,
		"198.17.255.255": false, "198.18.0.1": true, "198.19.255.255": true, "198.20.0.0": false,
		"198.51.100.7": true, "198.51.100.128": false, "203.0.113.9": true, "203.0.113.8": false,
		"223.255.255.255": false, "224.0.0.1": true, "240.0.0.1": true, "255.255.255.255": true,
		"::1": true, "2001:db8::1": true, "::ffff:10.0.0.1": true, "::ffff:8.8.8.8": false,
	} {
		if got := p.blocks(netip.MustParseAddr(addr)); got != want {
			t.Errorf("blocks(%s) = %v, want %v", addr, got, want)
		}
	}
}

func TestMergeJoinsWhatTouches(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   []string
		want []string
	}{
		"apart": {
			[]string{"10.0.0.0/24", "10.0.2.0/24"},
			[]string{"10.0.0.0-10.0.0.255", "10.0.2.0-10.0.2.255"},
		},
		"adjacent": {[]string{"10.0.1.0/24", "10.0.0.0/24"}, []string{"10.0.0.0-10.0.1.255"}},
		"nested":   {[]string{"10.0.0.0/8", "10.3.0.0/16"}, []string{"10.0.0.0-10.255.255.255"}},
		"unmasked": {[]string{"10.0.0.7/24"}, []string{"10.0.0.0-10.0.0.255"}},
		"the end": {
			[]string{"240.0.0.0/4", "255.255.255.255/32"}, []string{"240.0.0.0-255.255.255.255"},
		},
		"IPv6 left": {[]string{"2001:db8::/32"}, nil},
	} {
		var in []netip.Prefix
		for _, p := range c.in {
			in = append(in, netip.MustParsePrefix(p))
		}
		var got []string
		for _, s := range merge(in) {
			got = append(got, s.first.String()+"-"+s.last.String())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func FuzzMergeKeepsMembership(f *testing.F) {
	f.Add([]byte{10, 0, 0, 0, 8, 10, 3, 0, 0, 16}, uint32(0x0a030001))
	f.Fuzz(func(t *testing.T, data []byte, probe uint32) {
		var prefixes []netip.Prefix
		for ; len(data) >= 5; data = data[5:] {
			addr := netip.AddrFrom4([4]byte(data[:4]))
			prefixes = append(prefixes, netip.PrefixFrom(addr, int(data[4])%33))
		}
		a := offset(netip.IPv4Unspecified(), int(probe))
		want := false
		for _, p := range prefixes {
			want = want || p.Contains(a)
		}
		if got := (&policy{blocked: merge(prefixes)}).blocks(a); got != want {
			t.Errorf("%s is blocked: %v, want %v, by %v", a, got, want, prefixes)
		}
	})
}

func TestBlocksOfClaimsDoNotOverlap(t *testing.T) {
	t.Parallel()
	for i := range claimsMax {
		c := claim{index: i, block: blockOf(i)}
		last := c.slotAddr(slotsMax - 1)
		for _, a := range []netip.Addr{c.hostAddr(), c.gatewayAddr(), c.slotAddr(0), last} {
			if !c.block.Contains(a) || !ownRange.Contains(a) {
				t.Errorf("block %d is %s and has %s", i, c.block, a)
			}
		}
		if i > 0 && c.block.Overlaps(blockOf(i-1)) {
			t.Errorf("block %d overlaps the one before", i)
		}
	}
}

func TestClaimSkipsBlocksTheHostUses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	used := func(p netip.Prefix) bool { return p.Contains(netip.MustParseAddr("198.18.0.1")) }
	first, err := openClaim(t.Context(), dir, used)
	if err != nil {
		t.Fatal(err)
	}
	defer first.lock.Close()
	second, err := openClaim(t.Context(), dir, used)
	if err != nil {
		t.Fatal(err)
	}
	defer second.lock.Close()
	if first.index != 1 || second.index != 2 {
		t.Errorf("claims are %d and %d, want 1 and 2: 0 is in use", first.index, second.index)
	}
}

func answerOf(t *testing.T, text string, ttl uint32) *dns.Msg {
	t.Helper()
	rr, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	rr.Header().Ttl = ttl
	return &dns.Msg{Answer: []dns.RR{rr}}
}

func TestCacheCountsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, key := newCache(), cacheKey{name: "a.example.", kind: dns.TypeA}
		c.put(key, answerOf(t, "a.example. IN A 198.51.100.7", 60))
		time.Sleep(25 * time.Second)
		got := c.get(key)
		if got == nil || got.Answer[0].Header().Ttl != 35 {
			t.Fatalf("after 25 s of 60: %v, want 35 s left", got)
		}
		got.Answer = nil // a reader's copy is its own
		time.Sleep(34 * time.Second)
		if got := c.get(key); got == nil || len(got.Answer) != 1 {
			t.Fatalf("after 59 s of 60: %v, want the answer", got)
		}
		time.Sleep(time.Second)
		if got := c.get(key); got != nil {
			t.Errorf("after 60 s of 60: %v, want nothing", got)
		}
		c.put(key, answerOf(t, "a.example. IN A 198.51.100.7", 86400))
		time.Sleep(cacheLongest)
		if got := c.get(key); got != nil {
			t.Errorf("after %s of a day: %v, want nothing", cacheLongest, got)
		}
	})
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := newCache()
	m := answerOf(t, "a.example. IN A 198.51.100.7", 60)
	for i := range 3 * cacheMax {
		c.put(cacheKey{name: "a.example.", kind: uint16(i)}, m)
	}
	if got := len(c.entries); got > cacheMax || got < cacheMax/2 {
		t.Errorf("cache holds %d answers, want at most %d, and not few", got, cacheMax)
	}
}

func TestQuotaBoundsEachAndAll(t *testing.T) {
	t.Parallel()
	q := newQuota(3, 2)
	a, b := netip.MustParseAddr("198.18.0.16"), netip.MustParseAddr("198.18.0.17")
	steps := []struct {
		source netip.Addr
		want   bool
	}{{a, true}, {a, true}, {a, false}, {b, true}, {b, false}}
	for i, s := range steps {
		if got := q.enter(s.source); got != s.want {
			t.Fatalf("step %d: enter(%s) = %v, want %v", i, s.source, got, s.want)
		}
	}
	q.leave(a)
	if !q.enter(b) {
		t.Error("a place that was left is not given again")
	}
	q.leave(a)
	q.leave(b)
	q.leave(b)
	if len(q.each) != 0 || q.all != 0 {
		t.Errorf("an empty quota remembers %v, %d", q.each, q.all)
	}
}

func FuzzForwarderAnswersAnything(f *testing.F) {
	query := new(dns.Msg)
	query.SetQuestion("localhost.", dns.TypeA)
	packet, err := query.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packet)
	f.Add(packet[:12])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, packet []byte) {
		never := func(netip.Addr) bool { return false }
		fw := newForwarder(nil, slog.New(slog.DiscardHandler), never)
		fw.upstreams.fixed = true // with none to ask
		answer := fw.answer(context.Background(), packet, dns.MinMsgSize)
		if answer == nil {
			return
		}
		reply := new(dns.Msg)
		if err := reply.Unpack(answer); err != nil {
			t.Fatalf("answer to %x is malformed: %v", packet, err)
		}
		id := binary.BigEndian.Uint16(packet)
		if !reply.Response || len(answer) > datagramMax || reply.Id != id {
			t.Errorf("answer to %x is %v", packet, reply)
		}
	})
}

func TestAbsenceIsExplained(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err            error
		reason, remedy string
	}{
		"no privilege":      {unix.EPERM, "lacks a privilege", "CAP_NET_ADMIN"},
		"settings sealed":   {unix.EROFS, "read-only", "outside a container"},
		"kernel without":    {unix.EOPNOTSUPP, "the kernel lacks", "modprobe"},
		"anything else":     {unix.ENOSPC, "no space left", ""},
		"all blocks in use": {dayfly.Errorf(dayfly.KindExhausted, "all blocks"), "all blocks", ""},
	} {
		a := explainAbsence(fmt.Errorf("make veth: %w", c.err))
		if os.Geteuid() != 0 && name == "no privilege" {
			c.reason, c.remedy = "needs root", "as root"
		}
		if !strings.Contains(a.reason, c.reason) || !strings.Contains(a.remedy, c.remedy) ||
			(c.remedy == "") != (a.remedy == "") {
			t.Errorf("%s: reason %q, remedy %q; want %q and %q",
				name, a.reason, a.remedy, c.reason, c.remedy)
		}
	}
}
