// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// flowSources bounds the set that counts connections: one element a sandbox.
const flowSources = 1 << (32 - blockBits)

// rules is this process's table on the host. However many sandboxes there are, it
// has the same rules, for they all come through one interface:
//
//	input:       from us, refused
//	output:      to us, only what answers or concerns an open connection
//	forward:     from us: IPv4, our sources, no blocked destination, not too many
//	             connections. To us: only answers. From a guarded interface: only to us
//	postrouting: masquerade our sources
type rules struct {
	claim   *claim
	table   *nftables.Table
	blocked *nftables.Set
	guards  *nftables.Set
	current policy
	guarded []string
	lacks   string // what this kernel does not know, in words
}

// variant is one way to spell the table, for kernels that lack a part.
type variant struct {
	refuse refusal
	counts bool
	lacks  string
}

func variants() []variant {
	return []variant{
		{refuseAloud, true, ""},
		{refuseSilently, true, "nft reject (connections that are not allowed time out)"},
		{refuseAloud, false, "nft connection limits"},
		{refuseSilently, false, "nft reject and connection limits"},
	}
}

// openRules loads the table, in place of one that a killed process left behind.
func openRules(c *claim, flowsMax int, p *policy) (*rules, error) {
	var first error
	for _, v := range variants() {
		r := &rules{claim: c, lacks: v.lacks}
		err := r.load(v, flowsMax, p)
		if err == nil {
			return r, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, fmt.Errorf("load nftables rules: %w", first)
}

func (r *rules) load(v variant, flowsMax int, p *policy) error {
	conn, err := nftables.New()
	if err != nil {
		return err
	}
	r.table = &nftables.Table{Name: r.claim.name, Family: nftables.TableFamilyINet}
	conn.AddTable(r.table) // or deleting would fail where there is none
	conn.DelTable(r.table)
	conn.AddTable(r.table)
	r.blocked = &nftables.Set{
		Table: r.table, Name: "blocked", KeyType: nftables.TypeIPAddr, Interval: true,
	}
	if err := conn.AddSet(r.blocked, elements(p.blocked)); err != nil {
		return err
	}
	r.guards = &nftables.Set{Table: r.table, Name: "guarded", KeyType: nftables.TypeIFName}
	if err := conn.AddSet(r.guards, nil); err != nil {
		return err
	}
	b := builder{conn: conn, table: r.table}
	b.addRefuse(v.refuse)
	r.addLocal(b)
	if err := r.addForward(b, v, flowsMax); err != nil {
		return err
	}
	nat := conn.AddChain(&nftables.Chain{
		Name: "postrouting", Table: r.table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
	})
	b.rule(nat, isIPv4(), sourceIn(r.claim.block), one(&expr.Masq{}))
	r.current = *p
	return conn.Flush()
}

// addLocal keeps sandboxes and the host apart.
func (r *rules) addLocal(b builder) {
	input := b.chain("input", nftables.ChainHookInput, nftables.ChainPolicyAccept)
	b.rule(input, fromLink(r.claim.name), refuse())
	output := b.chain("output", nftables.ChainHookOutput, nftables.ChainPolicyAccept)
	b.rule(output, toLink(r.claim.name), inState(established), accept())
	// A refusal concerns a connection that never came to be, so it has no state.
	b.rule(output, toLink(r.claim.name), isIPv4(), isUnreachable(), accept())
	b.rule(output, toLink(r.claim.name), drop())
}

// addForward decides what passes between sandboxes and the world.
func (r *rules) addForward(b builder, v variant, flowsMax int) error {
	us := r.claim.name
	leaving := b.conn.AddChain(&nftables.Chain{Name: "leaving", Table: r.table})
	b.rule(leaving, isIPv6(), drop())
	b.rule(leaving, sourceNotIn(r.claim.block), drop())
	b.rule(leaving, destinationIn(r.blocked), refuse())
	b.rule(leaving, inState(expr.CtStateBitINVALID), drop())
	if v.counts {
		flows := &nftables.Set{
			Table: r.table, Name: "flows", KeyType: nftables.TypeIPAddr,
			Dynamic: true, Size: flowSources,
		}
		if err := b.conn.AddSet(flows, nil); err != nil {
			return err
		}
		b.rule(leaving, inState(expr.CtStateBitNEW), flowsOver(flows, flowsMax), refuse())
	}
	b.rule(leaving, accept())

	forward := b.chain("forward", nftables.ChainHookForward, nftables.ChainPolicyAccept)
	b.rule(forward, fromLink(us), one(&expr.Verdict{Kind: expr.VerdictGoto, Chain: "leaving"}))
	b.rule(forward, toLink(us), inState(established), accept())
	b.rule(forward, toLink(us), drop())
	b.rule(forward, fromAny(r.guards), notToPrefix(namePrefix), drop())
	return nil
}

// block puts the destinations of p in place of the earlier ones, at once.
func (r *rules) block(p *policy) error {
	if slices.Equal(p.blocked, r.current.blocked) {
		return nil
	}
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	conn.FlushSet(r.blocked)
	if err := conn.SetAddElements(r.blocked, elements(p.blocked)); err != nil {
		return fmt.Errorf("renew blocked destinations: %w", err)
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("renew blocked destinations: %w", err)
	}
	r.current = *p
	return nil
}

// guard keeps everybody else's traffic from passing through links, which forward
// for sandboxes only.
func (r *rules) guard(links []string) error {
	if slices.Equal(links, r.guarded) {
		return nil
	}
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	conn.FlushSet(r.guards)
	var names []nftables.SetElement
	for _, l := range links {
		names = append(names, nftables.SetElement{Key: linkName(l)})
	}
	if err := conn.SetAddElements(r.guards, names); err != nil {
		return fmt.Errorf("guard uplinks: %w", err)
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("guard uplinks: %w", err)
	}
	r.guarded = slices.Clone(links)
	return nil
}

// hostile names a chain of the host's firewall that drops forwarded packets by
// default; ours cannot overrule it. Empty when there is none, or none is seen.
func (r *rules) hostile() string {
	conn, err := nftables.New()
	if err != nil {
		return ""
	}
	chains, err := conn.ListChains()
	if err != nil {
		return ""
	}
	for _, c := range chains {
		family := c.Table.Family
		ipv4 := family == nftables.TableFamilyIPv4 || family == nftables.TableFamilyINet
		if ipv4 && c.Hooknum != nil && *c.Hooknum == *nftables.ChainHookForward &&
			c.Policy != nil && *c.Policy == nftables.ChainPolicyDrop {
			return fmt.Sprintf("chain %s of the firewall's table %s", c.Name, c.Table.Name)
		}
	}
	return ""
}

// close removes the table.
func (r *rules) close() error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	conn.DelTable(r.table)
	if err := conn.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove nftables table %s: %w", r.claim.name, err)
	}
	return nil
}

// elements spells spans as an interval set wants them: where each begins and where
// the addresses after it begin.
func elements(spans []span) []nftables.SetElement {
	out := []nftables.SetElement{}
	for _, s := range spans {
		out = append(out, nftables.SetElement{Key: s.first.AsSlice()})
		if after := s.last.Next(); after.IsValid() {
			out = append(out, nftables.SetElement{Key: after.AsSlice(), IntervalEnd: true})
		}
	}
	return out
}
