// SPDX-License-Identifier: Apache-2.0

package authorizer_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly/internal/auth/authorizer"
)

const arn = "arn:aws:execute-api:us-east-1:000000000000:shop/$default/GET/orders/7"

func call() authorizer.Call {
	r := httptest.NewRequest("GET", "http://shop.example.com/orders/7?a=1&a=2&b=x", nil)
	r.Header.Set("Authorization", "Bearer t")
	r.Header.Add("X-Two", "1")
	r.Header.Add("X-Two", "2")
	r.Header.Set("Cookie", "c=1; d=2")
	r.Header.Set("X-Dayfly-Route", "GET /admin")
	r.Header.Set("X-Dayfly-Params", `{"id":"1"}`)
	r.Header.Set("X-Dayfly-Principal", `{"kind":"jwt","claims":{"sub":"root"}}`)
	return authorizer.Call{HTTP: r, Project: "shop", Function: "door", Route: "GET /orders/{id}",
		Params: map[string]string{"id": "7"}, Path: "/orders/7", Address: "192.0.2.1", Scheme: "https", ID: "i-1",
		Identity: []string{"Bearer t", "x"}, Now: time.UnixMilli(1_767_225_600_000)}
}

// TestEventIsReadByAWS holds the event against the types of AWS's own module.
func TestEventIsReadByAWS(t *testing.T) {
	t.Parallel()
	text, err := call().Event()
	if err != nil {
		t.Fatal(err)
	}
	var e events.APIGatewayV2CustomAuthorizerV2Request
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	e.Headers = map[string]string{"authorization": e.Headers["authorization"], "x-two": e.Headers["x-two"],
		"x-dayfly-route": e.Headers["x-dayfly-route"], "host": e.Headers["host"]}
	want := events.APIGatewayV2CustomAuthorizerV2Request{Version: "2.0", Type: "REQUEST", RouteArn: arn,
		IdentitySource: []string{"Bearer t", "x"}, RouteKey: "GET /orders/{id}", RawPath: "/orders/7",
		RawQueryString: "a=1&a=2&b=x", Cookies: []string{"c=1", "d=2"},
		Headers:               map[string]string{"authorization": "Bearer t", "x-two": "1,2", "x-dayfly-route": "", "host": "shop.example.com"},
		QueryStringParameters: map[string]string{"a": "1,2", "b": "x"}, PathParameters: map[string]string{"id": "7"},
		StageVariables: map[string]string{}, RequestContext: e.RequestContext}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("event (-want +got):\n%s\n%s", diff, text)
	}
	c := e.RequestContext
	if c.RouteKey != "GET /orders/{id}" || c.HTTP.SourceIP != "192.0.2.1" || c.RequestID != "i-1" || c.Authorizer != nil ||
		c.TimeEpoch != 1_767_225_600_000 {
		t.Errorf("request context is %+v", c)
	}
	var old events.APIGatewayV2CustomAuthorizerV1Request
	_ = json.Unmarshal(text, &old) // its identitySource is a text, which ours is not
	if old.MethodArn != arn || old.AuthorizationToken != "Bearer t" {
		t.Errorf("for REST APIs: methodArn %q, authorizationToken %q", old.MethodArn, old.AuthorizationToken)
	}
}

