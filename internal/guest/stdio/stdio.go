// SPDX-License-Identifier: Apache-2.0

package stdio

import (
	"errors"
	"os"
	"runtime"
	"syscall"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
	"github.com/dayfly-faas/dayfly/internal/guest/serve"
)

// Main serves calls until the host closes the connection, and gives the exit status.
func Main() int {
	return serve.Main(hello(), &programs{})
}

func hello() frame.HelloHead { return frame.HelloHead{Language: "stdio", Version: runtime.Version()} }

// programs runs the revision's program once a call.
type programs struct{ revision frame.SpecialiseHead }

// Specialise implements serve.Handler.
func (p *programs) Specialise(rev frame.SpecialiseHead) (frame.ReadyHead, *frame.ErrorHead) {
	path, err := find(rev.Command, rev.Task)
	if err == nil {
		rev.Command[0] = path
		err = os.Chdir(rev.Task)
	}
	if err != nil {
		return frame.ReadyHead{}, &frame.ErrorHead{Kind: dayfly.FailureInit,
			Type: "Runtime.InvalidEntrypoint", Message: err.Error()}
	}
	p.revision = rev
	return frame.ReadyHead{Serve: "frames"}, nil
}

// Call implements serve.Handler.
func (p *programs) Call(c *serve.Call) { (&call{Call: c, revision: &p.revision}).run() }

// Idle implements serve.Handler.
func (p *programs) Idle() { sweep() }

// sweep ends and reaps what programs left running, so that no call sees another's
// processes. It runs only when no program of ours does.
func sweep() {
	if os.Getpid() != 1 {
		return // not in a box of our own, as in tests: the processes are not ours
	}
	_ = syscall.Kill(-1, syscall.SIGKILL)
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
	}
}
