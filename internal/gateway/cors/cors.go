// SPDX-License-Identifier: Apache-2.0

package cors

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly/internal/front"
)

const (
	// originMax bounds an origin that is looked at: a host name has 253 bytes.
	originMax = 512
	// headersMax bounds the names of headers that a preflight asks for, and that are given
	// back where all are allowed.
	headersMax = 4 << 10
)

// usual are the request headers that pages may send when the front names none: what a call
// of an API needs.
var usual = []string{"Accept", "Authorization", "Content-Type", "X-Api-Key", "X-Requested-With"}

// ours are the headers of an answer that this package alone sets.
var ours = []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials",
	"Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Allow-Private-Network",
	"Access-Control-Expose-Headers", "Access-Control-Max-Age"}

// Policy says which pages may use a route, and how.
type Policy struct {
	all         bool // any origin
	origins     map[string]bool
	below       []below
	methods     []string // nil for any
	headers     []string // in lower case
	anyHeader   bool
	expose      string
	credentials bool
	maxAge      string
}

// below matches origins of one label more: scheme is "https://", rest ".example.com:8443".
type below struct{ scheme, rest string }

// Compile reads a section of a front. Methods are those of the route; nil means any.
func Compile(c *front.CORS, methods []string) (*Policy, error) {
	p := &Policy{origins: map[string]bool{}, methods: slices.Clone(methods), credentials: c.Credentials,
		expose: strings.Join(c.Expose, ", ")}
	for i, origin := range c.Origins {
		if err := p.add(origin); err != nil {
			return nil, front.Within(err, "origins", strconv.Itoa(i))
		}
	}
	if len(c.Methods) > 0 {
		p.methods = nil
		for _, m := range c.Methods {
			p.methods = append(p.methods, strings.ToUpper(m))
		}
		if slices.Contains(p.methods, "*") {
			p.methods = nil
		}
	}
	for key, names := range map[string][]string{"methods": p.methods, "headers": c.Headers, "expose": c.Expose} {
		for i, name := range names {
			if !isToken(name) {
				return nil, front.Within(&front.Problem{Message: strconv.Quote(name) + " is no name"}, key, strconv.Itoa(i))
			}
		}
	}
	for _, name := range c.Headers {
		p.anyHeader = p.anyHeader || name == "*"
		p.headers = append(p.headers, strings.ToLower(name))
	}
	if len(c.Headers) == 0 {
		for _, name := range usual {
			p.headers = append(p.headers, strings.ToLower(name))
		}
	}
	if c.MaxAge > 0 {
		p.maxAge = strconv.FormatInt(int64(time.Duration(c.MaxAge)/time.Second), 10)
	}
	return p, nil
}

func (p *Policy) add(origin string) error {
	if origin == "*" {
		p.all = true
		return nil
	}
	origin = strings.ToLower(origin)
	scheme, host, found := strings.Cut(origin, "://")
	rest, wild := strings.CutPrefix(host, "*")
	u, err := url.Parse(scheme + "://" + strings.TrimPrefix(rest, "."))
	if !found || err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" ||
		strings.Contains(rest, "*") || wild && (len(rest) < 2 || rest[0] != '.') {
		return &front.Problem{Message: strconv.Quote(origin) + " is no origin: write it like https://app.example.com or " +
			"https://*.example.com"}
	}
	origin = withoutPort(origin, scheme)
	if wild {
		p.below = append(p.below, below{scheme + "://", strings.TrimPrefix(origin, scheme+"://*")})
		return nil
	}
	p.origins[origin] = true
	return nil
}

// withoutPort takes the port off that a browser would not write.
func withoutPort(origin, scheme string) string {
	switch scheme {
	case "https":
		return strings.TrimSuffix(origin, ":443")
	case "http":
		return strings.TrimSuffix(origin, ":80")
	}
	return origin
}

// verdict is what the policy says of an origin.
type verdict int

const (
	refused verdict = iota
	public          // everybody may
	named           // the front names it
)

func (p *Policy) judge(origin string) verdict {
	if len(origin) > originMax {
		return refused
	}
	if p.origins[origin] {
		return named
	}
	for _, b := range p.below {
		host, ok := strings.CutPrefix(origin, b.scheme)
		label, below := strings.CutSuffix(host, b.rest)
		if ok && below && isLabel(label) {
			return named
		}
	}
	if p.all {
		return public
	}
	return refused
}

