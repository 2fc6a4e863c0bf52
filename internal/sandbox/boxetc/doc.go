// SPDX-License-Identifier: Apache-2.0

// Package boxetc makes the /etc that every box sees.
//
//	Write ─▶ dir: passwd, group, hosts, … of ours; certificates, localtime, … of the host
//	Folders ─▶ what of the host's /etc is mounted over it: no secrets are in these
//
// Guarantees: nothing of the host's users, passwords or keys is copied; certificates are
// where each distribution's programs look for them; the files are bounded. How a box
// mounts them is sandbox/process's.
package boxetc
