// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// Key is what is known of an API key.
type Key struct {
	// ID stays when the key is rotated; it begins with a digit.
	ID      string             `json:"id"`
	Project dayfly.ProjectName `json:"project"`
	Name    string             `json:"name"`
	Scopes  []string           `json:"scopes"`
	Labels  map[string]string  `json:"labels"`
	Created time.Time          `json:"created"`
	Expires time.Time          `json:"expires,omitzero"` // zero: never
	// Secrets are those that are valid, the newest last.
	Secrets []KeySecret `json:"secrets"`
}

// KeySecret is what is known of a secret of a key.
type KeySecret struct {
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"` // zero: with its key
	Used    time.Time `json:"used,omitzero"`    // zero: never
}

// NewKey says what a key is to be.
type NewKey struct {
	Name   string
	Scopes []string
	Labels map[string]string
	// ExpiresIn is how long it lives; for ever when 0.
	ExpiresIn time.Duration
}

func keysPath(p dayfly.ProjectName, rest string) string {
	if p == "" {
		p = dayfly.DefaultProject
	}
	return "/v1/projects/" + url.PathEscape(string(p)) + "/keys" + rest
}

// Keys lists the API keys of a project, by name.
func (c *Client) Keys(ctx context.Context, p dayfly.ProjectName) ([]Key, error) {
	var out struct {
		Keys []Key `json:"keys"`
	}
	err := c.json(ctx, call{method: http.MethodGet, path: keysPath(p, "")}, nil, &out)
	return out.Keys, err
}

// Key gives the API key with that name or identity.
func (c *Client) Key(ctx context.Context, p dayfly.ProjectName, name string) (Key, error) {
	var out Key
	err := c.json(ctx, call{method: http.MethodGet, path: keysPath(p, "/"+url.PathEscape(name))}, nil, &out)
	return out, err
}

// CreateKey makes an API key, and gives its text: nobody can give it again.
func (c *Client) CreateKey(ctx context.Context, p dayfly.ProjectName, k NewKey) (Key, string, error) {
	in := map[string]any{"name": k.Name}
	if len(k.Scopes) > 0 {
		in["scopes"] = k.Scopes
	}
	if len(k.Labels) > 0 {
		in["labels"] = k.Labels
	}
	if k.ExpiresIn != 0 {
		in["expires_in"] = k.ExpiresIn.String()
	}
	return c.madeKey(ctx, keysPath(p, ""), in)
}

// RotateKey gives an API key another text. The one before stays valid for the grace.
func (c *Client) RotateKey(
	ctx context.Context, p dayfly.ProjectName, name string, grace time.Duration,
) (Key, string, error) {
	return c.madeKey(ctx, keysPath(p, "/"+url.PathEscape(name)+"/rotate"), map[string]any{"grace": grace.String()})
}

func (c *Client) madeKey(ctx context.Context, path string, in any) (Key, string, error) {
	var out struct {
		Key  Key    `json:"key"`
		Text string `json:"text"`
	}
	err := c.json(ctx, call{method: http.MethodPost, path: path}, in, &out)
	return out.Key, out.Text, err
}

// RevokeKey ends an API key, given by name or identity, for ever.
func (c *Client) RevokeKey(ctx context.Context, p dayfly.ProjectName, name string) (Key, error) {
	var out Key
	err := c.json(ctx, call{method: http.MethodDelete, path: keysPath(p, "/"+url.PathEscape(name))}, nil, &out)
	return out, err
}
