// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The words below are parts of nftables rules, so that a rule reads like one:
// b.rule(forward, fromLink("up"), accept()).

// phrase is a part of a rule: one match, or what to do.
type phrase []expr.Any

const (
	// Offsets in the IPv4 header.
	sourceOffset      = 12
	destinationOffset = 16
	icmpUnreachable   = 3
	established       = expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED
)

// builder collects the rules of one table.
type builder struct {
	conn  *nftables.Conn
	table *nftables.Table
}

func (b builder) chain(
	name string, hook *nftables.ChainHook, policy nftables.ChainPolicy,
) *nftables.Chain {
	return b.conn.AddChain(&nftables.Chain{
		Name: name, Table: b.table, Type: nftables.ChainTypeFilter,
		Hooknum: hook, Priority: nftables.ChainPriorityFilter, Policy: &policy,
	})
}

func (b builder) rule(c *nftables.Chain, phrases ...phrase) {
	b.conn.AddRule(&nftables.Rule{Table: b.table, Chain: c, Exprs: slices.Concat(phrases...)})
}

func one(e expr.Any) phrase { return phrase{e} }

func accept() phrase { return one(&expr.Verdict{Kind: expr.VerdictAccept}) }
func drop() phrase   { return one(&expr.Verdict{Kind: expr.VerdictDrop}) }

// refusal is how a packet that may not pass is treated.
type refusal int

const (
	refuseAloud    refusal = iota // the sender learns at once
	refuseSilently                // it times out; for kernels without nft_reject
)

// refuseChain is where rules send what may not pass.
const refuseChain = "refuse"

func refuse() phrase { return one(&expr.Verdict{Kind: expr.VerdictGoto, Chain: refuseChain}) }

// addRefuse makes the chain that refuse speaks of. TCP gets a reset, for connect
// overlooks an ICMP answer that is as fast as ours and tries again for a second.
func (b builder) addRefuse(how refusal) {
	c := b.conn.AddChain(&nftables.Chain{Name: refuseChain, Table: b.table})
	if how == refuseAloud {
		b.rule(c, isProtocol(unix.IPPROTO_TCP), one(&expr.Reject{Type: unix.NFT_REJECT_TCP_RST}))
		b.rule(c, one(&expr.Reject{
			Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED,
		}))
	}
	b.rule(c, drop())
}

func meta(key expr.MetaKey, op expr.CmpOp, data []byte) phrase {
	return phrase{
		&expr.Meta{Key: key, Register: 1},
		&expr.Cmp{Op: op, Register: 1, Data: data},
	}
}

func isIPv4() phrase { return meta(expr.MetaKeyNFPROTO, expr.CmpOpEq, []byte{unix.NFPROTO_IPV4}) }
func isIPv6() phrase { return meta(expr.MetaKeyNFPROTO, expr.CmpOpEq, []byte{unix.NFPROTO_IPV6}) }

// linkName is an interface's name as the kernel compares it.
func linkName(name string) []byte {
	b := make([]byte, unix.IFNAMSIZ)
	copy(b, name)
	return b
}

func fromLink(name string) phrase { return meta(expr.MetaKeyIIFNAME, expr.CmpOpEq, linkName(name)) }
func toLink(name string) phrase   { return meta(expr.MetaKeyOIFNAME, expr.CmpOpEq, linkName(name)) }

// notToPrefix matches packets that do not leave by an interface whose name begins so.
func notToPrefix(prefix string) phrase {
	return meta(expr.MetaKeyOIFNAME, expr.CmpOpNeq, []byte(prefix))
}

func fromAny(links *nftables.Set) phrase {
	return phrase{
		&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1},
		&expr.Lookup{SourceRegister: 1, SetName: links.Name, SetID: links.ID},
	}
}

func address(offset uint32) expr.Any {
	return &expr.Payload{
		DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 4,
	}
}

func isDestination(a netip.Addr) phrase {
	return phrase{
		address(destinationOffset),
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: a.AsSlice()},
	}
}

func destinationIn(s *nftables.Set) phrase {
	return phrase{
		address(destinationOffset),
		&expr.Lookup{SourceRegister: 1, SetName: s.Name, SetID: s.ID},
	}
}

func sourceIn(p netip.Prefix) phrase    { return source(expr.CmpOpEq, p) }
func sourceNotIn(p netip.Prefix) phrase { return source(expr.CmpOpNeq, p) }

func source(op expr.CmpOp, p netip.Prefix) phrase {
	return phrase{
		address(sourceOffset),
		&expr.Bitwise{
			SourceRegister: 1, DestRegister: 1, Len: 4,
			Mask: ipNet(p).Mask, Xor: make([]byte, 4),
		},
		&expr.Cmp{Op: op, Register: 1, Data: p.Masked().Addr().AsSlice()},
	}
}

func isProtocol(protocol byte) phrase {
	return meta(expr.MetaKeyL4PROTO, expr.CmpOpEq, []byte{protocol})
}

// isUnreachable matches the ICMP message that a destination cannot be reached.
func isUnreachable() phrase {
	return append(isProtocol(unix.IPPROTO_ICMP),
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{icmpUnreachable}})
}

// isPort matches the transport and its destination port.
func isPort(protocol byte, port uint16) phrase {
	return append(isProtocol(protocol),
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.BigEndian.PutUint16(port)})
}

// inState matches packets in any of the connection states.
func inState(bits uint32) phrase {
	return phrase{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{
			SourceRegister: 1, DestRegister: 1, Len: 4,
			Mask: binaryutil.NativeEndian.PutUint32(bits), Xor: make([]byte, 4),
		},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
}

// flowsOver matches when the packet's source has more connections than most.
func flowsOver(s *nftables.Set, most int) phrase {
	over := &expr.Connlimit{Count: uint32(most), Flags: expr.NFT_CONNLIMIT_F_INV}
	return phrase{
		address(sourceOffset),
		&expr.Dynset{
			SrcRegKey: 1, SetName: s.Name, SetID: s.ID, Operation: unix.NFT_DYNSET_OP_ADD,
			Exprs: []expr.Any{over},
		},
	}
}

// isOurs tells whether an interface is one of any dayfly's.
func isOurs(name string) bool { return strings.HasPrefix(name, namePrefix) }
