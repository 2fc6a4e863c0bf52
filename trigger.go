// SPDX-License-Identifier: Apache-2.0

package dayfly

import (
	"time"
)

type (
	// QueueName names a queue within its project.
	QueueName string
	// BucketName names a bucket of objects, or of values, within its project.
	BucketName string
	// TriggerName names a trigger within its function.
	TriggerName string
)

// Trigger turns events into invocations of the function whose revision has it. Exactly one
// of the pointers is set. Triggers are part of a revision: those of the live one count.
type Trigger struct {
	// Name is unique within the function and stable over deploys: given by the user, or
	// made of what the trigger listens to.
	Name TriggerName `json:"name"`
	// Path is where functions that take requests get its events: "/" when empty.
	Path    string          `json:"path,omitempty"`
	Cron    *CronTrigger    `json:"cron,omitempty"`
	Queue   *QueueTrigger   `json:"queue,omitempty"`
	Object  *ObjectTrigger  `json:"object,omitempty"`
	Value   *ValueTrigger   `json:"kv,omitempty"`
	Webhook *WebhookTrigger `json:"webhook,omitempty"`
}

// Overlap says what a cron does when its last run is still under way.
type Overlap string

// The overlap policies.
const (
	OverlapSkip  Overlap = "skip"  // this run is skipped; the default
	OverlapQueue Overlap = "queue" // it waits for the last one to end
	OverlapAllow Overlap = "allow" // both run
)

// CatchUp says what a cron does about due times that passed while no node ran.
type CatchUp string

// The catch-up policies.
const (
	CatchUpNone CatchUp = "none" // they are written down as missed
	CatchUpLast CatchUp = "last" // the latest of them runs, late; the default
	CatchUpAll  CatchUp = "all"  // each runs, in order, the newest hundred at most
)

// CronTrigger fires at times.
type CronTrigger struct {
	// Expression is five or six fields of cron, "@every 5m", "@daily", "rate(5 minutes)",
	// "cron(0 9 * * ? *)" or "at(2026-12-24T18:00:00)".
	Expression string        `json:"expression"`
	Zone       string        `json:"zone,omitempty"` // IANA time zone; UTC when empty
	Jitter     time.Duration `json:"jitter,omitempty"`
	Overlap    Overlap       `json:"overlap,omitempty"`
	CatchUp    CatchUp       `json:"catch_up,omitempty"`
	// CatchUpWindow is how old a due time may be and still be caught up. Zero: one day.
	CatchUpWindow time.Duration `json:"catch_up_window,omitempty"`
	// Input, when set, is the whole event as JSON, in place of the usual one.
	Input []byte `json:"input,omitempty"`
}

// QueueTrigger takes messages of a queue, which it shares with nobody: each trigger sees
// every message that its filter lets through.
type QueueTrigger struct {
	Queue QueueName `json:"queue"`
	// Batch is the most messages of one invocation, 1 … 10,000; above 1 the function gets
	// a list. Window is how long a batch waits to be filled, up to 5 min.
	Batch  int           `json:"batch"`
	Window time.Duration `json:"window,omitempty"`
	// Ordered runs the messages of one key one after the other, also over failures.
	Ordered bool `json:"ordered,omitempty"`
	// Concurrency bounds invocations at once; 0 leaves that to the function's instances.
	Concurrency int `json:"concurrency,omitempty"`
	// Filter is a CEL expression over the event, or an EventBridge pattern (JSON);
	// messages that do not match are passed over.
	Filter string `json:"filter,omitempty"`
	// From says where a new trigger begins: "new" (the default) or "first".
	From string `json:"from,omitempty"`
}

// ObjectTrigger takes changes of the objects of a bucket.
type ObjectTrigger struct {
	Bucket BucketName `json:"bucket"`
	Events []string   `json:"events"` // "created", "removed", or S3's names: "ObjectCreated:Put"
	Prefix string     `json:"prefix,omitempty"`
	Suffix string     `json:"suffix,omitempty"`
	Filter string     `json:"filter,omitempty"`
	// Configuration is its id among the bucket's own notifications; empty for a revision's.
	Configuration string `json:"configuration,omitempty"`
}

