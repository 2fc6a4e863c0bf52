// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// wellKnown are the places of metadata: of OpenID Connect Discovery, and of RFC 8414 for an
// issuer without a path.
const (
	wellKnown      = "/.well-known/openid-configuration"
	wellKnownOAuth = "/.well-known/oauth-authorization-server"
)

// Metadata is what an issuer says of itself.
type Metadata struct {
	Issuer        string   `json:"issuer"`
	JWKS          string   `json:"jwks_uri"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	UserInfo      string   `json:"userinfo_endpoint"`
	EndSession    string   `json:"end_session_endpoint"`
	Revocation    string   `json:"revocation_endpoint"`
	TokenAuth     []string `json:"token_endpoint_auth_methods_supported"`
	Scopes        []string `json:"scopes_supported"`
	Challenges    []string `json:"code_challenge_methods_supported"`
	// NamesItself says that answers of the authorization endpoint carry iss (RFC 9207).
	NamesItself bool `json:"authorization_response_iss_parameter_supported"`

	within reach // where what it names may be
	client *client
}

// Do sends a request to an endpoint that the metadata names.
func (m *Metadata) Do(req *http.Request) (*Reply, error) { return m.client.do(req, m.within) }

func (i *Issuer) fetchMetadata(ctx context.Context, _ *Metadata) (*Metadata, time.Duration, error) {
	base := strings.TrimSuffix(i.URL, "/")
	reply, err := i.book.client.get(ctx, base+wellKnown, loopback)
	if isMissing(err) {
		reply, err = i.book.client.get(ctx, base+wellKnownOAuth, loopback)
	}
	if err != nil {
		return nil, 0, err
	}
	m := &Metadata{within: reply.from, client: i.book.client}
	if err := json.Unmarshal(reply.Body, m); err != nil {
		return nil, 0, fmt.Errorf("read metadata of %s: %w", i.URL, err)
	}
	if m.Issuer != i.URL {
		return nil, 0, fmt.Errorf("the provider at %s calls itself %.200q: the issuer must be written so", i.URL, m.Issuer)
	}
	for what, endpoint := range map[string]string{
		"jwks_uri": m.JWKS, "authorization_endpoint": m.Authorization, "token_endpoint": m.Token,
		"userinfo_endpoint": m.UserInfo, "end_session_endpoint": m.EndSession,
		"revocation_endpoint": m.Revocation,
	} {
		if endpoint == "" && what != "jwks_uri" {
			continue
		}
		if _, err := checkURL(endpoint); err != nil {
			return nil, 0, fmt.Errorf("%s of %s: %w", what, i.URL, err)
		}
	}
	return m, metadataFresh, nil
}
