// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/api/wire"
	"github.com/dayfly-faas/dayfly/internal/kv"
)

// route is one entry of the table of contents.
type route struct {
	pattern string
	handle  func(http.ResponseWriter, *http.Request) error
	class   *class
	open    bool // answers without the token
	box     bool // functions may use it, within their project
}

// routes is the table of contents of the management API.
func (a *API) routes() []route {
	const function = "/v1/projects/{project}/functions/{function}"
	plain := newClass(plainTimeout, plainBodyBytes, plainAtOnce)
	source := newClass(0, sourceBytesMax, sourceAtOnce)
	deploy := newClass(deployTimeout, plainBodyBytes, deployAtOnce)
	invoke := newClass(0, invokeBodyBytes, invokeAtOnce)
	follow := newClass(0, plainBodyBytes, followAtOnce)
	push := newClass(plainTimeout, eventBytesMax, pushAtOnce)
	advance := newClass(advanceTimeout, plainBodyBytes, advanceAtOnce)
	data := a.dataRoutes(plain, deploy)
	packages := nouns(plain, a.deps.Fronts.Routes(), a.deps.Purges.Routes(), a.deps.Access.Routes(),
		a.deps.Certificates.Routes())
	return append(append(data, packages...), []route{
		{pattern: "GET /health", handle: a.health, class: plain, open: true},
		{pattern: "GET /metrics", handle: a.metrics, class: plain},
		{pattern: "GET /v1/openapi.json", handle: a.openapi, class: plain},
		{pattern: "GET /v1/info", handle: a.info, class: plain},
		{pattern: "GET /v1/features", handle: a.features, class: plain},
		{pattern: "GET /v1/runtimes", handle: a.runtimes, class: plain},

		{pattern: "HEAD /v1/sources/{digest}", handle: a.hasSource, class: plain},
		{pattern: "PUT /v1/sources/{digest}", handle: a.putSource, class: source},

		{pattern: "GET /v1/functions", handle: a.listFunctions, class: plain},
		{pattern: "GET /v1/triggers", handle: a.listTriggers, class: plain},
		{pattern: "GET " + function, handle: a.inspect, class: plain},
		{pattern: "DELETE " + function, handle: a.remove, class: plain},
		{pattern: "GET " + function + "/revisions/{number}", handle: a.revision, class: plain},
		{pattern: "POST " + function + "/deploy", handle: a.deploy, class: deploy},
		{pattern: "POST " + function + "/rollback", handle: a.rollback, class: deploy},
		{pattern: "POST " + function + "/evict", handle: a.evict, class: plain},
		{pattern: "POST " + function + "/invoke", handle: a.invoke, class: invoke, box: true},

		{pattern: "POST " + function + "/events", handle: a.pushEvent, class: push, box: true},
		{pattern: "POST " + function + "/pause", handle: a.pause, class: plain},
		{pattern: "POST " + function + "/resume", handle: a.resume, class: plain},
		{pattern: "GET /v1/projects/{project}/events/{id}", handle: a.projectEvent, class: plain, box: true},
		{pattern: "GET /v1/events", handle: a.listEvents, class: plain},
		{pattern: "GET /v1/events/{id}", handle: a.event, class: plain},
		{pattern: "POST /v1/events/{id}/cancel", handle: a.cancelEvent, class: plain},
		{pattern: "GET /v1/dead", handle: a.listDead, class: plain},
		{pattern: "DELETE /v1/dead", handle: a.dropDead, class: plain},
		{pattern: "POST /v1/dead/redrive", handle: a.redrive, class: plain},
		{pattern: "GET /v1/dead/{id}", handle: a.deadLetter, class: plain},
		{pattern: "DELETE /v1/dead/{id}", handle: a.dropLetter, class: plain},

		{pattern: "GET /v1/crons", handle: a.listCrons, class: plain},
		{pattern: "GET " + function + "/crons/{cron}/runs", handle: a.cronRuns, class: plain},
		{pattern: "POST " + function + "/crons/{cron}/run", handle: a.runCron, class: plain},
		{pattern: "GET /v1/clock", handle: a.clock, class: plain},
		{pattern: "POST /v1/clock/advance", handle: a.advanceClock, class: advance},

		{pattern: "GET /v1/logs", handle: a.logLines, class: follow},
		{pattern: "GET /v1/invocations", handle: a.invocations, class: plain},
		{pattern: "GET /v1/invocations/{id}", handle: a.invocation, class: plain},
	}...)
}

// dataRoutes are those of what functions keep and send: objects, values, messages.
func (a *API) dataRoutes(plain, deploy *class) []route {
	const buckets = "/v1/projects/{project}/buckets"
	const values = "/v1/projects/{project}/kv"
	const value = values + "/{bucket}/{key...}"
	const queue = "/v1/projects/{project}/queues/{queue}"
	publish := newClass(plainTimeout, publishBytesMax, publishAtOnce)
	valued := newClass(plainTimeout, kv.ValueBytesMax, valuesAtOnce)
	list := newClass(0, plainBodyBytes, valuesAtOnce)
	return []route{
		{pattern: "GET /v1/projects/{project}/s3", handle: a.s3Access, class: plain},
		{pattern: "GET " + buckets, handle: a.buckets, class: plain, box: true},
		{pattern: "PUT " + buckets + "/{bucket}", handle: a.putBucket, class: plain},
		{pattern: "DELETE " + buckets + "/{bucket}", handle: a.deleteBucket, class: plain},
		{pattern: "GET " + buckets + "/{bucket}/objects", handle: a.objects, class: plain, box: true},
		{pattern: "POST " + buckets + "/{bucket}/sign", handle: a.signObject, class: plain, box: true},

		{pattern: "GET " + values, handle: a.valueBuckets, class: plain, box: true},
		{pattern: "GET " + values + "/{bucket}", handle: a.listValues, class: list, box: true},
		{pattern: "DELETE " + values + "/{bucket}", handle: a.removeValues, class: deploy},
		{pattern: "GET " + value, handle: a.getValue, class: valued, box: true},
		{pattern: "PUT " + value, handle: a.putValue, class: valued, box: true},
		{pattern: "POST " + value, handle: a.incrementValue, class: valued, box: true},
		{pattern: "DELETE " + value, handle: a.deleteValue, class: valued, box: true},

		{pattern: "GET /v1/projects/{project}/queues", handle: a.listQueues, class: plain, box: true},
		{pattern: "GET " + queue, handle: a.queue, class: plain, box: true},
		{pattern: "PUT " + queue, handle: a.putQueue, class: plain},
		{pattern: "DELETE " + queue, handle: a.removeQueue, class: deploy},
		{pattern: "POST " + queue + "/messages", handle: a.publish, class: publish, box: true},
		{pattern: "GET " + queue + "/messages", handle: a.messages, class: plain, box: true},
		{pattern: "POST " + queue + "/replay", handle: a.replay, class: deploy, box: true},
	}
}

// nouns gives the routes of packages below this one the class of short answers.
func nouns(plain *class, lists ...[]wire.Route) []route {
	var routes []route
	for _, noun := range slices.Concat(lists...) {
		limits := plain
		if noun.BodyBytes > 0 {
			limits = newClass(plainTimeout, noun.BodyBytes, deployAtOnce)
		}
		routes = append(routes, route{pattern: noun.Pattern, handle: noun.Handle, class: limits})
	}
	return routes
}

// Patterns lists what the API answers to, as "METHOD /path/{parameter}".
func (a *API) Patterns() []string {
	var list []string
	for _, rt := range a.routes() {
		list = append(list, strings.ReplaceAll(rt.pattern, "...}", "}"))
	}
	return list
}
