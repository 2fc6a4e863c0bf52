// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/textproto"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

const (
	account    = "000000000000" // accounts are twelve digits; functions here have none
	stage      = "$default"
	timeLayout = "02/Jan/2006:15:04:05 -0700"
)

// Encode gives the event of an HTTP request of that function. A payload that is not
// known is taken for 2.0, the default.
func Encode(payload dayfly.Payload, function dayfly.FunctionName, head *frame.RequestHead, body []byte) []byte {
	switch payload {
	case dayfly.PayloadV1:
		return marshal(encodeV1(function, head, body))
	case dayfly.PayloadALB:
		return marshal(encodeALB(function, head, body))
	case dayfly.PayloadALBMulti:
		return marshal(encodeALBMulti(function, head, body))
	}
	return marshal(encodeV2(function, head, body))
}

// marshal encodes a value that cannot fail to be encoded; text is not escaped for HTML.
func marshal(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("bug: an event is not JSON: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

type eventV2 struct {
	Version  string            `json:"version"`
	RouteKey string            `json:"routeKey"`
	Path     string            `json:"rawPath"`
	Query    string            `json:"rawQueryString"`
	Cookies  []string          `json:"cookies,omitempty"`
	Headers  map[string]string `json:"headers"`
	Params   map[string]string `json:"queryStringParameters,omitempty"`
	Captured map[string]string `json:"pathParameters,omitempty"`
	Context  contextV2         `json:"requestContext"`
	Body     string            `json:"body,omitempty"`
	Encoded  bool              `json:"isBase64Encoded"`
}

type contextV2 struct {
	Account  string        `json:"accountId"`
	API      string        `json:"apiId"`
	Auth     *authorizerV2 `json:"authorizer,omitempty"`
	Domain   string        `json:"domainName"`
	Prefix   string        `json:"domainPrefix"`
	HTTP     httpV2        `json:"http"`
	Request  string        `json:"requestId"`
	RouteKey string        `json:"routeKey"`
	Stage    string        `json:"stage"`
	Time     string        `json:"time"`
	Epoch    int64         `json:"timeEpoch"`
}

type httpV2 struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

func encodeV2(function dayfly.FunctionName, head *frame.RequestHead, body []byte) *eventV2 {
	e := &eventV2{Version: "2.0", RouteKey: stage, Path: head.Path, Query: head.Query,
		Headers: map[string]string{}}
	r, pairs := routed(headers(head))
	if r.key != "" {
		e.RouteKey = r.key
	}
	e.Captured = r.params
	for _, kv := range pairs {
		if kv[0] == "cookie" {
			e.Cookies = append(e.Cookies, cookies(kv[1])...)
			continue
		}
		join(e.Headers, kv)
	}
	for _, kv := range query(head.Query, unescape) {
		if e.Params == nil {
			e.Params = map[string]string{}
		}
		join(e.Params, kv)
	}
	domain := hostname(head.Host)
	prefix, _, _ := strings.Cut(domain, ".")
	e.Context = contextV2{Account: "anonymous", API: string(function), Auth: r.principal.v2(),
		Domain: domain, Prefix: prefix,
		HTTP: httpV2{Method: head.Method, Path: head.Path, Protocol: "HTTP/1.1", SourceIP: head.Remote,
			UserAgent: e.Headers["user-agent"]},
		Request: head.ID, RouteKey: e.RouteKey, Stage: stage, Time: clock(head.Received), Epoch: head.Received}
	e.Body, e.Encoded = text(body, isText(e.Headers["content-type"]) && plain(e.Headers["content-encoding"]))
	return e
}

type eventV1 struct {
	Resource     string              `json:"resource"`
	Path         string              `json:"path"`
	Method       string              `json:"httpMethod"`
	Headers      map[string]string   `json:"headers"`
	MultiHeaders map[string][]string `json:"multiValueHeaders"`
	Params       map[string]string   `json:"queryStringParameters"`
	MultiParams  map[string][]string `json:"multiValueQueryStringParameters"`
	PathParams   map[string]string   `json:"pathParameters"`
	Stage        map[string]string   `json:"stageVariables"`
	Context      contextV1           `json:"requestContext"`
	Body         *string             `json:"body"`
	Encoded      bool                `json:"isBase64Encoded"`
}

type contextV1 struct {
	Account      string     `json:"accountId"`
	API          string     `json:"apiId"`
	Auth         any        `json:"authorizer,omitempty"`
	Domain       string     `json:"domainName"`
	Prefix       string     `json:"domainPrefix"`
	Extended     string     `json:"extendedRequestId"`
	Method       string     `json:"httpMethod"`
	Identity     identityV1 `json:"identity"`
	Path         string     `json:"path"`
	Protocol     string     `json:"protocol"`
	Request      string     `json:"requestId"`
	Time         string     `json:"requestTime"`
	Epoch        int64      `json:"requestTimeEpoch"`
	Resource     string     `json:"resourceId"`
	ResourcePath string     `json:"resourcePath"`
	Stage        string     `json:"stage"`
}

// identityV1 has many members for callers that signed in with AWS; nobody does here.
type identityV1 struct {
	AccessKey    *string `json:"accessKey"`
	Account      *string `json:"accountId"`
	Caller       *string `json:"caller"`
	Provider     *string `json:"cognitoAuthenticationProvider"`
	AuthType     *string `json:"cognitoAuthenticationType"`
	Identity     *string `json:"cognitoIdentityId"`
	Pool         *string `json:"cognitoIdentityPoolId"`
	Organisation *string `json:"principalOrgId"`
	SourceIP     string  `json:"sourceIp"`
	User         *string `json:"user"`
	UserAgent    *string `json:"userAgent"`
	UserARN      *string `json:"userArn"`
}

func encodeV1(function dayfly.FunctionName, head *frame.RequestHead, body []byte) *eventV1 {
	e := &eventV1{Resource: "/", Path: head.Path, Method: head.Method,
		Headers: map[string]string{}, MultiHeaders: map[string][]string{}}
	r, pairs := routed(headers(head))
	for _, kv := range pairs {
		// The case that the client wrote is not known; this is what nearly all write.
		name := textproto.CanonicalMIMEHeaderKey(kv[0])
		e.Headers[name] = kv[1]
		e.MultiHeaders[name] = append(e.MultiHeaders[name], kv[1])
	}
	e.Params, e.MultiParams = valuesOf(query(head.Query, unescape))
	if rest := strings.TrimSuffix(strings.TrimPrefix(head.Path, "/"), "/"); rest != "" {
		e.Resource, e.PathParams = "/{proxy+}", map[string]string{"proxy": rest}
	}
	if r.key != "" {
		e.Resource, e.PathParams = r.path(), r.params
	}
	domain := hostname(head.Host)
	prefix, _, _ := strings.Cut(domain, ".")
	e.Context = contextV1{Account: account, API: string(function), Auth: r.principal.v1(),
		Domain: domain, Prefix: prefix,
		Extended: head.ID, Method: head.Method, Path: head.Prefix + head.Path, Protocol: "HTTP/1.1",
		Request: head.ID, Time: clock(head.Received), Epoch: head.Received,
		Resource: string(function), ResourcePath: e.Resource, Stage: stage}
	e.Context.Identity.SourceIP = head.Remote
	if agent, ok := e.Headers["User-Agent"]; ok {
		e.Context.Identity.UserAgent = &agent
	}
	if len(body) > 0 {
		kind, ok := e.Headers["Content-Type"]
		is, encoded := text(body, (!ok || isText(kind) || isForm(kind)) && plain(e.Headers["Content-Encoding"]))
		e.Body, e.Encoded = &is, encoded
	}
	return e
}

type contextALB struct {
	ELB struct {
		Target string `json:"targetGroupArn"`
	} `json:"elb"`
}

type eventALB struct {
	Context contextALB        `json:"requestContext"`
	Method  string            `json:"httpMethod"`
	Path    string            `json:"path"`
	Params  map[string]string `json:"queryStringParameters"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Encoded bool              `json:"isBase64Encoded"`
}

type eventALBMulti struct {
	Context contextALB          `json:"requestContext"`
	Method  string              `json:"httpMethod"`
	Path    string              `json:"path"`
	Params  map[string][]string `json:"multiValueQueryStringParameters"`
	Headers map[string][]string `json:"multiValueHeaders"`
	Body    string              `json:"body"`
	Encoded bool                `json:"isBase64Encoded"`
}

func encodeALB(function dayfly.FunctionName, head *frame.RequestHead, body []byte) *eventALB {
	multi := encodeALBMulti(function, head, body)
	e := &eventALB{Context: multi.Context, Method: multi.Method, Path: multi.Path,
		Params: last(multi.Params), Headers: last(multi.Headers), Body: multi.Body, Encoded: multi.Encoded}
	return e
}

func encodeALBMulti(function dayfly.FunctionName, head *frame.RequestHead, body []byte) *eventALBMulti {
	e := &eventALBMulti{Method: head.Method, Path: head.Path,
		Params: map[string][]string{}, Headers: map[string][]string{}}
	e.Context.ELB.Target = "arn:aws:elasticloadbalancing:us-east-1:" + account + ":targetgroup/" +
		string(function) + "/0000000000000000"
	for _, kv := range headers(head) {
		e.Headers[kv[0]] = append(e.Headers[kv[0]], kv[1])
	}
	asIs := func(s string) string { return s } // load balancers do not decode
	for _, kv := range query(head.Query, asIs) {
		e.Params[kv[0]] = append(e.Params[kv[0]], kv[1])
	}
	single := last(e.Headers)
	e.Body, e.Encoded = text(body, isText(single["content-type"]) && plain(single["content-encoding"]))
	return e
}

func last(multi map[string][]string) map[string]string {
	single := make(map[string]string, len(multi))
	for name, values := range multi {
		single[name] = values[len(values)-1]
	}
	return single
}

// valuesOf gives pairs as last and as all values; nil when there are none.
func valuesOf(pairs [][2]string) (map[string]string, map[string][]string) {
	if len(pairs) == 0 {
		return nil, nil
	}
	multi := make(map[string][]string, len(pairs))
	for _, kv := range pairs {
		multi[kv[0]] = append(multi[kv[0]], kv[1])
	}
	return last(multi), multi
}

// join adds a value; those of one name stand in one text.
func join(to map[string]string, kv [2]string) {
	if old, ok := to[kv[0]]; ok {
		kv[1] = old + "," + kv[1]
	}
	to[kv[0]] = kv[1]
}

// text gives a body as it stands in an event: as it is when it may be text and is,
// else base64.
func text(body []byte, mayBe bool) (string, bool) {
	if len(body) == 0 || mayBe && utf8.Valid(body) {
		return string(body), false
	}
	return base64.StdEncoding.EncodeToString(body), true
}

func clock(ms int64) string { return time.UnixMilli(ms).UTC().Format(timeLayout) }
