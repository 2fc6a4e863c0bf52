// SPDX-License-Identifier: Apache-2.0

// Package sandbox is the contract of an isolated box: what a driver promises to
// whoever runs hostile code in it.
//
//	Start ─▶ held or running ─▶ Attach, Exec ─▶ Freeze ⇄ Thaw ─▶ Kill ─▶ Done
//
// Every box has its own process, mount, network, IPC, UTS and user namespaces, a
// minimal read-only root without anything of the host's /home, /root or /var, the
// limits of its Spec, no capabilities, no_new_privs and a system-call filter. What a
// host cannot give is told by Features, never passed over in silence.
//
// Package sandbox does not know languages, revisions or the network: guest, pool and
// egress do. sandbox/process is the driver on Linux; sandboxtest is the suite that
// each driver passes, hostile guests included.
package sandbox
