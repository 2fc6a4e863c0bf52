// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/sandbox/process"
	"github.com/dayfly-faas/dayfly/internal/sandbox/sandboxtest"
)

const interpreter = "/usr/bin/python3"

// forked is a driver all of whose boxes are forks of one zygote.
type forked struct {
	*process.Driver
	zygote sandbox.Zygote
}

func (f forked) Start(ctx context.Context, spec sandbox.Spec) (sandbox.Box, error) {
	return f.zygote.Start(ctx, spec)
}

// zygoteSpec starts the Python guest as a zygote.
func zygoteSpec() sandbox.Spec {
	guest, err := filepath.Abs("../../guest/python/source")
	if err != nil {
		panic(err)
	}
	return sandbox.Spec{
		Argv:   []string{interpreter, "-I", "-S", "-B", "/opt/dayfly/python/guest.py", "zygote"},
		Env:    []string{"PATH=/usr/bin:/bin", "HOME=/tmp"},
		Mounts: []sandbox.Mount{{Source: guest, Target: "/opt/dayfly/python"}},
		Dir:    "/", Stderr: os.Stderr,
	}
}

func newZygote(t testing.TB, d *process.Driver) sandbox.Zygote {
	t.Helper()
	if _, err := os.Stat(interpreter); err != nil {
		t.Skipf("zygotes need %s: %v", interpreter, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	z, err := d.Zygote(ctx, zygoteSpec())
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestSuiteForked holds boxes that are forked to all that booted ones are held to.
func TestSuiteForked(t *testing.T) {
	sandboxtest.Test(t, func(t testing.TB) sandbox.Driver {
		d := newDriver(t)
		return forked{d, newZygote(t, d)}
	})
}

func TestForksLeakNothing(t *testing.T) {
	boxes := 200
	if testing.Short() {
		boxes = 20
	}
	cgroup := "dayfly-test-fork-" + strconv.Itoa(os.Getpid())
	d := open(t, cgroup)
	f := forked{d, newZygote(t, d)}
	cycle(t, f, 8) // whatever is made once is made now
	before := settled(t, cgroup, nil)
	cycle(t, f, boxes)
	after := settled(t, cgroup, &before)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("after %d forks (-before +after):\n%s", boxes, diff)
	}
	f.zygote.Kill()
	<-f.zygote.Done()
	if _, err := f.Start(t.Context(), sandbox.Spec{ID: "late"}); err == nil {
		t.Error("a dead zygote forked a box")
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if c := takeCensus(t, cgroup); c.Cgroups != 0 {
		t.Errorf("%d control groups are left after Close", c.Cgroups)
	}
}

// BenchmarkFork is from nothing to a sealed fork that awaits its order.
func BenchmarkFork(b *testing.B) {
	d := newDriver(b)
	z := newZygote(b, d)
	for b.Loop() {
		box, err := z.Start(b.Context(), sandbox.Spec{ID: "bench"})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		box.Kill()
		<-box.Done()
		b.StartTimer()
	}
}
