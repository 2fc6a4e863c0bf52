// SPDX-License-Identifier: Apache-2.0

// Package sandboxtest is the suite that every sandbox.Driver passes: each sentence of
// the contract, then hostile guests, each contained while a neighbour keeps answering.
//
//	Test ─▶ contract ─▶ limits ─▶ escape probes ─▶ hostile guests ∥ neighbour
//
// Guests are small Python scripts run by /usr/bin/python3, which every box sees; where
// it is missing the suite is skipped, loudly. Package sandboxtest does not test how a
// driver does its work: that is for tests beside the driver.
package sandboxtest
