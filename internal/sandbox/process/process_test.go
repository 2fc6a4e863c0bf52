// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/sandbox/process"
	"github.com/dayfly-faas/dayfly/internal/sandbox/sandboxtest"
)

func newDriver(t testing.TB) *process.Driver {
	t.Helper()
	return open(t, fmt.Sprintf("dayfly-test-%d-%x", os.Getpid(), time.Now().UnixNano()))
}

// open makes a driver that is closed when the test ends.
func open(t testing.TB, cgroup string) *process.Driver {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("boxes need root")
	}
	d, err := process.New(process.Config{RunDir: t.TempDir(), CgroupName: cgroup},
		slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func noContext() context.Context { return context.Background() }

func TestSuite(t *testing.T) {
	sandboxtest.Test(t, func(t testing.TB) sandbox.Driver { return newDriver(t) })
}
