// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

// Settings are what a manifest says of one function; empty fields are detected, or have
// their defaults. Sizes and times are written as in dayfly.yaml: "256Mi", "30s".
type Settings = manifest.Function

// Instances, in Settings, bound how many instances there may be.
type Instances = manifest.Instances

// Queue, in Settings, bounds how calls wait for an instance.
type Queue = manifest.Queue

// DeployRequest asks for a new revision of a function.
type DeployRequest struct {
	Function dayfly.FunctionRef
	// Source is the digest of a source that was uploaded.
	Source   dayfly.Digest
	Settings Settings
}

// DeployEvent is one step of a deploy, or one line of its build's output.
type DeployEvent struct {
	Stage string `json:"stage"`
	Text  string `json:"text,omitempty"`
	// Stream is set on lines that the build printed.
	Stream dayfly.LogStream `json:"stream,omitempty"`
}

// Outcome is what a deploy made.
type Outcome struct {
	Function dayfly.Function  `json:"function"`
	Revision *dayfly.Revision `json:"revision"`
	// Found says in words what was detected in the source.
	Found []string `json:"found"`
	// Unchanged is set when the live revision was this already.
	Unchanged bool   `json:"unchanged"`
	URL       string `json:"url"`
}

// Deploy builds a revision and makes it live once it is ready. It calls progress, from
// this goroutine, as things happen; nil hears nothing. Ending ctx ends the deploy, and
// what was live stays live.
func (c *Client) Deploy(
	ctx context.Context, r DeployRequest, progress func(DeployEvent),
) (*Outcome, error) {
	body, err := json.Marshal(map[string]any{"source": r.Source, "settings": r.Settings})
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "encode settings: %w", err)
	}
	resp, err := c.do(ctx, jsonCall(http.MethodPost, pathOf(r.Function, "/deploy"), body))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	lines := json.NewDecoder(resp.Body)
	for {
		var line struct {
			Event   *DeployEvent `json:"event"`
			Outcome *Outcome     `json:"outcome"`
			Error   *problem     `json:"error"`
		}
		if err := lines.Decode(&line); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF // the last line is an outcome or an error
			}
			return nil, c.wayError(err)
		}
		switch {
		case line.Error != nil:
			return nil, line.Error.err()
		case line.Outcome != nil:
			return line.Outcome, nil
		case line.Event != nil && progress != nil:
			progress(*line.Event)
		}
	}
}
