// SPDX-License-Identifier: Apache-2.0

package lambda

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/dayfly-faas/dayfly/internal/guest/event"
)

const (
	// extensionsMax is how many extensions AWS lets a function have.
	extensionsMax = 10
	// registerMax bounds the body of a registration.
	registerMax = 4 << 10
	// nameMax bounds an extension's name.
	nameMax = 128
	// eventsMax bounds the events that wait for an extension that does not ask.
	eventsMax = 8

	headerExtensionName = "Lambda-Extension-Name"
	headerExtensionID   = "Lambda-Extension-Identifier"
	headerExtensionType = "Lambda-Extension-Function-Error-Type"
)

// extension is one that the program registered from within; others there are none.
type extension struct {
	name   string
	events []string
	queue  chan []byte
}

func extensionRefusal(class, message string) refusal {
	return refusal{http.StatusForbidden, message, class}
}

// register takes in an extension of the program itself.
func (g *Guest) register(w http.ResponseWriter, r *http.Request) {
	name := r.Header.Get(headerExtensionName)
	if name == "" || len(name) > nameMax {
		extensionRefusal("Extension.InvalidExtensionName", "Empty or too long extension name").write(w)
		return
	}
	var wanted struct {
		Events []string `json:"events"`
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, registerMax))
	if err != nil || json.Unmarshal(body, &wanted) != nil {
		extensionRefusal("InvalidRequestFormat", "Could not parse the request body").write(w)
		return
	}
	for _, kind := range wanted.Events {
		if kind != "INVOKE" { // SHUTDOWN is for programs that outlive the runtime
			extensionRefusal("Extension.InvalidEventType", kind+": no such event for an internal extension").write(w)
			return
		}
	}
	id, no := g.addExtension(&extension{name: name, events: wanted.Events, queue: make(chan []byte, eventsMax)})
	if no != nil {
		no.write(w)
		return
	}
	w.Header().Set(headerExtensionID, id)
	answer := map[string]string{"functionName": string(g.rev.Function),
		"functionVersion": g.rev.Env["AWS_LAMBDA_FUNCTION_VERSION"], "handler": g.rev.Env["_HANDLER"]}
	if slices.Contains(r.Header.Values("Lambda-Extension-Accept-Feature"), "accountId") {
		answer["accountId"] = "000000000000"
	}
	answerJSON(w, http.StatusOK, answer)
}

func (g *Guest) addExtension(e *extension) (string, *refusal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		no := extensionRefusal("Extension.RegistrationClosed", "Extension registration closed already")
		return "", &no
	}
	if len(g.extensions) == extensionsMax {
		no := extensionRefusal("Extension.TooManyExtensions", "Extension limit reached")
		return "", &no
	}
	for _, other := range g.extensions {
		if other.name == e.name {
			no := extensionRefusal("Extension.AlreadyRegistered", "Extension with this name already registered")
			return "", &no
		}
	}
	id := uuid()
	g.extensions[id] = e
	return id, nil
}

func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// extensionOf finds who asks.
func (g *Guest) extensionOf(w http.ResponseWriter, r *http.Request) *extension {
	id := r.Header.Get(headerExtensionID)
	if id == "" {
		extensionRefusal("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header").write(w)
		return nil
	}
	g.mu.Lock()
	e := g.extensions[id]
	g.mu.Unlock()
	switch {
	case e != nil:
	case len(id) != len("00000000-0000-0000-0000-000000000000"):
		extensionRefusal("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier").write(w)
	default:
		extensionRefusal("Extension.UnknownExtensionIdentifier", "Unknown extension "+id).write(w)
	}
	return e
}

// extensionNext gives an extension its next event. One that asked for none waits for
// ever, which is what it wants.
func (g *Guest) extensionNext(w http.ResponseWriter, r *http.Request) {
	e := g.extensionOf(w, r)
	if e == nil {
		return
	}
	select {
	case text := <-e.queue:
		w.Header().Set("Lambda-Extension-Event-Identifier", uuid())
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(text)
	case <-r.Context().Done():
	case <-g.gone:
	}
}

// extensionError takes the news of an extension's trouble; it ends nothing, since the
// extension is part of the program.
func (g *Guest) extensionError(w http.ResponseWriter, r *http.Request) {
	if g.extensionOf(w, r) == nil {
		return
	}
	if r.Header.Get(headerExtensionType) == "" {
		extensionRefusal("Extension.MissingHeader", headerExtensionType+" is required").write(w)
		return
	}
	drain(r.Body)
	accept(w)
}

// announce tells extensions of an invocation. One that does not ask misses events.
func (g *Guest) announce(inv *invocation) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.extensions) == 0 {
		return
	}
	type tracing struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	}
	text, _ := json.Marshal(struct {
		Type     string  `json:"eventType"`
		Deadline int64   `json:"deadlineMs"`
		Request  string  `json:"requestId"`
		Function string  `json:"invokedFunctionArn"`
		Tracing  tracing `json:"tracing"`
	}{"INVOKE", inv.call.Head.Deadline, inv.id, g.arn(), tracing{"X-Amzn-Trace-Id", event.XRay(inv.call.Head.Trace)}})
	for _, e := range g.extensions {
		if !slices.Contains(e.events, "INVOKE") {
			continue
		}
		select {
		case e.queue <- text:
		default:
		}
	}
}
