// SPDX-License-Identifier: Apache-2.0

package inner_test

import (
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/internal/guest/inner"
)

func TestStatusTellsHowTheProgramEnded(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]struct {
		status, code int
		signal       string
	}{
		"exit 0":       {0, 0, ""},
		"exit 3":       {3, 3, ""},
		"exit 127":     {127, 127, ""},
		"kill -9 $$":   {128 + 9, -1, "killed"},
		"kill -11 $$":  {128 + 11, -1, "segmentation fault"},
		"exit 255":     {255, 255, ""},
		"sleep 0 & :":  {0, 0, ""},
		"exec /bin/no": {127, 127, ""},
	} {
		p, err := inner.Start(exec.Command("/bin/sh", "-c", script))
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-p.Done():
		case <-time.After(10 * time.Second):
			t.Fatalf("%s does not end", script)
		}
		code, signal := inner.ExitOf(p.Status())
		if p.Status() != want.status || code != want.code || signal != want.signal {
			t.Errorf("%s: status %d, read as %d %q; want %+v", script, p.Status(), code, signal, want)
		}
		p.Signal(syscall.SIGKILL) // of a program that has ended: nobody else is hit
	}
}

func TestSignalReachesTheProgram(t *testing.T) {
	t.Parallel()
	p, err := inner.Start(exec.Command("/bin/sleep", "1000"))
	if err != nil {
		t.Fatal(err)
	}
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the program does not end")
	}
	if p.Status() != 128+15 {
		t.Errorf("status = %d, want that of SIGTERM", p.Status())
	}
}

func TestAProgramThatIsNotThereIsNotStarted(t *testing.T) {
	t.Parallel()
	if _, err := inner.Start(exec.Command("/no/such/program")); err == nil {
		t.Error("Start() = nil, want an error")
	}
}
