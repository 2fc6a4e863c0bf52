// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net/http"

	"github.com/dayfly-faas/dayfly"
)

// Runtime is a language toolchain that the node found on its host.
type Runtime struct {
	Name     dayfly.RuntimeName `json:"name"` // "python3.11"
	Language string             `json:"language"`
	Version  string             `json:"version"` // "3.11.2"
	Path     string             `json:"path,omitempty"`
	Source   string             `json:"source"` // who installed it: "distribution", "pyenv"
	// Default marks the one that is taken when a deploy does not choose.
	Default bool `json:"default"`
}

// Totals is the summed use of a function since it was first called.
type Totals struct {
	Calls  int64 `json:"calls"`
	Errors int64 `json:"errors"` // calls with a fault, whosever it was
	// BilledMillis is time on instances, each call rounded up.
	BilledMillis int64 `json:"billed_millis"`
	// MemoryMillis is BilledMillis times the memory limit in MiB.
	MemoryMillis int64 `json:"memory_millis"`
}

// Runtimes lists the language toolchains of the node's host.
func (c *Client) Runtimes(ctx context.Context) ([]Runtime, error) {
	var out struct {
		Runtimes []Runtime `json:"runtimes"`
	}
	err := c.json(ctx, call{method: http.MethodGet, path: "/v1/runtimes"}, nil, &out)
	return out.Runtimes, err
}
