// SPDX-License-Identifier: Apache-2.0

// Package egress gives sandboxes the internet and nothing else.
//
// It keeps a pool of network namespaces, each joined to one gateway namespace of
// this process, which in turn is joined to the host by a single link:
//
//	sandbox ─ eth0 ┐                                 host
//	sandbox ─ eth0 ┼─▶ gateway namespace ── dayflyN ─▶ table dayflyN ─▶ uplink ─▶ internet
//	sandbox ─ eth0 ┘   routes, no spoofing,            allowed? count,
//	                   DNS forwarder on :53            masquerade
//
// Sandboxes reach public IPv4 addresses and the forwarder. They do not reach the
// host, what the host is directly connected to, private, shared, link-local,
// multicast and reserved ranges, each other, or anything over IPv6; nobody outside
// reaches them. Names are resolved by the forwarder, which asks the host's own
// resolvers and leaves out addresses that could not be reached anyway.
//
// Rules do not grow with sandboxes: two fixed tables, one in the gateway namespace
// and one on the host, match whole interfaces. What a sandbox adds is one veth pair
// and one route inside the gateway namespace, which the host's daemons never see.
//
// Guarantees:
//   - Acquire takes a ready namespace without touching the kernel; when the pool is
//     empty it makes one, at most makersMax at a time.
//   - After kill -9 the kernel removes the namespaces and the link, and the table
//     that stays behind only forbids. The next process with the same index, claimed
//     by a locked file, replaces it.
//   - What is changed on the host (forwarding on uplinks) is written down and put
//     back by the last process that closes.
//   - A host that cannot give this makes Open succeed and Acquire unavailable, and
//     Feature says why.
//
// Package courier keeps to the same policy when the platform itself sends something to URLs
// that users name.
//
// Egress does not decide who may use the network (dayfly.Egress) nor does it join
// processes to a namespace (sandbox).
package egress
