// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// The headers of gRPC.
const (
	HeaderTimeout = "Grpc-Timeout"
	HeaderStatus  = "Grpc-Status"
	HeaderMessage = "Grpc-Message"
	// HeaderPushback tells clients that retry how many milliseconds to wait.
	HeaderPushback = "Grpc-Retry-Pushback-Ms"
)

const (
	contentType = "application/grpc"
	webType     = "application/grpc-web"
	// timeoutDigits is how long the number of a deadline may be, by gRPC's own rules.
	timeoutDigits = 8
	// messageMax bounds what a status tells in words: clients bound the heads that they
	// take, most at 8 KiB.
	messageMax = 1 << 10
)

// Is tells whether a head is that of gRPC over HTTP/2.
func Is(header http.Header) bool { return hasType(header, contentType) }

// IsCall tells whether a caller calls by gRPC over HTTP/2. Over HTTP/1 there are no such calls,
// whatever a head says.
func IsCall(r *dayfly.Request) bool { return r.Proto == "HTTP/2.0" && Is(r.Header) }

// IsWeb tells whether a head is that of gRPC-Web, which browsers speak over any HTTP.
func IsWeb(header http.Header) bool {
	return hasType(header, webType) || hasType(header, webType+"-text")
}

// hasType tells whether a head has that content type, of whatever encoding.
func hasType(header http.Header, want string) bool {
	values := header["Content-Type"]
	if len(values) == 0 || len(values[0]) < len(want) || !strings.EqualFold(values[0][:len(want)], want) {
		return false
	}
	rest := values[0][len(want):]
	return rest == "" || rest[0] == '+' || rest[0] == ';' || rest[0] == ' '
}

// units are those of a deadline.
var units = []struct {
	letter byte
	span   time.Duration
}{{'n', time.Nanosecond}, {'u', time.Microsecond}, {'m', time.Millisecond}, {'S', time.Second},
	{'M', time.Minute}, {'H', time.Hour}}

// Timeout gives how long a caller waits, and false when it says nothing that can be read.
func Timeout(header http.Header) (time.Duration, bool) {
	values := header[HeaderTimeout]
	if len(values) != 1 || len(values[0]) < 2 || len(values[0]) > timeoutDigits+1 {
		return 0, false
	}
	number, letter := values[0][:len(values[0])-1], values[0][len(values[0])-1]
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return 0, false
	}
	for _, u := range units {
		if u.letter == letter {
			if n > uint64(forever/u.span) {
				return forever, true
			}
			return time.Duration(n) * u.span, true
		}
	}
	return 0, false
}

// forever is the longest deadline that is counted: no stream lives so long.
const forever = 1000 * time.Hour

// SetTimeout writes how long a caller still waits: some of its time has passed. Time that is
// over is written as the shortest that can be.
func SetTimeout(header http.Header, left time.Duration) {
	left = max(left, 1)
	for _, u := range units {
		if n := left / u.span; n < 1e8 {
			header[HeaderTimeout] = []string{strconv.FormatInt(int64(n), 10) + string(u.letter)}
			return
		}
	}
}

// Status writes a status and what it says into the head, or the trailer, of an answer.
func Status(header http.Header, code Code, message string) {
	header[HeaderStatus] = []string{strconv.Itoa(int(code))}
	delete(header, HeaderMessage)
	if message != "" {
		header[HeaderMessage] = []string{encode(message)}
	}
}

// encode escapes what a header cannot carry.
func encode(message string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(message); i++ {
		c := message[i]
		if b.Len() >= messageMax && c&0xc0 != 0x80 {
			break // between characters
		}
		if c >= ' ' && c <= '~' && c != '%' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&0xf])
	}
	return b.String()
}
