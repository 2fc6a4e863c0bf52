// SPDX-License-Identifier: Apache-2.0

package limit

import (
	"crypto/sha256"
	"encoding/json"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth"
	"github.com/dayfly-faas/dayfly/internal/expression"
	"github.com/dayfly-faas/dayfly/internal/front"
)

const (
	// boundsMax is how many limits a rule has: ten rates and ten quotas, as front allows.
	boundsMax = 20
	// fillMax bounds how long a bucket may take to fill: beyond it, times do not add up in
	// 64 bits of nanoseconds.
	fillMax = 10 * 365 * 24 * time.Hour
)

// Rule is what one route lets through. It is used by many requests at once.
type Rule struct {
	limiter   *Limiter
	bounds    []bound
	policy    []string // the header RateLimit-Policy
	gate      *gate
	atOnceMax int64
	said      *front.Limits
}

// bound is one rate or quota.
type bound struct {
	limit    front.Rate
	count    int64
	per      time.Duration
	window   bool // it is a quota
	name     string
	by       by
	value    *expression.Expression // of byExpression
	prefix   [16]byte               // the digest of the limit itself
	step     int64                  // how long a token takes to come, in nanoseconds, rounded up
	capacity int64                  // how long an empty bucket takes to fill
}

// by says who is counted.
type by byte

const (
	byAddress    by = 'a'
	byKey        by = 'k'
	byUser       by = 'u'
	byRoute      by = 'r'
	byExpression by = 'x'
)

func itoa(n int) string { return strconv.Itoa(n) }

// add compiles one limit; kind gives it its arithmetic.
func (r *Rule) add(
	project dayfly.ProjectName, route string, limit front.Rate, kind func(*bound) error,
) error {
	b := bound{limit: limit}
	var err error
	if b.count, b.per, err = limit.Parse(); err != nil {
		return front.Within(err, "limit")
	}
	switch limit.By {
	case "", "address":
		b.by = byAddress
	case "key":
		b.by = byKey
	case "user":
		b.by = byUser
	case "route":
		b.by = byRoute
	default:
		b.by = byExpression
		if b.value, err = expression.Compile(limit.By, expression.Any, expression.RequestPhase); err != nil {
			return front.Within(err, "by")
		}
		if b.value.UsesBody() {
			return front.Within(&front.Problem{Message: "it uses the body, which is not read before a limit is checked"}, "by")
		}
	}
	if err := kind(&b); err != nil {
		return err
	}
	text, _ := json.Marshal([]any{project, route, b.window, limit})
	sum := sha256.Sum256(text)
	copy(b.prefix[:], sum[:])
	if !slices.ContainsFunc(r.bounds, func(o bound) bool { return o.prefix == b.prefix }) {
		r.bounds = append(r.bounds, b)
	}
	return nil
}

// CheckParams wants expressions to name captures that the pattern has: a limit by one that it
// has not would be by address, without a word.
func (r *Rule) CheckParams(p front.Pattern) error {
	if r.said == nil {
		return nil
	}
	captures, faults := p.Captures(), front.Faults{}
	for key, list := range map[string][]front.Rate{"rate": r.said.Rate, "quota": r.said.Quota} {
		for i, limit := range list {
			of := slices.IndexFunc(r.bounds, func(b bound) bool { return b.limit == limit })
			if of >= 0 {
				faults.Add(front.Within(r.bounds[of].value.CheckParams(captures), key, itoa(i), "by"))
			}
		}
	}
	return faults.Err()
}

// bucketOf makes b a bucket of tokens.
func bucketOf(b *bound) error {
	burst := b.count
	if b.limit.Burst > 0 {
		burst = int64(b.limit.Burst)
	}
	b.step = (int64(b.per) + b.count - 1) / b.count
	if float64(b.step)*float64(burst) > float64(fillMax) {
		return &front.Problem{Path: []string{"burst"}, Message: "so many would take more than ten years to come back"}
	}
	b.capacity = b.step * burst
	return nil
}

// windowOf makes b a count of windows.
func windowOf(b *bound) error {
	b.window = true
	return nil
}

// name gives each bound a name for the headers, and makes the one that is always the same.
func (r *Rule) name() {
	line := []byte{}
	for i := range r.bounds {
		b := &r.bounds[i]
		b.name = b.title(r.bounds[:i])
		quota := b.count
		if !b.window {
			quota = b.capacity / b.step
		}
		if i > 0 {
			line = append(line, ", "...)
		}
		line = append(line, '"')
		line = append(line, b.name...)
		line = strconv.AppendInt(append(line, `";q=`...), quota, 10)
		line = strconv.AppendInt(append(line, ";w="...), b.seconds(), 10)
	}
	if len(line) > 0 {
		r.policy = []string{string(line)}
	}
}

// seconds is the window in which quota requests pass: that of a quota, or the time in which
// a bucket fills.
func (b *bound) seconds() int64 {
	if b.window {
		return int64(b.per / time.Second)
	}
	return max(1, ceilSeconds(b.capacity))
}

