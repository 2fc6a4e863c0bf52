// SPDX-License-Identifier: Apache-2.0

package turns_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/pool/turns"
)

// enter takes a place that is free.
func enter(t *testing.T, g *turns.Gate) (leave func()) {
	t.Helper()
	leave, err := g.Enter(t.Context(), "first")
	if err != nil {
		t.Fatal(err)
	}
	return leave
}

func TestTurnsGoRoundTheProjects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := turns.New(1)
		leave := enter(t, g)
		var order []string
		for _, who := range []dayfly.ProjectName{"big", "big", "big", "big", "small", "small", "other"} {
			go func() {
				leave, err := g.Enter(t.Context(), who)
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, string(who))
				leave()
			}()
			synctest.Wait()
		}
		leave()
		synctest.Wait()
		want := []string{"big", "small", "other", "big", "small", "big", "big"}
		if !slices.Equal(order, want) {
			t.Errorf("the turns were %v, want %v", order, want)
		}
	})
}

func TestWhoGivesUpTakesNoTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := turns.New(1)
		leave := enter(t, g)
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := errors.New("gone")
		for range 3 {
			go func() {
				if _, err := g.Enter(ctx, "first"); !errors.Is(err, gone) {
					t.Errorf("Enter = %v, want %v", err, gone)
				}
			}()
		}
		synctest.Wait()
		cancel(gone)
		synctest.Wait()
		served := false
		go func() {
			defer enter(t, g)()
			served = true
		}()
		synctest.Wait()
		leave()
		synctest.Wait()
		if !served {
			t.Error("a place that is free is not had by who waits")
		}
		enter(t, g)() // the place is still there
	})
}

func TestNoMoreGoThanThereArePlaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const places = 3
		g := turns.New(places)
		inside, most := 0, 0
		step := make(chan struct{})
		for i := range 20 {
			go func() {
				leave, err := g.Enter(t.Context(), dayfly.ProjectName(fmt.Sprintf("p%d", i%4)))
				if err != nil {
					t.Error(err)
					return
				}
				inside++
				most = max(most, inside)
				<-step
				inside--
				leave()
			}()
			synctest.Wait()
		}
		for range 20 {
			if inside == 0 {
				t.Fatal("nobody goes, and some wait")
			}
			step <- struct{}{}
			synctest.Wait()
		}
		if most != places {
			t.Errorf("%d went at once, want %d", most, places)
		}
	})
}
