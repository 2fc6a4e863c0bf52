// SPDX-License-Identifier: Apache-2.0

package dayfly

import (
	"cmp"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Bounds of triggers. Those of their parts stand beside the fields in trigger.go.
const (
	// triggersMax bounds those of one function: each costs a cursor or a ledger.
	triggersMax = 100
	// expressionBytesMax bounds a cron expression; the longest sensible one lists sixty
	// minutes.
	expressionBytesMax = 256
	filterBytesMax     = 4 << 10  // a filter is compiled, and run for every event
	inputBytesMax      = 64 << 10 // of a cron: it is part of each revision's record
	keyBytesMax        = 1024     // of an object's key, hence of a prefix or suffix
	batchMax           = 10_000
	windowMax          = 5 * time.Minute
	concurrencyMax     = 1000
	jitterMax          = 24 * time.Hour
	catchUpWindowMax   = 30 * 24 * time.Hour
	toleranceMax       = 24 * time.Hour
	urlBytesMax        = 2048
)

var (
	bucketPattern   = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$`)
	s3EventPattern  = regexp.MustCompile(`^Object(Created|Removed):(\*|[A-Za-z]{1,64})$`)
	variablePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	pathPattern     = regexp.MustCompile(`^/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*$`)
	headerPattern   = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
)

// ValidateBucket reports whether name may name a bucket of objects: lower-case letters, digits and
// inner dots, dashes and underscores, at most 63.
func ValidateBucket(name BucketName) error {
	if !bucketPattern.MatchString(string(name)) {
		return Errorf(KindInvalid, "bucket name %.80q is not valid: use up to 63 lower-case letters, "+
			"digits and inner dashes or dots", name)
	}
	return nil
}

// WebhookProviders lists every provider.
func WebhookProviders() []WebhookProvider {
	return []WebhookProvider{WebhookGitHub, WebhookStripe, WebhookSlack, WebhookShopify,
		WebhookTwilio, WebhookStandard, WebhookHMAC}
}

// Kind names what the trigger listens to: "cron", "queue", "object", "kv" or "webhook".
func (t *Trigger) Kind() Source {
	switch {
	case t.Cron != nil:
		return SourceCron
	case t.Queue != nil:
		return SourceQueue
	case t.Object != nil:
		return SourceObject
	case t.Value != nil:
		return SourceValue
	case t.Webhook != nil:
		return SourceHook
	}
	return ""
}

// validateEvents reports the first fault of the triggers, the retries and the
// destinations.
func (s *Spec) validateEvents() error {
	if len(s.Triggers) > triggersMax {
		return Errorf(KindInvalid, "there are %d triggers, at most %d are allowed",
			len(s.Triggers), triggersMax)
	}
	names := map[TriggerName]bool{}
	for i := range s.Triggers {
		t := &s.Triggers[i]
		if err := t.Validate(); err != nil {
			return err
		}
		if names[t.Name] {
			return Errorf(KindInvalid, "two triggers are named %q", t.Name)
		}
		names[t.Name] = true
		if err := s.suits(t); err != nil {
			return err
		}
		if err := s.verifies(t); err != nil {
			return err
		}
	}
	if err := s.Retry.validate(); err != nil {
		return err
	}
	if err := oneOf("durability", s.Durability, DurabilityNode, DurabilityAlways); err != nil {
		return err
	}
	return s.Destinations.validate()
}

// verifies reports what keeps webhooks from being verified, or their copies from being known.
func (s *Spec) verifies(t *Trigger) error {
	if t.Webhook == nil {
		return nil
	}
	if s.Env[t.Webhook.SecretEnv] == "" {
		return Errorf(KindInvalid, "trigger %s: the function has no variable %s to verify webhooks with",
			t.Name, t.Webhook.SecretEnv).WithHint("set it under env, or with --env")
	}
	tolerance := t.Webhook.Tolerance
	if tolerance == 0 {
		tolerance = WebhookTolerance
	}
	if s.Retry != (Retry{}) && s.Retry.KeyWindow < tolerance {
		return Errorf(KindInvalid, "trigger %s: a key_window of %s forgets deliveries while their signature, of "+
			"up to %s, is still taken", t.Name, s.Retry.KeyWindow, tolerance).
			WithHint("make retry.key_window at least as long as the webhook's tolerance")
	}
	return nil
}

// suits reports what a trigger asks for and functions of this dialect cannot do.
func (s *Spec) suits(t *Trigger) error {
	if t.Path != "" && t.Webhook == nil && !s.takesRequests() {
		return Errorf(KindInvalid, "trigger %s: path is for functions that take requests, and this one is called "+
			"with events (%s)", t.Name, cmp.Or(string(s.Dialect), string(s.Contract)))
	}
	if t.Queue != nil && t.Queue.Batch > 1 && s.Dialect == DialectTyped {
		return Errorf(KindInvalid, "trigger %s: batch is %d, and typed functions take one value at a time",
			t.Name, t.Queue.Batch)
	}
	return nil
}

// takesRequests tells functions that see a request from those that get bare events.
func (s *Spec) takesRequests() bool {
	switch s.Dialect {
	case DialectLambda, DialectCloudEvent, DialectEvent, DialectTyped, DialectOpenWhisk:
		return false
	}
	return s.Contract != ContractLambda
}

// Validate reports the first fault of t. Whether a cron expression or a filter can be
// understood is for those who do: internal/cron and internal/filter.
func (t *Trigger) Validate() error {
	if err := ValidateName("trigger", string(t.Name)); err != nil {
		return err
	}
	var kinds []interface{ validate() error }
	if t.Cron != nil {
		kinds = append(kinds, t.Cron)
	}
	if t.Queue != nil {
		kinds = append(kinds, t.Queue)
	}
	if t.Object != nil {
		kinds = append(kinds, t.Object)
	}
	if t.Value != nil {
		kinds = append(kinds, t.Value)
	}
	if t.Webhook != nil {
		kinds = append(kinds, t.Webhook)
	}
	if len(kinds) != 1 {
		return Errorf(KindInvalid, "trigger %s must listen to exactly one of cron, queue, object, kv and webhook",
			t.Name)
	}
	if t.Path != "" && (len(t.Path) > keyBytesMax || !pathPattern.MatchString(t.Path)) {
		return Errorf(KindInvalid, "trigger %s: path %.80q is not valid: it begins with / and is escaped as in a URL, "+
			"without a query", t.Name, t.Path)
	}
	if err := kinds[0].validate(); err != nil {
		return Errorf(KindOf(err), "trigger %s: %w", t.Name, err)
	}
	return nil
}

func (c *CronTrigger) validate() error {
	if n := len(c.Expression); n < 1 || n > expressionBytesMax {
		return Errorf(KindInvalid, "the cron expression is %d bytes long, must have 1 to %d", n, expressionBytesMax)
	}
	if err := oneOf("overlap", c.Overlap, "", OverlapSkip, OverlapQueue, OverlapAllow); err != nil {
		return err
	}
	if err := oneOf("catch_up", c.CatchUp, "", CatchUpNone, CatchUpLast, CatchUpAll); err != nil {
		return err
	}
	if len(c.Input) > inputBytesMax {
		return Errorf(KindInvalid, "input is %d bytes long, at most %s are allowed",
			len(c.Input), FormatBytes(inputBytesMax))
	}
	if len(c.Input) > 0 && !json.Valid(c.Input) {
		return Errorf(KindInvalid, "input is no JSON")
	}
	if err := within("jitter", c.Jitter, 0, jitterMax); err != nil {
		return err
	}
	return within("catch_up_window", c.CatchUpWindow, 0, catchUpWindowMax)
}

func (q *QueueTrigger) validate() error {
	if err := ValidateName("queue", string(q.Queue)); err != nil {
		return err
	}
	if q.Batch < 1 || q.Batch > batchMax {
		return Errorf(KindInvalid, "batch is %d, must be between 1 and %d", q.Batch, batchMax)
	}
	if q.Concurrency < 0 || q.Concurrency > concurrencyMax {
		return Errorf(KindInvalid, "concurrency is %d, must be between 0 and %d", q.Concurrency, concurrencyMax)
	}
	if err := within("window", q.Window, 0, windowMax); err != nil {
		return err
	}
	if err := oneOf("from", q.From, "", "new", "first"); err != nil {
		return err
	}
	return checkFilter(q.Filter)
}

func (o *ObjectTrigger) validate() error {
	if err := ValidateBucket(o.Bucket); err != nil {
		return err
	}
	if len(o.Events) == 0 {
		return Errorf(KindInvalid, "events is empty: use created or removed")
	}
	for _, event := range o.Events {
		if event != "created" && event != "removed" && !s3EventPattern.MatchString(event) {
			return Errorf(KindInvalid, "event %.80q is unknown: use created, removed, or a name of S3 such as "+
				"ObjectCreated:Put", event)
		}
	}
	return checkSelection(o.Prefix, o.Suffix, o.Filter)
}

func (v *ValueTrigger) validate() error {
	if err := ValidateName("bucket", string(v.Bucket)); err != nil {
		return err
	}
	if len(v.Events) == 0 {
		return Errorf(KindInvalid, "events is empty: use put or deleted")
	}
	for _, event := range v.Events {
		if err := oneOf("event", event, "put", "deleted"); err != nil {
			return err
		}
	}
	return checkSelection(v.Prefix, "", v.Filter)
}

func (w *WebhookTrigger) validate() error {
	if err := oneOf("provider", w.Provider, WebhookProviders()...); err != nil {
		return err
	}
	if !variablePattern.MatchString(w.SecretEnv) {
		return Errorf(KindInvalid, "secret is %.80q: name the variable that holds the secret", w.SecretEnv)
	}
	isHMAC := w.Provider == WebhookHMAC
	if !isHMAC && (w.Header != "" || w.Algorithm != "" || w.Encoding != "" || w.SignaturePrefix != "") {
		return Errorf(KindInvalid, "header, algorithm, encoding and signature_prefix are for provider hmac")
	}
	if isHMAC && !headerPattern.MatchString(w.Header) {
		return Errorf(KindInvalid, "header is %.80q: provider hmac needs the header of the signature", w.Header)
	}
	if err := oneOf("algorithm", w.Algorithm, "", "sha256", "sha1", "sha512"); err != nil {
		return err
	}
	if err := oneOf("encoding", w.Encoding, "", "hex", "base64"); err != nil {
		return err
	}
	if len(w.SignaturePrefix) > 64 {
		return Errorf(KindInvalid, "signature_prefix is longer than 64 bytes")
	}
	if err := within("tolerance", w.Tolerance, 0, toleranceMax); err != nil {
		return err
	}
	return checkFilter(w.Filter)
}

func checkSelection(prefix, suffix, filter string) error {
	if len(prefix) > keyBytesMax || len(suffix) > keyBytesMax {
		return Errorf(KindInvalid, "prefix and suffix are at most %d bytes long", keyBytesMax)
	}
	return checkFilter(filter)
}

func checkFilter(filter string) error {
	if len(filter) > filterBytesMax {
		return Errorf(KindInvalid, "filter is %d bytes long, at most %s are allowed",
			len(filter), FormatBytes(filterBytesMax))
	}
	return nil
}

// validate accepts the zero Retry, which stands for DefaultRetry.
func (r Retry) validate() error {
	if r == (Retry{}) {
		return nil
	}
	if r.Attempts < 1 || r.Attempts > 1000 {
		return Errorf(KindInvalid, "retry.attempts is %d, must be between 1 and 1000", r.Attempts)
	}
	const day = 24 * time.Hour
	for _, b := range []struct {
		field           string
		value, min, max time.Duration
	}{
		{"retry.age", r.Age, time.Second, 14 * day},
		{"retry.backoff.min", r.BackoffMin, time.Millisecond, time.Hour},
		{"retry.backoff.max", r.BackoffMax, time.Millisecond, 12 * time.Hour},
		{"retry.key_window", r.KeyWindow, time.Second, 14 * day},
	} {
		if err := within(b.field, b.value, b.min, b.max); err != nil {
			return err
		}
	}
	if r.BackoffMin > r.BackoffMax {
		return Errorf(KindInvalid, "retry.backoff.min %s is more than retry.backoff.max %s",
			r.BackoffMin, r.BackoffMax)
	}
	return nil
}

func (d *Destinations) validate() error {
	if err := d.OnSuccess.Validate(); err != nil {
		return Errorf(KindOf(err), "on_success: %w", err)
	}
	if err := d.OnFailure.Validate(); err != nil {
		return Errorf(KindOf(err), "on_failure: %w", err)
	}
	return nil
}

// Validate reports the first fault of d; no destination is a valid one.
func (d *Destination) Validate() error {
	switch {
	case d == nil:
		return nil
	case d.Function != "" && d.Queue == "" && d.URL == "":
		return ValidateName("function", string(d.Function))
	case d.Queue != "" && d.Function == "" && d.URL == "":
		return ValidateName("queue", string(d.Queue))
	case d.URL != "" && d.Function == "" && d.Queue == "":
		return checkURL(d.URL)
	}
	return Errorf(KindInvalid, "a destination is exactly one of a function, a queue and a URL")
}

func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case len(text) > urlBytesMax:
		return Errorf(KindInvalid, "the URL is %d bytes long, at most %d are allowed", len(text), urlBytesMax)
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return Errorf(KindInvalid, "%.80q is no URL such as https://example.com/hook", text)
	case u.User != nil:
		return Errorf(KindInvalid, "the URL holds a user's name: it would be kept and shown")
	}
	return nil
}

func within(field string, value, least, most time.Duration) error {
	if value < least || value > most {
		return Errorf(KindInvalid, "%s is %s, must be between %s and %s", field, value, least, most)
	}
	return nil
}

// oneOf reports a word that is none of the known; an empty one among them allows none.
func oneOf[T ~string](field string, given T, known ...T) error {
	if slices.Contains(known, given) {
		return nil
	}
	words := make([]string, 0, len(known))
	for _, k := range known {
		if k != "" {
			words = append(words, string(k))
		}
	}
	last := len(words) - 1
	return Errorf(KindInvalid, "%s %.80q is unknown: use %s or %s",
		field, string(given), strings.Join(words[:last], ", "), words[last])
}
