// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"os"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// Config says how a pool behaves. The zero value is not usable.
type Config struct {
	// Binary is the dayfly executable, which serves as guest inside stdio boxes.
	Binary string
	// GuestDir is a host folder that holds the guests' files, readable by all.
	GuestDir string
	// GuestCache is a host folder that keeps what guests are compiled to from one start
	// of the node to the next, readable by all.
	GuestCache string
	// MemoryBytes bounds what instances and stems use together.
	MemoryBytes int64
	// StartsMax bounds cold starts that run at once, so that a burst of them does
	// not take the processors from warm calls.
	StartsMax int
	// StemsPerRuntime is how many stems of a runtime in use are kept ready.
	StemsPerRuntime int
	// ZygotesMax bounds the zygotes of all projects; with 0 every box is booted.
	ZygotesMax int
	// FreezeAfter is how long an instance idles before its processes are stopped.
	// Short enough that a quiet function costs no processor time, long enough that a
	// busy one is not frozen between two calls. Default 100 ms.
	FreezeAfter time.Duration
}

// Network lends network namespaces to boxes that may reach the internet.
type Network interface {
	Acquire(ctx context.Context) (ns *os.File, resolver string, release func(), err error)
}

// Bundles gives the unpacked folder of a bundle.
type Bundles interface {
	Folder(ctx context.Context, digest dayfly.Digest) (string, error)
}

// Runtimes finds the interpreters of this host.
type Runtimes interface {
	Find(ctx context.Context, name dayfly.RuntimeName) (toolchain.Runtime, error)
}

// Lines takes what functions print. Append must not block.
type Lines interface {
	Append(line dayfly.LogLine)
}

const (
	// functionPort is where programs of the http contract listen; each box has its
	// own loopback, so all use the same.
	functionPort = 8080
	// taskDir is where a box sees its code.
	taskDir = "/var/task"
	// guestTarget is where a box sees the guests.
	guestTarget = "/opt/dayfly"

	// memoryFirstGuess is what an instance of a revision never measured is charged:
	// most small functions stay below it.
	memoryFirstGuess = 64 << 20
	// memoryFloor is the least an instance is charged.
	memoryFloor = 24 << 20
	// stemMemory is what a stem is charged.
	stemMemory = 32 << 20

	// coldGuess is the cost of a cold start before one was measured.
	coldGuess = 20 * time.Millisecond
	// endWait bounds the wait for the story of an instance's end when a call needs it.
	endWait = 2 * time.Second
	// graceMax bounds the time that an instance may take to shut down: AWS's.
	graceMax = 2 * time.Second
	// brokenWait is the same for one broken connection of a program that serves HTTP,
	// which a process that ends breaks milliseconds before.
	brokenWait = 250 * time.Millisecond
	// sampleEvery is how often an instance's memory is read while it is busy.
	sampleEvery = time.Second
)