func isLabel(text string) bool {
	for _, c := range []byte(text) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return text != ""
}

// IsPreflight tells whether a browser asks before it sends a page's request.
func IsPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" &&
		r.Header.Get("Access-Control-Request-Method") != ""
}

// Preflight answers r when it is a preflight, and tells whether it was. Browsers send no
// credentials with one, so it comes before authentication.
func (p *Policy) Preflight(w http.ResponseWriter, r *http.Request) bool {
	if !IsPreflight(r) {
		return false
	}
	h := w.Header()
	addVary(h, "Origin")
	addVary(h, "Access-Control-Request-Method")
	addVary(h, "Access-Control-Request-Headers")
	addVary(h, "Access-Control-Request-Private-Network")
	if why := p.allow(h, r); why != "" {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(why + "\n"))
		return true
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

// allow sets the head of a preflight's answer, or says why not.
func (p *Policy) allow(h http.Header, r *http.Request) (why string) {
	origin, method := r.Header.Get("Origin"), r.Header.Get("Access-Control-Request-Method")
	of := p.judge(origin)
	if of == refused {
		return "CORS: this origin is not allowed here"
	}
	safelisted := method == http.MethodGet || method == http.MethodHead || method == http.MethodPost
	if !isToken(method) || method == "*" || p.methods != nil && !safelisted && !slices.Contains(p.methods, method) {
		return "CORS: this method is not allowed here"
	}
	wanted := strings.Join(r.Header.Values("Access-Control-Request-Headers"), ",")
	names, ok := p.names(wanted)
	if !ok {
		return "CORS: one of these request headers is not allowed here"
	}
	p.setOrigin(h, origin, of)
	h["Access-Control-Allow-Methods"] = []string{method}
	if p.methods != nil {
		h["Access-Control-Allow-Methods"] = []string{strings.Join(p.methods, ", ")}
	}
	if names != "" {
		h["Access-Control-Allow-Headers"] = []string{names}
	}
	if p.maxAge != "" {
		h["Access-Control-Max-Age"] = []string{p.maxAge}
	}
	// Any page of the world may not reach into a private network, only those that are named.
	if of == named && r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h["Access-Control-Allow-Private-Network"] = []string{"true"}
	}
	return ""
}

// names gives the wanted request headers when all are allowed.
func (p *Policy) names(wanted string) (string, bool) {
	if len(wanted) > headersMax {
		return "", false
	}
	var names []string
	for name := range strings.SplitSeq(wanted, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "" {
			continue
		}
		if !isToken(name) || !p.anyHeader && !slices.Contains(p.headers, name) {
			return "", false
		}
		names = append(names, name)
	}
	return strings.Join(names, ", "), true
}

// Apply sets the head of an answer to r, in place of what the target said. It is called just
// before the head is sent, after a cache: what is kept is the same for all origins.
func (p *Policy) Apply(h http.Header, r *http.Request) {
	for _, name := range ours {
		delete(h, name)
	}
	if !p.all || p.credentials || len(p.origins)+len(p.below) > 0 {
		addVary(h, "Origin")
	}
	origin := r.Header.Get("Origin")
	if origin == "" && !p.all {
		return
	}
	of := p.judge(origin)
	if of == refused {
		return
	}
	p.setOrigin(h, origin, of)
	if p.expose != "" {
		h["Access-Control-Expose-Headers"] = []string{p.expose}
	}
}

func (p *Policy) setOrigin(h http.Header, origin string, of verdict) {
	if of == public {
		origin = "*"
	}
	h["Access-Control-Allow-Origin"] = []string{origin}
	if p.credentials && of == named {
		h["Access-Control-Allow-Credentials"] = []string{"true"}
	}
}

// addVary adds a name to Vary, once.
func addVary(h http.Header, name string) {
	for _, line := range h["Vary"] {
		for part := range strings.SplitSeq(line, ",") {
			if part = strings.TrimSpace(part); part == "*" || strings.EqualFold(part, name) {
				return
			}
		}
	}
	h["Vary"] = append(h["Vary"], name)
}

// isToken reports whether text is a token of HTTP.
func isToken(text string) bool {
	for _, c := range []byte(text) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return text != ""
}
