// SPDX-License-Identifier: Apache-2.0

package python_test

import "testing"

// With their packages installed, functions run on these, and behave as without.

func TestOtherSignaturesWithTheFrameworkItself(t *testing.T) {
	t.Parallel()
	task := install(t, "framework", "functions-framework")
	batch := request{Method: "POST", Headers: [][2]string{{"content-type",
		"application/cloudevents-batch+json"}}, body: `[{"specversion":"1.0","id":"1","source":"s",` +
		`"type":"one"},{"specversion":"1.0","id":"1","source":"s","type":"two"}]`}
	for entry, rows := range map[string][]row{
		"cloudevent main.on_event": {
			{name: "batch", call: batch, status: 200, body: "OK", log: "event one None\n1 event two None"},
			{name: "question", call: request{Method: "OPTIONS", Headers: [][2]string{
				{"webhook-request-origin", "example.com"}}}, status: 200,
				header: [2]string{"webhook-allowed-origin", "example.com"}},
		},
		"typed main.person": {
			{name: "typed", call: post(`{"name":"ann"}`), status: 200, body: `{"name": "ANN"}`},
		},
		"event main.background": {
			{name: "background", call: post(`{"context":{"eventId":"7"},"data":{"a":1}}`), status: 200,
				body: "OK", log: "background {'a': 1} 7"},
		},
	} {
		var dialect, name string
		for i := range entry {
			if entry[i] == ' ' {
				dialect, name = entry[:i], entry[i+1:]
			}
		}
		g := serve(t, spec{Dialect: dialect, Entry: name, Task: task})
		for _, r := range rows {
			r.name = entry + ": " + r.name
			r.check(t, g)
		}
		g.stop()
	}
}

func TestCloudEventsOfTheirPackage(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "cloudevent", Entry: "events_only.answer",
		Task: install(t, "cloudevents", "cloudevents<2")})
	row{name: "answer", call: post(`[1]`, binaryMode("t")...), status: 200, body: `{"b": [1]}`,
		header: [2]string{"ce-type", "made"}}.check(t, g)
}

func TestAzureWithItsPackage(t *testing.T) {
	t.Parallel()
	g := serve(t, spec{Dialect: "azure", Entry: "azure_app.app",
		Task: install(t, "azure", "azure-functions")})
	checkAzure(t, g)
}
