// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"context"
	"net"
	"os"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// Driver makes boxes. All methods may be called from any goroutine.
type Driver interface {
	// Start makes a box and runs spec.Argv in it, or holds it when Argv is empty.
	// It returns once the box is sealed: nothing runs in it unconfined, ever.
	// ctx bounds the start only. Start takes over spec.Network and closes it.
	Start(ctx context.Context, spec Spec) (Box, error)
	// Features tells what isolation this host gives, one entry a mechanism.
	Features() []Feature
	// Close kills every box that is left and frees what the driver holds.
	Close() error
}

// Forker is a driver that also makes boxes by forking.
type Forker interface {
	Driver
	// Zygote starts a process of the platform's own, spec.Argv, that boxes are forked
	// from: a warm interpreter. It sees spec.Mounts, is not confined as boxes are, must
	// run no code of any function, and speaks what package airlock speaks on descriptor
	// 3. Zygote returns once it is ready. Of spec also Env, Dir and Stderr count.
	Zygote(ctx context.Context, spec Spec) (Zygote, error)
}

// Zygote is a warm process that boxes are forked from. Its death ends no box.
type Zygote interface {
	// Start makes a box as Driver.Start does, with the same isolation, out of a fork of
	// the zygote. When Argv[0] is Itself the fork goes on as the guest that it is;
	// otherwise it runs Argv, as any box. A zygote that does not answer in time is
	// killed and Start fails.
	Start(ctx context.Context, spec Spec) (Box, error)
	// Kill ends the zygote. Idempotent, does not wait.
	Kill()
	// Done is closed when the zygote is gone.
	Done() <-chan struct{}
}

// Itself is argument zero of a box that goes on as the fork of a zygote that it is.
const Itself = "(itself)"

// Spec describes a box. The zero value of each limit means DefaultSpec's.
type Spec struct {
	ID dayfly.InstanceID
	// Mounts are host paths that the box sees beside its minimal root: read-only
	// unless Writable. A source that is missing is an error.
	Mounts []Mount
	// Argv is the program and its arguments; empty holds the box until Exec.
	Argv []string
	// Env is the whole environment, "KEY=value"; nothing is inherited.
	Env []string
	// Dir is the working folder inside the box; "/" when empty.
	Dir string
	// Limits are enforced from the first instruction. Start uses MemoryBytes,
	// CPUMilli, Pids, Files and TmpBytes.
	Limits dayfly.Limits
	// Network is an open network namespace that the box joins. Nil gives it an
	// empty one of its own, with a loopback device that is up.
	Network *os.File
	// Resolver is the name server that /etc/resolv.conf names; empty for none.
	Resolver string
	// Stdout and Stderr are the write ends for descriptors 1 and 2. Nil discards.
	// The driver duplicates them; the caller closes its own.
	Stdout, Stderr *os.File
}

// Mount is one host path inside a box.
type Mount struct {
	Source   string // absolute path on the host
	Target   string // absolute path inside the box
	Writable bool
}

// Box is one isolated box and the processes in it. Methods may be called from any
// goroutine; after the box ended all but Wait, Exit, Usage and Kill return an error.
//
// A story: the pool calls Start with a Python guest in Argv, reads the guest's hello
// from Control, later SetLimits and Attach the code at /var/task, and sends the
// guest its revision. Between calls it calls Freeze and Thaw. At last it calls Kill,
// and Done closes once every process is gone and the cgroup is removed.
type Box interface {
	ID() dayfly.InstanceID
	// Control is the host's end of descriptor 3 of the box's first process. The
	// caller closes it; what the process wrote before its end can be read until
	// then, also after Done.
	Control() net.Conn
	// Attach shows the host folder source at target, read-only, nosuid, nodev.
	// target must exist in the minimal root: /var/task does.
	Attach(ctx context.Context, source, target string) error
	// Exec lets a held box run argv with env in dir. Once only.
	Exec(ctx context.Context, argv, env []string, dir string) error
	// SetLimits changes MemoryBytes, CPUMilli, Pids and TmpBytes.
	SetLimits(limits dayfly.Limits) error
	// Dial connects to a TCP port on 127.0.0.1 inside the box.
	Dial(ctx context.Context, port int) (net.Conn, error)
	// Listen takes connections to a TCP port on 127.0.0.1 inside the box: who connects
	// is in the box. The listener is closed when the box ends. At most 16 for a box.
	Listen(port int) (net.Listener, error)
	// Ports gives the TCP ports that the box's processes listen on and Dial reaches,
	// lowest first; at most 64. Those of Listen are not among them.
	Ports() ([]int, error)
	// Freeze stops every process in the box; Thaw lets them go on. Both are
	// idempotent. Where the host has no freezer they do nothing.
	Freeze() error
	Thaw() error
	// Usage reads what the box has used so far. It works after the end, too.
	Usage() Usage
	// Kill ends every process in the box at once. Idempotent, does not wait.
	Kill()
	// Done is closed when every process is gone and what the box held is freed.
	Done() <-chan struct{}
	// Exit tells how the first process ended; valid once Done is closed.
	Exit() Exit
}

// Usage is what a box has used.
type Usage struct {
	MemoryBytes     int64         // now, page cache that can be dropped not included
	MemoryPeakBytes int64         // the highest seen
	CPU             time.Duration // user and system
	Pids            int64         // now
	OOMKills        int64         // processes killed at the memory limit
}

// Exit is how a box's first process ended.
type Exit struct {
	Code   int    // exit status, -1 when a signal ended it
	Signal string // "killed", "segmentation fault"; empty when it exited
	OOM    bool   // the memory limit was reached
}

// Feature is one isolation mechanism and whether this host gives it.
type Feature struct {
	Name   string `json:"name"`   // "seccomp", "cgroup memory", "user namespace"
	Given  bool   `json:"given"`  // in use
	Detail string `json:"detail"` // what is used, or why it is not
	Remedy string `json:"remedy"` // how to get it; empty when given
}
