// SPDX-License-Identifier: Apache-2.0

// Package node builds every part of one running dayfly in order, runs them, and
// stops them in reverse. It is the only package that knows everyone.
//
//	bus ▶ store ▶ catalog, logs, bundles ▶ sandbox, egress ▶ pool, build
//	    ▶ invoke, rollout, scheduler ▶ gateway, api
//
// What a node is, is one literal list in New; there is no registry and no plug-in.
// Run returns nil after a clean stop: the doors close first, calls in flight are
// waited for until DrainTimeout, then the instances end and the bus is closed last.
package node
