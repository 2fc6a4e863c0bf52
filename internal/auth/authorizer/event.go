// SPDX-License-Identifier: Apache-2.0

package authorizer

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/event"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// arnPrefix is that of API Gateway, with a region and an account as functions here see them.
const arnPrefix = "arn:aws:execute-api:us-east-1:000000000000:"

// Call is a request about which a function is asked.
type Call struct {
	HTTP    *http.Request
	Project dayfly.ProjectName
	// Function is the one that is asked.
	Function dayfly.FunctionName
	// Route is the route as functions are told it: "GET /orders/{id}".
	Route    string
	Params   map[string]string
	Path     string // as the target sees it
	Address  string
	Scheme   string
	ID       string
	Identity []string // what the identity expressions gave
	Now      time.Time
}

// ARN names the method and the path of the request, as policies do.
func (c Call) ARN() string {
	return arnPrefix + string(c.Project) + "/$default/" + c.HTTP.Method + "/" + strings.TrimPrefix(c.Path, "/")
}

// Event gives the event: version 2.0 of HTTP APIs, with the methodArn and the
// authorizationToken that functions written for REST APIs look for.
func (c Call) Event() ([]byte, error) {
	more := struct {
		Type     string            `json:"type"`
		Route    string            `json:"routeArn"`
		Method   string            `json:"methodArn"`
		Token    string            `json:"authorizationToken,omitempty"`
		Identity []string          `json:"identitySource"`
		Stage    map[string]string `json:"stageVariables"`
	}{Type: "REQUEST", Route: c.ARN(), Method: c.ARN(), Identity: c.Identity, Stage: map[string]string{}}
	if len(c.Identity) > 0 {
		more.Token = c.Identity[0]
	}
	head, err := c.head()
	if err != nil {
		return nil, err
	}
	first, err := json.Marshal(more)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	// Both are objects: {"type":…} and {"version":…} become one.
	request := event.Encode(dayfly.PayloadV2, c.Function, head, nil)
	return append(append(first[:len(first)-1], ','), request[1:]...), nil
}

// head gives the request as events are made of it. The route is what we say it is, whatever
// the client does.
func (c Call) head() (*frame.RequestHead, error) {
	h := &frame.RequestHead{ID: c.ID, Received: c.Now.UnixMilli(), Method: c.HTTP.Method, Path: c.Path,
		Query: c.HTTP.URL.RawQuery, Proto: c.HTTP.Proto, Scheme: c.Scheme, Host: c.HTTP.Host, Remote: c.Address}
	for _, name := range slices.Sorted(maps.Keys(c.HTTP.Header)) {
		lower := strings.ToLower(name)
		if lower == event.HeaderRoute || lower == event.HeaderParams || lower == event.HeaderPrincipal {
			continue
		}
		for _, value := range c.HTTP.Header[name] {
			h.Headers = append(h.Headers, [2]string{lower, value})
		}
	}
	if c.Route == "" {
		return h, nil
	}
	params, err := json.Marshal(c.Params)
	if err != nil {
		return nil, fmt.Errorf("encode captures: %w", err)
	}
	h.Headers = append(h.Headers, [2]string{event.HeaderRoute, c.Route}, [2]string{event.HeaderParams, string(params)})
	return h, nil
}
