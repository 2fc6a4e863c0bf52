// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
)

// TestAWSTypesKeepOurEvents decodes events into the types of AWS's module, which must
// know every member, and encodes them again.
func TestAWSTypesKeepOurEvents(t *testing.T) {
	t.Parallel()
	cases := load[requestCase](t, "testdata/requests.json")
	for i := range cases {
		c := &cases[i]
		for _, into := range map[dayfly.Payload][]any{
			dayfly.PayloadV2:       {&events.APIGatewayV2HTTPRequest{}, &events.LambdaFunctionURLRequest{}},
			dayfly.PayloadV1:       {&events.APIGatewayProxyRequest{}},
			dayfly.PayloadALB:      {&events.ALBTargetGroupRequest{}},
			dayfly.PayloadALBMulti: {&events.ALBTargetGroupRequest{}},
		}[c.Payload] {
			ours := c.encode(t)
			if err := json.Unmarshal(ours, into); err != nil {
				t.Errorf("%s as %s is not decoded into %T: %v", c.Name, c.Payload, into, err)
				continue
			}
			theirs, err := json.Marshal(into)
			if err != nil {
				t.Fatal(err)
			}
			want, got := full(decoded(t, ours)), full(decoded(t, theirs))
			lose(want, into)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s as %s through %T (-ours +theirs):\n%s", c.Name, c.Payload, into, diff)
			}
		}
	}
}

// lose takes out the members that a type has no field for, though AWS sends them.
func lose(event any, into any) {
	context, _ := event.(map[string]any)["requestContext"].(map[string]any)
	if _, ok := into.(*events.LambdaFunctionURLRequest); ok {
		delete(event.(map[string]any), "routeKey")
		delete(event.(map[string]any), "pathParameters")
		for _, name := range []string{"routeKey", "stage", "authorizer"} {
			delete(context, name)
		}
	}
}

// full takes out what is null or empty: types have it and events leave it out, or the
// other way round.
func full(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if value = full(value); empty(value) {
				delete(v, name)
			} else {
				v[name] = value
			}
		}
	case []any:
		for i := range v {
			v[i] = full(v[i])
		}
	}
	return v
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case bool:
		return !v
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	text, _ := json.Marshal(v)
	return bytes.Equal(text, []byte("0"))
}
