// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// make starts one instance, in its turn: at most StartsMax run at once. The memory of
// the instance has been reserved; it is given back when the start fails.
func (g *group) make(ctx context.Context) (*instance, error) {
	g.mu.Lock()
	charged := g.charge()
	g.mu.Unlock()
	inst, err := g.makeInTurn(ctx, charged)
	if err != nil {
		g.pool.budget.free(charged)
		return nil, err
	}
	g.mu.Lock()
	g.cold.add(inst.startTime)
	g.mu.Unlock()
	return inst, nil
}

func (g *group) makeInTurn(ctx context.Context, charged int64) (*instance, error) {
	leave, err := g.pool.gate.Enter(ctx, g.rev.Function.Project)
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindCanceled, "a start was given up while it waited for its turn: %w", err)
	}
	defer leave()
	// Before the clock of the start: a guest that must be compiled first is not the code's
	// doing.
	launch, err := g.pool.launchOf(ctx, &g.rev.Spec)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	limit := g.rev.Spec.Limits.InitTimeout
	ctx, cancel := context.WithTimeoutCause(ctx, limit, &dayfly.Failure{
		Kind: dayfly.FailureInit, Phase: dayfly.PhaseInit, Type: "Runtime.InitTimeout",
		Message: fmt.Sprintf("the function was not ready within its init time-out of %s", limit)})
	defer cancel()
	s, origin, err := g.pool.stems.take(ctx, launch, g.rev.Function.Project)
	if err != nil {
		return nil, err
	}
	taken := time.Since(began)
	inst := &instance{group: g, box: s.box, conn: s.conn, output: s.output, tenant: s.tenant, free: s.free,
		origin: origin,
		inner:  launch.relay || g.rev.Spec.Contract == dayfly.ContractLambda,
		since:  time.Now(), charged: charged, phases: []dayfly.Timed{{Name: string(origin), Duration: taken}}}
	if err := inst.become(ctx, &launch); err != nil {
		s.discard("its start failed")
		return nil, inst.startFailure(err)
	}
	inst.startTime = time.Since(began)
	inst.begin()
	go inst.watch()
	return inst, nil
}

// become turns the stem into an instance of the revision.
func (i *instance) become(ctx context.Context, l *launch) error {
	rev := i.group.rev
	i.output.become(i)
	began := time.Now()
	lap := func(name string) {
		now := time.Now()
		i.phases = append(i.phases, dayfly.Timed{Name: name, Duration: now.Sub(began)})
		began = now
	}
	folder, err := i.group.pool.bundles.Folder(ctx, rev.Bundle)
	if err != nil {
		return fmt.Errorf("unpack bundle of %s: %w", rev.ID, err)
	}
	if err := i.box.SetLimits(rev.Spec.Limits); err != nil {
		return fmt.Errorf("limit instance of %s: %w", rev.ID, err)
	}
	if err := i.box.Attach(ctx, folder, taskDir); err != nil {
		return fmt.Errorf("attach code of %s: %w", rev.ID, err)
	}
	lap("attach")
	if rev.Spec.Contract == dayfly.ContractHTTP {
		err = i.execute(ctx, l, folder)
	} else {
		err = i.specialise(ctx, l)
	}
	lap("init")
	return err
}

// environment is what the function sees, the way to the platform's doors included.
func (i *instance) environment(l *launch) map[string]string {
	rev := i.group.rev
	return l.environment(rev, i.group.pool.admit(i.tenant, rev))
}

// execute runs the revision's own server in the held box.
func (i *instance) execute(ctx context.Context, l *launch, folder string) error {
	rev := i.group.rev
	argv, err := l.command(rev.Spec.Command, folder)
	if err != nil {
		return err
	}
	var env []string
	for k, v := range i.environment(l) {
		env = append(env, k+"="+v)
	}
	if err := i.box.Exec(ctx, argv, env, taskDir); err != nil {
		return &dayfly.Failure{Kind: dayfly.FailureInit, Phase: dayfly.PhaseInit,
			Type: "Runtime.InvalidEntrypoint", Message: err.Error()}
	}
	i.server = guest.NewServer(functionPort, i.box.Dial)
	return i.awaitProgram(ctx)
}

