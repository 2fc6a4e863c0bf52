// SPDX-License-Identifier: Apache-2.0

package lambda

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// routes is the table of contents of what the program may ask for.
func (g *Guest) routes() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /2018-06-01/ping", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("pong"))
	})
	m.HandleFunc("GET /2018-06-01/runtime/invocation/next", g.next)
	m.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", g.response)
	m.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", g.invocationError)
	m.HandleFunc("POST /2018-06-01/runtime/init/error", g.initError)
	m.HandleFunc("POST /2020-01-01/extension/register", g.register)
	m.HandleFunc("GET /2020-01-01/extension/event/next", g.extensionNext)
	m.HandleFunc("POST /2020-01-01/extension/init/error", g.extensionError)
	m.HandleFunc("POST /2020-01-01/extension/exit/error", g.extensionError)
	m.HandleFunc("PUT /2022-07-01/telemetry", unsupported("Telemetry"))
	m.HandleFunc("PUT /2020-08-15/logs", unsupported("Logs"))
	return m
}

// refusal is an error of the API itself, as runtime clients know it.
type refusal struct {
	status  int
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
}

var (
	invalidID = refusal{http.StatusBadRequest, "Invalid request ID", "InvalidRequestID"}
	badMode   = refusal{http.StatusBadRequest, "Invalid function response mode", "InvalidFunctionResponseMode"}
	truncated = refusal{http.StatusBadRequest, "HTTP request detected as truncated", "TruncatedHTTPRequest"}
	oversized = refusal{http.StatusRequestEntityTooLarge, "Exceeded maximum allowed payload size (" +
		strconv.Itoa(payloadMax) + " bytes).", "RequestEntityTooLarge"}
)

// illegal is the refusal of a call that the state does not allow.
func illegal(from, to state) refusal {
	return refusal{http.StatusForbidden, "State transition from " + string(from) + " to " + string(to) +
		" failed for runtime. Error: State transition is not allowed", "InvalidStateTransition"}
}

func (e refusal) write(w http.ResponseWriter) { answerJSON(w, e.status, e) }

// accept tells the program that its answer was taken.
func accept(w http.ResponseWriter) {
	answerJSON(w, http.StatusAccepted, struct {
		Status string `json:"status"`
	}{"OK"})
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		status, text = http.StatusInternalServerError,
			[]byte(`{"errorMessage":"Internal Server Error","errorType":"InternalServerError"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// unsupported answers a subscription in the way that clients take for "not here".
func unsupported(api string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		refusal{http.StatusAccepted, api + " API is not supported", api + ".NotSupported"}.write(w)
	}
}
