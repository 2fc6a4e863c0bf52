// SPDX-License-Identifier: Apache-2.0

//go:build linux

package airlock

// sysSetns is the number of setns, which package syscall does not know here.
const sysSetns = 308