// awaitProgram waits until the program listens, on $PORT or where it likes.
func (i *instance) awaitProgram(ctx context.Context) error {
	g := i.group
	g.mu.Lock()
	hint := g.port
	g.mu.Unlock()
	port, err := i.awaitServer(ctx, guest.Elsewhere{Ports: i.box.Ports, Hint: hint})
	if err == nil && port != functionPort && port != hint {
		g.mu.Lock()
		g.port = port
		g.mu.Unlock()
		i.output.platform(fmt.Sprintf("the program listens on port %d, not on $PORT (%d): its calls go there",
			port, functionPort))
	}
	var failure *dayfly.Failure
	if errors.As(err, &failure) && failure.Type == "Runtime.InitTimeout" {
		failure.Message += fmt.Sprintf("; it must listen on 127.0.0.1:$PORT (%d)", functionPort)
	}
	return err
}

// awaitServer waits until a server accepts connections, or the box ends.
func (i *instance) awaitServer(ctx context.Context, elsewhere guest.Elsewhere) (int, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-i.box.Done():
			cancel(guest.ErrGone)
		case <-stop:
		}
	}()
	return i.server.Await(ctx, elsewhere)
}

// specialise lets the guest load the revision.
func (i *instance) specialise(ctx context.Context, l *launch) error {
	rev := i.group.rev
	ready, err := i.conn.Specialise(ctx, frame.SpecialiseHead{
		Function: rev.Function.Name, Project: rev.Function.Project, Revision: rev.ID, Number: rev.Number,
		Dialect: rev.Spec.Dialect, Entry: rev.Spec.Entry, Task: taskDir, Port: functionPort,
		Env: i.environment(l), Concurrency: rev.Spec.Scaling.Concurrency,
		MemoryBytes: rev.Spec.Limits.MemoryBytes, TimeoutMillis: rev.Spec.Limits.Timeout.Milliseconds(),
		Command: rev.Spec.Command, ResponseBytes: rev.Spec.Limits.ResponseBytes, Payload: rev.Spec.Payload,
	})
	if err != nil {
		return err
	}
	i.grace = min(time.Duration(ready.ShutdownMillis)*time.Millisecond, graceMax)
	if ready.Serve == "http" {
		i.server = guest.NewServer(ready.Port, i.box.Dial)
		_, err := i.awaitServer(ctx, guest.Elsewhere{})
		return err
	}
	return nil
}

// startFailure tells the function's fault from the platform's.
func (i *instance) startFailure(err error) error {
	if failure, ok := guest.FailureOf(err); ok {
		return i.withOutput(failure)
	}
	if !errors.Is(err, guest.ErrGone) {
		return err
	}
	select {
	case <-i.box.Done():
	case <-time.After(endWait):
	}
	failure := &dayfly.Failure{Kind: dayfly.FailureInit, Phase: dayfly.PhaseInit, Type: "Runtime.ExitError",
		Message: "the function's process ended before it was ready: " + describe(i.exit())}
	if i.box.Exit().OOM {
		failure.Kind, failure.Type = dayfly.FailureMemory, "Runtime.OutOfMemory"
		failure.Message = fmt.Sprintf("the function used more than its %s of memory while it started",
			dayfly.FormatBytes(i.group.rev.Spec.Limits.MemoryBytes))
	}
	return i.withOutput(failure)
}

// withOutput adds what the program last printed, where it says more than we can.
func (i *instance) withOutput(failure *dayfly.Failure) error {
	if last := i.output.last(); len(failure.Stack) == 0 && len(last) > 0 {
		copied := *failure
		copied.Stack = strings.Split(strings.Join(last, "\n"), "\n")
		return &copied
	}
	return failure
}