func TestAnswersOfAWSAreRead(t *testing.T) {
	t.Parallel()
	policy := func(effect, action, resource string) string {
		text, err := json.Marshal(events.APIGatewayV2CustomAuthorizerIAMPolicyResponse{PrincipalID: "ann",
			PolicyDocument: events.APIGatewayCustomAuthorizerPolicy{Version: "2012-10-17", Statement: []events.IAMPolicyStatement{
				{Action: []string{action}, Effect: effect, Resource: []string{resource}}}}})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	const base = "arn:aws:execute-api:us-east-1:000000000000:shop/$default/"
	for name, tt := range map[string]struct {
		text   string
		allows bool
	}{
		"simple yes":              {`{"isAuthorized":true,"context":{"plan":"gold"}}`, true},
		"simple no":               {`{"isAuthorized":false}`, false},
		"policy":                  {policy("Allow", "execute-api:Invoke", arn), true},
		"policy of all":           {policy("Allow", "*", "*"), true},
		"policy of a service":     {policy("Allow", "execute-api:*", base+"*"), true},
		"action in small letters": {policy("Allow", "execute-api:invoke", "*"), true},
		"policy of a path":        {policy("Allow", "execute-api:Invoke", base+"GET/orders/?"), true},
		"policy of a method":      {policy("Allow", "execute-api:Invoke", base+"POST/*"), false},
		"policy of another path":  {policy("Allow", "execute-api:Invoke", base+"GET/carts/*"), false},
		"policy of a prefix":      {policy("Allow", "execute-api:Invoke", base+"GET/order"), false},
		"another action":          {policy("Allow", "s3:GetObject", "*"), false},
		"denied":                  {policy("Deny", "execute-api:Invoke", "*"), false},
		"texts and no lists":      {`{"policyDocument":{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}}`, true},
		"denial outdoes, after":   {`{"policyDocument":{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*/orders/*"}]}}`, false},
		"denial outdoes, before":  {`{"policyDocument":{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*/orders/*"},{"Effect":"Allow","Action":"*","Resource":"*"}]}}`, false},
		"denial of another":       {`{"policyDocument":{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*/carts/*"},{"Effect":"Allow","Action":"*","Resource":"*"}]}}`, true},
		"no statements":           {`{"policyDocument":{"Version":"2012-10-17","Statement":[]}}`, false},
		"usage key of REST APIs":  {`{"isAuthorized":true,"usageIdentifierKey":"k"}`, true},
	} {
		a, err := authorizer.Parse([]byte(tt.text))
		if err != nil || a.Allows(arn) != tt.allows {
			t.Errorf("%s: Parse(%s) = %+v, %v; want it to allow: %v", name, tt.text, a, err, tt.allows)
		}
	}
	a, err := authorizer.Parse([]byte(`{"isAuthorized":true,"principalId":"ann","context":{"n":1,"deep":{"a":[true]}}}`))
	want := map[string]any{"n": 1.0, "deep": map[string]any{"a": []any{true}}}
	if err != nil || a.Subject != "ann" || cmp.Diff(want, a.Context) != "" {
		t.Errorf("context is %v of %v, %v", a.Context, a.Subject, err)
	}
}

func TestNonsenseIsNoAnswer(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing": "", "null": "null", "true": "true", "a list": `[{"isAuthorized":true}]`, "a text": `"yes"`, "HTML": "<html>",
		"empty": "{}", "no verdict": `{"context":{}}`, "a text for true": `{"isAuthorized":"true"}`, "one": `{"isAuthorized":1}`,
		"null for true": `{"isAuthorized":null}`, "other letters": `{"isauthorized":true}`, "more letters": `{"ISAUTHORIZED":true}`,
		"twice": `{"isAuthorized":false,"isAuthorized":true}`, "two values": `{"isAuthorized":true}{}`, "cut": `{"isAuthorized":true`,
		"both forms":          `{"isAuthorized":true,"policyDocument":{"Statement":[]}}`,
		"context as a text":   `{"isAuthorized":true,"context":"x"}`,
		"a large context":     `{"isAuthorized":true,"context":{"a":"` + strings.Repeat("a", 9<<10) + `"}}`,
		"a deep context":      `{"isAuthorized":true,"context":{"a":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}}`,
		"a large answer":      `{"isAuthorized":true,"x":"` + strings.Repeat("a", 1<<20) + `"}`,
		"principal as number": `{"isAuthorized":true,"principalId":7}`,
		"a condition":         `{"policyDocument":{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{}}]}}`,
		"not an action":       `{"policyDocument":{"Statement":[{"Effect":"Deny","NotAction":"x","Resource":"*"}]}}`,
		"effect in letters":   `{"policyDocument":{"Statement":[{"Effect":"allow","Action":"*","Resource":"*"}]}}`,
		"no resource":         `{"policyDocument":{"Statement":[{"Effect":"Allow","Action":"*"}]}}`,
		"no statement":        `{"policyDocument":{}}`, "policy as a text": `{"policyDocument":"Allow"}`,
		"many stars": `{"policyDocument":{"Statement":[{"Effect":"Allow","Action":"*","Resource":"` + strings.Repeat("*a", 50) + `"}]}}`,
	} {
		if a, err := authorizer.Parse([]byte(text)); err == nil {
			t.Errorf("%s: Parse(%.60s) = %+v", name, text, a)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"isAuthorized":true,"context":{"a":[1]}}`))
	f.Add([]byte(`{"principalId":"a","policyDocument":{"Statement":[{"Effect":"Allow","Action":"*","Resource":["a*b?"]}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := authorizer.Parse(text)
		if err == nil && a.Allows(arn) && !strings.Contains(string(text), "true") && !strings.Contains(string(text), "Allow") {
			t.Errorf("%s allows", text)
		}
	})
}
