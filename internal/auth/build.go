// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"log/slog"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// Functions calls functions: those of a front that are asked who is calling.
type Functions interface {
	Invoke(context.Context, *dayfly.Invocation) (*dayfly.Result, error)
}

// Deps are what authenticators of a project work with.
type Deps struct {
	Project   dayfly.ProjectName
	Functions Functions
	// JWT and Login make those two kinds: packages auth/jwt and auth/login stand below this
	// one, and know it.
	JWT   func(name string, j *front.JWT) (Authenticator, error)
	Login func(name string, l *front.Login) (Authenticator, error)
	Now   func() time.Time
	Log   *slog.Logger
}
