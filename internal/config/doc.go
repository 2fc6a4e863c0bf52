// SPDX-License-Identifier: Apache-2.0

// Package config gathers what the operator of a node and the user of its command
// line have set, from every place it may stand in, into plain values.
//
//	flags > environment > DATA/config.yaml > defaults ─▶ Load ─▶ Config
//	flags > environment > files of a local node       ─▶ Find ─▶ Endpoint
//
// One table (settings.go) names each setting once: its flag, its variable and its key
// in the file all follow from that name, so the three can never drift apart. A value
// that cannot be read is refused with the place it stood in and changes nothing.
//
// It is the only package that reads the environment. It does not start anything and
// does not know what the values are for: node and cli do.
package config
