// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"bufio"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// lastLines is how many lines are kept to explain a start that failed.
const lastLines = 20

// output carries what a box prints to the log store. Lines that come through the
// guest know their call; those from descriptors 1 and 2 are given the call that
// began last.
type output struct {
	pool *Pool
	ends sync.WaitGroup

	mu       sync.Mutex // guards the rest
	instance *instance  // nil while it is a stem
	recent   []string
}

func newOutput(p *Pool) *output { return &output{pool: p} }

// pipes makes the write ends for a box's descriptors 1 and 2 and reads the others
// until every writer is gone.
func (o *output) pipes() (stdout, stderr *os.File, err error) {
	outR, outW, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		_ = outR.Close()
		_ = outW.Close()
		return nil, nil, err
	}
	o.ends.Go(func() { o.read(outR, dayfly.StreamStdout) })
	o.ends.Go(func() { o.read(errR, dayfly.StreamStderr) })
	return outW, errW, nil
}

// become says whose output it is from now on.
func (o *output) become(i *instance) {
	o.mu.Lock()
	o.instance = i
	o.mu.Unlock()
}

// read cuts a descriptor's bytes into lines; one longer than the limit is split.
func (o *output) read(r *os.File, stream dayfly.LogStream) {
	defer r.Close()
	br := bufio.NewReaderSize(r, 1<<10)
	var part []byte
	for {
		chunk, err := br.ReadSlice('\n')
		part = append(part, chunk...)
		if err == nil || err == io.EOF || len(part) >= frame.LineMax {
			if line := strings.TrimRight(string(part), "\r\n"); line != "" || err == nil {
				o.line("", stream, line)
			}
			part = part[:0]
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}

// guestLine takes a line that came through the guest.
func (o *output) guestLine(invocation dayfly.InvocationID, stream dayfly.LogStream, text string) {
	o.line(invocation, stream, text)
}

func (o *output) line(invocation dayfly.InvocationID, stream dayfly.LogStream, text string) {
	text = strings.ToValidUTF8(text, "\ufffd")
	o.mu.Lock()
	inst := o.instance
	if inst == nil || inst.calls.Load() == 0 {
		if o.recent = append(o.recent, text); len(o.recent) > lastLines {
			o.recent = o.recent[1:]
		}
	}
	o.mu.Unlock()
	if inst == nil {
		return
	}
	if invocation == "" {
		if current := inst.current.Load(); current != nil {
			invocation = *current
		}
	}
	rev := inst.group.rev
	o.pool.lines.Append(dayfly.LogLine{Time: time.Now(), Function: rev.Function, Revision: rev.ID,
		Instance: inst.box.ID(), Invocation: invocation, Stream: stream, Text: text})
}

// platform adds a line of ours about the instance.
func (o *output) platform(text string) { o.line("", dayfly.StreamPlatform, text) }

// last gives the lines printed so far, for the story of a failed start. It waits a
// moment for what is still in the pipes of a box that has ended.
func (o *output) last() []string {
	drained := make(chan struct{})
	go func() {
		o.ends.Wait()
		close(drained)
	}()
	select {
	case <-drained:
	case <-time.After(100 * time.Millisecond):
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.recent...)
}
