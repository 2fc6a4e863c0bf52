// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"net/http"
	"net/textproto"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/rpc"
)

const (
	// loopName is how RFC 8586 knows this program in CDN-Loop.
	loopName = "dayfly"
	// loopsMax is how often a request may come by: a route to a route is deliberate, five
	// in a row are a circle.
	loopsMax = 5
)

// connections are the headers that concern one connection only.
var connections = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate",
	"Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Http2-Settings", "Expect",
	"Content-Length"}

// head gives the head of a request as the server sees it, the protocol to which it wants to
// switch, and the host that it names when that is not the URL's.
func head(r *dayfly.Request) (header http.Header, upgrade, host string, err error) {
	header = make(http.Header, len(r.Header)+4)
	for name, values := range r.Header {
		if !valid(name, values) {
			return nil, "", "", dayfly.Errorf(dayfly.KindInvalid, "the header %.80q cannot be handed on", name)
		}
		header[name] = values
	}
	upgrade = wantsUpgrade(header)
	strip(header)
	if values := header["Host"]; len(values) > 0 {
		if host = values[0]; !httpguts.ValidHostHeader(host) {
			return nil, "", "", dayfly.Errorf(dayfly.KindInvalid, "%.80q is no host", host)
		}
		delete(header, "Host")
	}
	if upgrade != "" {
		header["Connection"], header["Upgrade"] = []string{"Upgrade"}, []string{upgrade}
	}
	if rpc.Is(header) {
		header["Te"] = []string{"trailers"}
	}
	if r.TraceParent != "" {
		header["Traceparent"] = []string{r.TraceParent}
	}
	if _, ok := header["User-Agent"]; !ok {
		header["User-Agent"] = []string{""} // none came, so none is invented
	}
	return header, upgrade, host, countLoop(header)
}

// valid tells whether a header stays one header, whoever reads it.
func valid(name string, values []string) bool {
	if !httpguts.ValidHeaderFieldName(name) {
		return false
	}
	for _, value := range values {
		if !httpguts.ValidHeaderFieldValue(value) {
			return false
		}
	}
	return true
}

// strip drops what concerns the connection only, named or not.
func strip(header http.Header) {
	for _, value := range header["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			if name = textproto.TrimString(name); name != "" {
				header.Del(name)
			}
		}
	}
	for _, name := range connections {
		delete(header, name)
	}
}

// wantsUpgrade gives the protocol to which a request or an answer switches.
func wantsUpgrade(header http.Header) string {
	if !httpguts.HeaderValuesContainsToken(header["Connection"], "Upgrade") {
		return ""
	}
	protocol := header.Get("Upgrade")
	if !httpguts.ValidHeaderFieldValue(protocol) {
		return ""
	}
	return protocol
}

// countLoop notes that the request came by, and refuses one that does again and again.
func countLoop(header http.Header) error {
	before := header["Cdn-Loop"]
	count := 0
	for _, value := range before {
		for element := range strings.SplitSeq(value, ",") {
			name, _, _ := strings.Cut(element, ";")
			if strings.EqualFold(strings.TrimSpace(name), loopName) {
				count++
			}
		}
	}
	if count >= loopsMax {
		return dayfly.Errorf(dayfly.KindInvalid, "the request goes in a circle: it came by %d times", count).
			WithHint("a route leads to a server that leads back here")
	}
	header["Cdn-Loop"] = append(before[:len(before):len(before)], loopName)
	return nil
}
