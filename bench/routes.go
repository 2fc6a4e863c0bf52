// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/bench/caller"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/front"
)

const (
	// routeAddedPromise bounds what a key, a schema and a limit add to a call.
	routeAddedPromise = 60 * time.Microsecond
	// routePairs are the rounds in which the address of a function and its routes take
	// turns: the median of their differences counts, for what else the machine does comes
	// and goes.
	routePairs = 15
	// routeRate is more than one caller reaches.
	routeRate  = "1000000/s"
	routeFn    = "bench-routes"
	plainPath  = "/bench-routes/plain"
	guardPath  = "/bench-routes/guarded"
	orderBody  = `{"customer":"c-4711","items":[{"sku":"tea-green-100","count":2},{"sku":"cup-blue","count":1}],"note":"ring twice"}`
	orderShape = `{"type":"object","required":["customer","items"],"additionalProperties":false,"properties":{
		"customer":{"type":"string","pattern":"^c-[0-9]+$"},"note":{"type":"string","maxLength":200},
		"items":{"type":"array","minItems":1,"items":{"type":"object","required":["sku","count"],
			"properties":{"sku":{"type":"string"},"count":{"type":"integer","minimum":1}}}}}}`
)

// routes measures what a route adds to a warm call: one that has no rules, and one with an
// API key, a schema for the body, and a limit for each key.
func (b *bench) routes(ctx context.Context) error {
	direct, err := b.platform.deploy(ctx, "go", routeFn, client.Settings{})
	if err != nil {
		return err
	}
	_, secret, err := b.platform.client.CreateKey(ctx, dayfly.DefaultProject, client.NewKey{Name: "bench"})
	if err != nil {
		return fmt.Errorf("create key: %w", err)
	}
	perKey := front.Rate{Limit: routeRate, By: "key"}
	settings := client.FrontSettings{Direct: true,
		Auth: map[string]front.Auth{"partners": {Keys: &front.Keys{Header: "X-Api-Key"}}},
		Routes: map[string]client.Route{
			"POST " + plainPath: {Function: routeFn, Auth: front.List{front.AuthNone}},
			"POST " + guardPath: {Function: routeFn, Auth: front.List{"partners"},
				Validate: &front.Validate{Body: map[string]json.RawMessage{"application/json": json.RawMessage(orderShape)}},
				Limits:   &front.Limits{Rate: []front.Rate{perKey}}},
		}}
	if _, err := b.platform.client.PublishFront(ctx, dayfly.DefaultProject, &settings); err != nil {
		return fmt.Errorf("publish routes: %w", err)
	}
	targets := make([]caller.Target, 3)
	for i, address := range []string{direct, b.platform.gateway + plainPath, b.platform.gateway + guardPath} {
		if targets[i], err = order(address, secret); err != nil {
			return err
		}
	}
	return b.addedByRoutes(ctx, targets)
}

// order prepares a POST of an order.
func order(address, secret string) (caller.Target, error) {
	u, err := url.Parse(address)
	if err != nil {
		return caller.Target{}, err
	}
	request := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nX-Api-Key: %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", u.RequestURI(), u.Host, secret, len(orderBody), orderBody)
	return caller.Target{Addr: u.Host, Request: []byte(request)}, nil
}

// addedByRoutes has targets take turns, and tells what those after the first add to it.
func (b *bench) addedByRoutes(ctx context.Context, targets []caller.Target) error {
	all := make([]*tally, len(targets))
	added := make([][]time.Duration, len(targets))
	for range routePairs {
		var first time.Duration
		for i, to := range targets {
			t := closedLoop(ctx, to, 1, b.effort.load/3)
			if err := errors.Join(context.Cause(ctx), t.clean()); err != nil {
				return err
			}
			if all[i] == nil {
				all[i] = newTally()
			}
			all[i].merge(t)
			all[i].took += t.took
			if p50 := percentile(t.ok, .5); i == 0 {
				first = p50
			} else {
				added[i] = append(added[i], p50-first)
			}
		}
	}
	for i, subject := range []string{"the function's own address", "a route without rules", "a route with key, schema and limit"} {
		row := b.report.load("routes", groupDayfly, subject, all[i])
		if i > 0 {
			row.Added = micros(percentile(added[i], .5))
		}
		if i == len(targets)-1 {
			row.promiseAdded(routeAddedPromise)
		}
	}
	return nil
}
