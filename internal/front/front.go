// SPDX-License-Identifier: Apache-2.0

package front

import (
	"encoding/json"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// Bounds of a front.
const (
	routesMax = 100_000  // a table of as many takes some 60 MB
	hostsMax  = 100      // of one project
	authMax   = 100      // of one project
	listMax   = 100      // of names in one field
	textMax   = 64 << 10 // of an expression, a schema's text or a fixed answer
)

// Front is what a project shows to the public.
type Front struct {
	// Hosts are the host names that the routes answer at: "shop.example.com",
	// "*.example.com" for every name one label below, "*" for all that nobody else has.
	// PROJECT.localhost is always among them; "*" is, for the project named default, unless
	// another project has it.
	Hosts []string `json:"hosts,omitempty"`
	// Auth holds the ways to tell who is calling, by the names that routes use.
	Auth map[string]Auth `json:"auth,omitempty"`
	// Routes are the routes by their patterns: "GET /orders/{id}".
	Routes map[string]Route `json:"routes,omitempty"`
	// Every is what holds for all routes that say nothing else.
	Every *Every `json:"every,omitempty"`
	// Components hold the schemas that validations refer to as
	// #/components/schemas/NAME, in the form of OpenAPI's key of that name.
	Components json.RawMessage `json:"components,omitempty"`
	// Direct leaves functions that routes name reachable at /function/NAME and
	// NAME.PROJECT.localhost too, past their routes' rules. Functions that no route and no
	// authenticator names always are.
	Direct bool `json:"direct,omitempty"`
}

// Every holds defaults of all routes of a front. A route that has the key has all of it:
// nothing is merged.
type Every struct {
	Auth     List           `json:"auth,omitempty"`
	Allow    string         `json:"allow,omitempty"`
	Limits   *Limits        `json:"limits,omitempty"`
	CORS     *CORS          `json:"cors,omitempty"`
	Response *Response      `json:"response,omitempty"`
	Timeout  *quantity.Span `json:"timeout,omitempty"`
	Compress *bool          `json:"compress,omitempty"`
}

// Route says what becomes of the requests that its pattern matches. Exactly one of Function,
// Queue, Object, URL, Site, Redirect and Respond says where they go.
type Route struct {
	// Name is what limits, logs and explanations call the route; its pattern when empty.
	Name string `json:"name,omitempty"`

	// Function is called; Alias picks the revision. With Async the caller gets 202 once the
	// call is durable.
	Function dayfly.FunctionName `json:"function,omitempty"`
	Alias    dayfly.AliasName    `json:"alias,omitempty"`
	Async    bool                `json:"async,omitempty"`
	// Queue gets the request's body as a message of that Type ("http.request" when empty),
	// and the caller 202.
	Queue dayfly.QueueName `json:"queue,omitempty"`
	Type  string           `json:"type,omitempty"`
	// Object is an object of a bucket, "BUCKET/KEY", the key a template: "media/{path...}".
	// GET and HEAD read it, PUT writes it, DELETE removes it.
	Object string `json:"object,omitempty"`
	// URL is another server, to which the request is handed on. Its path is a template; one
	// without is given the request's.
	URL string `json:"url,omitempty"`
	// Site serves files.
	Site *Site `json:"site,omitempty"`
	// Redirect sends the caller elsewhere.
	Redirect *Redirect `json:"redirect,omitempty"`
	// Respond is a fixed answer.
	Respond *Respond `json:"respond,omitempty"`

	// Auth names authenticators, one of which must know the caller; "none" lets everybody in.
	Auth List `json:"auth,omitempty"`
	// Allow is an expression that must be true of the request and its principal.
	Allow    string    `json:"allow,omitempty"`
	Validate *Validate `json:"validate,omitempty"`
	Limits   *Limits   `json:"limits,omitempty"`
	Request  *Request  `json:"request,omitempty"`
	Response *Response `json:"response,omitempty"`
	Cache    *Cache    `json:"cache,omitempty"`
	CORS     *CORS     `json:"cors,omitempty"`
	// Timeout bounds the wait for the head of the answer; the function's own when nil.
	Timeout *quantity.Span `json:"timeout,omitempty"`
	// Idle ends a WebSocket or an event stream on which nothing moved for so long.
	Idle *quantity.Span `json:"idle,omitempty"`
	// Compress is whether answers are compressed for callers that take it; true when nil.
	Compress *bool `json:"compress,omitempty"`
}

// Site serves the files of a folder.
type Site struct {
	// Source is the folder, relative to the manifest; Digest names its upload, and is all
	// that the node needs.
	Source string        `json:"source,omitempty"`
	Digest dayfly.Digest `json:"digest,omitempty"`
	// Fallback is the file for paths that have none, for applications that route in the
	// browser: "index.html".
	Fallback string `json:"fallback,omitempty"`
	// NotFound is the file that goes with a 404; "404.html" is found by itself.
	NotFound string `json:"not_found,omitempty"`
	// Otherwise is the function for paths that have no file, as of a framework that renders
	// on the server.
	Otherwise dayfly.FunctionName `json:"otherwise,omitempty"`
	// CleanURLs serves about.html at /about, and redirects the one to the other; true when
	// nil.
	CleanURLs *bool `json:"clean_urls,omitempty"`
	// Immutable are globs of paths whose content never changes, beside those with a hash in
	// their names.
	Immutable List `json:"immutable,omitempty"`
}

// Redirect sends the caller elsewhere.
type Redirect struct {
	To     string `json:"to"`               // a path or URL, a template
	Status int    `json:"status,omitempty"` // 301, 302, 303, 307 or 308; 302 when 0
	Query  bool   `json:"query,omitempty"`  // the request's query goes along
}

// Respond is a fixed answer.
type Respond struct {
	Status int               `json:"status,omitempty"` // 200 when 0
	Header map[string]string `json:"header,omitempty"`
	Body   string            `json:"body,omitempty"`
}

// Validate holds JSON Schemas (2020-12). Those of Path, Query, Header and Cookie describe an
// object whose properties are the parameters; texts are read as the type that the schema of
// a parameter wants.
type Validate struct {
	Path   json.RawMessage `json:"path,omitempty"`
	Query  json.RawMessage `json:"query,omitempty"`
	Header json.RawMessage `json:"header,omitempty"` // names in lower case
	Cookie json.RawMessage `json:"cookie,omitempty"`
	// Styles say how parameters with several values are written, by "query.ids", in
	// OpenAPI's words: style[,explode].
	Styles map[string]string `json:"styles,omitempty"`
	// Body is by media type ("application/json", "text/*"); BodyOptional lets it be absent.
	Body         map[string]json.RawMessage `json:"body,omitempty"`
	BodyOptional bool                       `json:"body_optional,omitempty"`
	// Response is by status: "200", "4XX" or "default". An answer that does not match is
	// reported, and sent as it is.
	Response map[string]json.RawMessage `json:"response,omitempty"`
	// OpenAPI30 reads the schemas as OpenAPI 3.0 does: nullable, exclusive bounds as flags.
	OpenAPI30 bool `json:"openapi30,omitempty"`
}

// Limits bound what is let through.
type Limits struct {
	Rate  []Rate `json:"rate,omitempty"`
	Quota []Rate `json:"quota,omitempty"`
	// Body bounds the request's body, Header its head; the node's bounds hold anyway.
	Body   quantity.Bytes `json:"body,omitempty"`
	Header quantity.Bytes `json:"header,omitempty"`
	// Concurrency bounds the requests of the route that are under way at once.
	Concurrency int `json:"concurrency,omitempty"`
}

// Rate bounds how often. A rate is a bucket of tokens and is kept in memory; a quota counts
// whole windows of a minute, hour, day or month (UTC) and survives a restart.
type Rate struct {
	// Limit is a count and a time: "10/s", "100/m", "5000/h", "100000/day", "1e6/month".
	Limit string `json:"limit"`
	// Burst is how many may come at once, for a rate; its count when 0.
	Burst int `json:"burst,omitempty"`
	// By says who is counted: "address" (the default), "key", "user", "route" for all
	// together, or an expression.
	By string `json:"by,omitempty"`
}

// Request changes a request before it goes to its target. Expressions are CEL.
type Request struct {
	// Rewrite is a template for the path; captures in braces: "/v2/orders/{id}".
	Rewrite string `json:"rewrite,omitempty"`
	// Query and Header set by expressions; null takes one away.
	Query  map[string]*string `json:"query,omitempty"`
	Header map[string]*string `json:"header,omitempty"`
	// Body is an expression that gives the body: a text as it is, anything else as JSON.
	Body string `json:"body,omitempty"`
	// Event makes a handler of events get the body as its event, in place of an HTTP event.
	Event bool `json:"event,omitempty"`
	// Payload gives any function the whole request as JSON: "2.0" or "1.0".
	Payload dayfly.Payload `json:"payload,omitempty"`
}

// Response changes an answer on its way back. Expressions are CEL.
type Response struct {
	Status string             `json:"status,omitempty"` // an expression that gives a number
	Header map[string]*string `json:"header,omitempty"` // expressions; null takes one away
	Body   string             `json:"body,omitempty"`   // an expression, as for a request
	// Errors are answers for errors by kind (unauthenticated, exhausted, …), by failure of
	// the function (exception, timeout, out_of_memory …), by status ("404") or "default".
	Errors map[string]ErrorAnswer `json:"errors,omitempty"`
}

// ErrorAnswer is told in place of an error's own answer.
type ErrorAnswer struct {
	Status int               `json:"status,omitempty"` // that of the error when 0
	Header map[string]string `json:"header,omitempty"`
	Body   string            `json:"body,omitempty"` // an expression
}

// Cache keeps answers as their headers allow (RFC 9111).
type Cache struct {
	// TTL holds for answers that say nothing about how long they are fresh.
	TTL quantity.Span `json:"ttl,omitempty"`
	// Key are expressions; what they give tells one answer from another, beside method,
	// host, path and query. With Query, only the named parameters of the query count.
	Key   List `json:"key,omitempty"`
	Query List `json:"query,omitempty"`
	// Stale is for how long an old answer may be served while a fresh one is fetched, when
	// the answer itself does not say.
	Stale quantity.Span `json:"stale_while_revalidate,omitempty"`
	// Private lets answers to authenticated requests be kept, by principal.
	Private bool `json:"private,omitempty"`
}

// CORS lets pages of other origins use a route.
type CORS struct {
	Origins     List          `json:"origins"`           // "https://a.example", "https://*.example.com", "*"
	Methods     List          `json:"methods,omitempty"` // those of the route when empty
	Headers     List          `json:"headers,omitempty"` // request headers; "*" for any
	Expose      List          `json:"expose,omitempty"`
	Credentials bool          `json:"credentials,omitempty"`
	MaxAge      quantity.Span `json:"max_age,omitempty"`
}
