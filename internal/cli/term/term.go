// SPDX-License-Identifier: Apache-2.0

package term

import (
	"io"
	"time"

	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/config"
)

// World is what the command line sees of the process that it runs in.
type World struct {
	In       io.Reader
	Out, Err io.Writer
	Env      config.Environment
	// Version is what this program says of itself.
	Version string
}

// Session is one run of the command line: what was said to all commands, and the way
// back to the person or program that typed it.
type Session struct {
	World
	Style Style // of Out
	Alert Style // of Err
	Now   func() time.Time

	URL, Token string
	JSON       bool
	Running    bool // a command began: errors are no longer about usage
}

// New begins a session.
func New(world World) *Session {
	return &Session{World: world, Now: time.Now,
		Style: styleFor(world.Out, world.Env), Alert: styleFor(world.Err, world.Env)}
}

// Connect gives a client of the node that was chosen.
func (s *Session) Connect() (*client.Client, error) {
	given := config.Endpoint{URL: s.URL, Token: s.Token}
	found, err := config.Find(given, config.DataDir(s.Env), s.Env)
	if err != nil {
		return nil, err
	}
	return client.New(client.Options{URL: found.URL, Token: found.Token,
		UserAgent: "dayfly/" + s.Version})
}