// title is a name that no bound before has.
func (b *bound) title(before []bound) string {
	base := "rate"
	if b.window {
		base = map[time.Duration]string{time.Minute: "minute", time.Hour: "hour", 24 * time.Hour: "day",
			front.Month: "month"}[b.per]
	}
	name := base
	for n := 2; slices.ContainsFunc(before, func(o bound) bool { return o.name == name }); n++ {
		name = base + itoa(n)
	}
	return name
}

// Take takes one request from each limit, or from none: then the error is of kind exhausted
// and says when to come again. The verdict is for the answer's headers, either way.
func (r *Rule) Take(
	now time.Time, in *expression.Input, principal *auth.Principal,
) (verdict Verdict, err error) {
	verdict.rule = r
	var keys [boundsMax]id
	var scratch [128]byte
	for i := range r.bounds {
		b := &r.bounds[i]
		keys[i] = b.key(scratch[:0], in, principal)
		ok, at, wait := r.limiter.take(now, b, &keys[i])
		verdict.states[i] = at
		verdict.n = i + 1
		if ok {
			continue
		}
		for j := range i {
			r.limiter.giveBack(&r.bounds[j], &keys[j])
			verdict.states[j].left++
		}
		return verdict, b.refuse(wait)
	}
	for i := range r.bounds {
		r.limiter.granted(&r.bounds[i], &keys[i], now)
	}
	return verdict, nil
}

func (b *bound) refuse(wait time.Duration) error {
	what := "rate"
	if b.window {
		what = "quota"
	}
	err := dayfly.Errorf(dayfly.KindExhausted, "the %s of %s is used up", what, b.limit.Limit)
	err.RetryAfter = wait
	return err
}

// key is the digest of b and of who is counted.
func (b *bound) key(scratch []byte, in *expression.Input, principal *auth.Principal) id {
	text := append(scratch, b.prefix[:]...)
	switch {
	case b.by == byRoute:
		text = append(text, byte(byRoute))
	case b.by == byKey && principal != nil && principal.Key != nil:
		text = append(append(text, byte(byKey)), principal.Key.ID...)
	case b.by == byUser && principal != nil:
		text = append(append(text, byte(byUser)), principal.Kind...)
		text = append(append(append(text, 0), principal.Name...), 0)
		text = append(text, principal.Subject...)
	case b.by == byExpression:
		text = b.appendValue(text, in)
	default: // also who has no key, or is nobody: one cannot be outside of a limit
		text = appendAddress(text, in.Address)
	}
	sum := sha256.Sum256(text)
	return id(sum[:16])
}

// appendValue adds what the expression gives. Where it gives nothing the address is counted,
// so that leaving out a header does not get past a limit.
func (b *bound) appendValue(text []byte, in *expression.Input) []byte {
	value, err := b.value.Value(in.Request.Context(), in)
	if err != nil || value == nil || value == "" {
		return appendAddress(text, in.Address)
	}
	if plain, ok := value.(string); ok {
		return append(append(text, byte(byExpression), 's'), plain...)
	}
	data, err := json.Marshal(value)
	if err != nil {
		return appendAddress(text, in.Address)
	}
	return append(append(text, byte(byExpression), 'j'), data...)
}

// appendAddress adds an address; of IPv6 the /64, the least that a customer of a network has.
func appendAddress(text []byte, address string) []byte {
	text = append(text, byte(byAddress))
	a, err := netip.ParseAddr(address)
	if err != nil {
		return append(text, address...)
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		four := a.As4()
		return append(text, four[:]...)
	}
	sixteen := a.As16()
	return append(text, sixteen[:8]...)
}

// Verdict is how the limits stand after a request.
type Verdict struct {
	rule   *Rule
	states [boundsMax]state
	n      int
}

// state is how one limit stands.
type state struct {
	left    int64 // requests
	seconds int64 // until all of it is there again
}

// Header sets RateLimit-Policy and RateLimit, as draft-ietf-httpapi-ratelimit-headers has
// them. On a refusal it tells of the limits up to the one that refused.
func (v *Verdict) Header(h http.Header) {
	if v.rule == nil || v.n == 0 {
		return
	}
	line := make([]byte, 0, 32*v.n)
	for i := range v.n {
		if i > 0 {
			line = append(line, ", "...)
		}
		line = append(append(append(line, '"'), v.rule.bounds[i].name...), `";r=`...)
		line = strconv.AppendInt(line, max(0, v.states[i].left), 10)
		line = strconv.AppendInt(append(line, ";t="...), v.states[i].seconds, 10)
	}
	h["Ratelimit-Policy"] = v.rule.policy
	h["Ratelimit"] = []string{string(line)}
}

// ceilSeconds rounds nanoseconds up.
func ceilSeconds(nanoseconds int64) int64 {
	return int64(math.Ceil(float64(nanoseconds) / float64(time.Second)))
}
