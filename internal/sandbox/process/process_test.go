// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process_test

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/sandbox/process"
)

func newDriver(t testing.TB) *process.Driver {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("boxes need root")
	}
	name := fmt.Sprintf("dayfly-test-%d-%x", os.Getpid(), time.Now().UnixNano()&0xffffff)
	d, err := process.New(process.Config{RunDir: t.TempDir(), CgroupName: name},
		slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestHello(t *testing.T) {
	d := newDriver(t)
	for _, f := range d.Features() {
		t.Log(f)
	}
	r, w, _ := os.Pipe()
	b, err := d.Start(t.Context(), sandbox.Spec{
		ID: dayfly.InstanceID("x"), Argv: []string{"sh", "-c", "id; ls -la / /dev /etc; cat /proc/self/status /proc/mounts; ls -la /proc; ls /proc/self/fd -la; ip a; ulimit -a"},
		Stdout: w, Stderr: w,
	})
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	out, _ := io.ReadAll(r)
	<-b.Done()
	t.Logf("%s", out)
	t.Logf("%+v %+v", b.Exit(), b.Usage())
}
