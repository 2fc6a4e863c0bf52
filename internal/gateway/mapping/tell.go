// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// tellMax bounds what a function is told of its caller: servers take heads of 16 KiB and more,
// and the token itself may stand in it, too.
const tellMax = 12 << 10

// Headers by which functions are told of the route that led to them; nobody else may set them.
const (
	headerRoute     = "X-Dayfly-Route"
	headerParams    = "X-Dayfly-Params"
	headerPrincipal = "X-Dayfly-Principal"
)

// Told is what functions are told of a request.
type Told struct {
	Pattern   front.Pattern
	Method    string
	Params    map[string]string
	Principal map[string]any // nil for nobody
}

// Tell puts t into a request's header, in place of what a client says there.
func Tell(header http.Header, t Told) error {
	for _, name := range []string{headerRoute, headerParams, headerPrincipal} {
		delete(header, name)
	}
	header[headerRoute] = []string{Key(t.Pattern, t.Method)}
	if len(t.Params) > 0 {
		header[headerParams] = []string{ascii(t.Params)}
	}
	if t.Principal == nil {
		return nil
	}
	text := ascii(t.Principal)
	if len(text) > tellMax {
		return dayfly.Errorf(dayfly.KindInvalid, "what is known of the caller has %d bytes, a function can be told %d",
			len(text), tellMax)
	}
	header[headerPrincipal] = []string{text}
	return nil
}

// Key names a route to functions: one method, or ANY, and the path of its pattern.
func Key(p front.Pattern, method string) string {
	switch {
	case len(p.Methods) == 0:
		method = "ANY"
	case len(p.Methods) == 1:
		method = p.Methods[0]
	case !slices.Contains(p.Methods, method): // HEAD, for a pattern with GET
		method = http.MethodGet
	}
	return method + " " + plainPath(p.Path)
}

// plainPath escapes what of a pattern's path is not ASCII.
func plainPath(path string) string {
	if isASCII([]byte(path)) {
		return path
	}
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// ascii writes JSON of letters that every header can hold.
func ascii(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic("bug: what is told is not JSON: " + err.Error())
	}
	if isASCII(text) {
		return string(text)
	}
	var b strings.Builder
	for _, r := range string(text) {
		switch {
		case r < utf8.RuneSelf && r != 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b.WriteString(escaped(high) + escaped(low))
		default:
			b.WriteString(escaped(r))
		}
	}
	return b.String()
}

func isASCII(text []byte) bool {
	return !slices.ContainsFunc(text, func(c byte) bool { return c >= utf8.RuneSelf || c == 0x7f })
}

func escaped(r rune) string {
	digits := strconv.FormatInt(int64(r), 16)
	return `\u` + strings.Repeat("0", 4-len(digits)) + digits
}