// ValueTrigger takes changes of the values of a bucket.
type ValueTrigger struct {
	Bucket BucketName `json:"bucket"`
	Events []string   `json:"events"` // "put", "deleted"
	Prefix string     `json:"prefix,omitempty"`
	Filter string     `json:"filter,omitempty"`
}

// WebhookProvider names a way to sign webhooks.
type WebhookProvider string

// The providers.
const (
	WebhookGitHub   WebhookProvider = "github"
	WebhookStripe   WebhookProvider = "stripe"
	WebhookSlack    WebhookProvider = "slack"
	WebhookShopify  WebhookProvider = "shopify"
	WebhookTwilio   WebhookProvider = "twilio"
	WebhookStandard WebhookProvider = "standard" // Standard Webhooks, standardwebhooks.com
	WebhookHMAC     WebhookProvider = "hmac"     // hexadecimal or base64 HMAC in a header
)

// WebhookTolerance is how old the signature of a webhook may be when its trigger does not
// say: what Stripe, Slack and Standard Webhooks recommend.
const WebhookTolerance = 5 * time.Minute

// WebhookTrigger takes what a third party posts to /webhook/FUNCTION/TRIGGER.
type WebhookTrigger struct {
	Provider WebhookProvider `json:"provider"`
	// SecretEnv names the variable of the function that holds the secret; several secrets
	// in it are parted by spaces, for rotation.
	SecretEnv string `json:"secret_env"`
	// Header, Algorithm ("sha256", "sha1", "sha512"), Encoding ("hex", "base64") and
	// SignaturePrefix describe WebhookHMAC.
	Header          string        `json:"header,omitempty"`
	Algorithm       string        `json:"algorithm,omitempty"`
	Encoding        string        `json:"encoding,omitempty"`
	SignaturePrefix string        `json:"signature_prefix,omitempty"`
	Tolerance       time.Duration `json:"tolerance,omitempty"` // age of a signature; 5 min when 0
	Filter          string        `json:"filter,omitempty"`
}

// Retry says how often an event is tried and how long.
type Retry struct {
	Attempts   int           `json:"attempts"`    // in all, 1 … 1000
	Age        time.Duration `json:"age"`         // from acceptance to the last attempt, 1 s … 14 d
	BackoffMin time.Duration `json:"backoff_min"` // before the second attempt, 1 ms … 1 h
	BackoffMax time.Duration `json:"backoff_max"` // it doubles up to this, at most 12 h
	// KeyWindow is how long an idempotency key is remembered, 1 s … 14 d.
	KeyWindow time.Duration `json:"key_window"`
}

// Durability says when what was accepted must be on the disk.
type Durability string

// The durabilities.
const (
	DurabilityNode   Durability = ""       // when the node's setting says: every 100 ms, or at once
	DurabilityAlways Durability = "always" // before it is acknowledged
)

// Destination is where the outcome of an event is told. Exactly one field is set.
type Destination struct {
	Function FunctionName `json:"function,omitempty"` // of the same project; invoked asynchronously
	Queue    QueueName    `json:"queue,omitempty"`    // of the same project
	URL      string       `json:"url,omitempty"`      // posted to; public addresses only
}

// Destinations of a function's events.
type Destinations struct {
	OnSuccess *Destination `json:"on_success,omitempty"`
	OnFailure *Destination `json:"on_failure,omitempty"`
}

// DefaultRetry is that of a function that says nothing: three attempts in six hours, as
// AWS has it, with waits that begin at a second.
func DefaultRetry() Retry {
	return Retry{Attempts: 3, Age: 6 * time.Hour, BackoffMin: time.Second, BackoffMax: 5 * time.Minute,
		KeyWindow: 24 * time.Hour}
}
