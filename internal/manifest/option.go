// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/json"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/cron"
)

// listener is one kind of trigger: its key below on, and what can be said of it.
type listener struct {
	key, doc string
	make     func(*Trigger)
	// options are the keys; the first is what a short form gives, and must be there.
	options []option
}

// option is one key of a trigger.
type option struct {
	key, doc, example string
	shape             shape
	enum              []string
	min, max          int64
	needed            bool
	// at gives where the option is kept: a *string, **int64, *bool, *[]string or
	// *json.RawMessage.
	at func(*Trigger) any
	// check reports what is wrong with a text; nil when any will do.
	check func(string) error
}

// listeners is the table of everything that on can hold.
func listeners() []listener {
	return []listener{cronListener(), queueListener(), objectListener(), valueListener(), webhookListener()}
}

func cronListener() listener {
	return listener{
		key: "cron", doc: "Fires at times.",
		make: func(t *Trigger) { t.Cron = &Cron{} },
		options: []option{
			{
				key: "expression", example: "0 9 * * MON-FRI", needed: true,
				doc: "Five or six fields of cron, @every 5m, @daily, rate(5 minutes), " +
					"cron(0 9 * * ? *) or at(2026-12-24T18:00:00).",
				at:    func(t *Trigger) any { return &t.Cron.Expression },
				check: func(s string) error { _, err := cron.Parse(s, ""); return err },
			}, {
				key: "zone", example: "Asia/Kolkata", doc: "IANA time zone; UTC when not given.",
				at:    func(t *Trigger) any { return &t.Cron.Zone },
				check: func(s string) error { _, err := cron.Parse("@daily", s); return err },
			}, {
				key: "jitter", shape: shapeSpan, example: "30s", doc: "Each run is late by up to so much.",
				at: func(t *Trigger) any { return &t.Cron.Jitter },
			}, {
				key: "overlap", shape: shapeEnum, enum: []string{"skip", "queue", "allow"},
				doc: "What happens when the last run is still under way: this one is skipped (the " +
					"default), waits, or runs as well.",
				at: func(t *Trigger) any { return &t.Cron.Overlap },
			}, {
				key: "catch_up", shape: shapeEnum, enum: []string{"none", "last", "all"},
				doc: "What runs of the times that passed while Dayfly was down: nothing, the latest (the " +
					"default), or each of the newest hundred.",
				at: func(t *Trigger) any { return &t.Cron.CatchUp },
			}, {
				key: "catch_up_window", shape: shapeSpan, example: "24h",
				doc: "How old a missed time may be and still run; 24h when not given.",
				at:  func(t *Trigger) any { return &t.Cron.CatchUpWindow },
			}, {
				key: "input", shape: shapeJSON, doc: "The whole event, in place of the usual one.",
				at: func(t *Trigger) any { return &t.Cron.Input },
			},
		},
	}
}

func queueListener() listener {
	return listener{
		key: "queue", doc: "Takes the messages of a queue.",
		make: func(t *Trigger) { t.Queue = &Source{} },
		options: []option{
			{
				key: "name", example: "clicks", needed: true, doc: "The queue.",
				at:    func(t *Trigger) any { return &t.Queue.Name },
				check: func(s string) error { return dayfly.ValidateName("queue", s) },
			}, {
				key: "batch", shape: shapeNumber, min: 1, max: 10_000,
				doc: "Most messages of one call, 1 when not given; above 1 the function gets a list.",
				at:  func(t *Trigger) any { return &t.Queue.Batch },
			}, {
				key: "window", shape: shapeSpan, example: "1s",
				doc: "How long a batch waits to be filled, up to 5m.",
				at:  func(t *Trigger) any { return &t.Queue.Window },
			}, {
				key: "ordered", shape: shapeFlag,
				doc: "Run the messages of one key one after the other, also over failures.",
				at:  func(t *Trigger) any { return &t.Queue.Ordered },
			}, {
				key: "concurrency", shape: shapeNumber, min: 0, max: 1000,
				doc: "Most calls at once; 0 leaves it to the function's instances.",
				at:  func(t *Trigger) any { return &t.Queue.Concurrency },
			},
			filterOption(func(t *Trigger) any { return &t.Queue.Filter }),
			{
				key: "from", shape: shapeEnum, enum: []string{"new", "first"},
				doc: "Where a new trigger begins: with what comes from now on (the default), or with the " +
					"first message that is kept.",
				at: func(t *Trigger) any { return &t.Queue.From },
			},
		},
	}
}

func objectListener() listener {
	return listener{
		key: "object", doc: "Takes changes of the objects of a bucket.",
		make: func(t *Trigger) { t.Object = &Objects{} },
		options: []option{
			bucketOption(func(t *Trigger) any { return &t.Object.Bucket }),
			{
				key: "events", shape: shapeList, example: "created",
				doc: "created (the default), removed, or names of S3 such as ObjectCreated:Put.",
				at:  func(t *Trigger) any { return &t.Object.Events },
			},
			textOption("prefix", "How keys must begin.", func(t *Trigger) any { return &t.Object.Prefix }),
			textOption("suffix", "How keys must end.", func(t *Trigger) any { return &t.Object.Suffix }),
			filterOption(func(t *Trigger) any { return &t.Object.Filter }),
		},
	}
}

func valueListener() listener {
	return listener{
		key: "kv", doc: "Takes changes of the values of a bucket.",
		make: func(t *Trigger) { t.Value = &Values{} },
		options: []option{
			bucketOption(func(t *Trigger) any { return &t.Value.Bucket }),
			{
				key: "events", shape: shapeList, example: "put",
				doc: "put (the default) or deleted, which expiry is, too.",
				at:  func(t *Trigger) any { return &t.Value.Events },
			},
			textOption("prefix", "How keys must begin.", func(t *Trigger) any { return &t.Value.Prefix }),
			filterOption(func(t *Trigger) any { return &t.Value.Filter }),
		},
	}
}

func webhookListener() listener {
	providers := make([]string, 0, len(dayfly.WebhookProviders()))
	for _, p := range dayfly.WebhookProviders() {
		providers = append(providers, string(p))
	}
	return listener{
		key: "webhook", doc: "Takes what a third party posts, once its signature is verified.",
		make: func(t *Trigger) { t.Webhook = &Webhook{} },
		options: []option{
			{
				key: "provider", shape: shapeEnum, enum: providers, needed: true,
				doc: "Who signs, and how; standard is Standard Webhooks, hmac a plain HMAC in a header.",
				at:  func(t *Trigger) any { return &t.Webhook.Provider },
			}, {
				key: "secret", example: "GITHUB_SECRET", needed: true,
				doc: "The variable of the function that holds the secret; several in it are parted by spaces.",
				at:  func(t *Trigger) any { return &t.Webhook.Secret },
			},
			textOption("header", "Header of the signature, of provider hmac.",
				func(t *Trigger) any { return &t.Webhook.Header }),
			{
				key: "algorithm", shape: shapeEnum, enum: []string{"sha256", "sha1", "sha512"},
				doc: "Of provider hmac; sha256 when not given.",
				at:  func(t *Trigger) any { return &t.Webhook.Algorithm },
			}, {
				key: "encoding", shape: shapeEnum, enum: []string{"hex", "base64"},
				doc: "Of provider hmac; hex when not given.",
				at:  func(t *Trigger) any { return &t.Webhook.Encoding },
			},
			textOption("signature_prefix", "What stands before the signature, of provider hmac: sha256=.",
				func(t *Trigger) any { return &t.Webhook.SignaturePrefix }),
			{
				key: "tolerance", shape: shapeSpan, example: "5m",
				doc: "How old a signature may be; 5m when not given.",
				at:  func(t *Trigger) any { return &t.Webhook.Tolerance },
			},
			filterOption(func(t *Trigger) any { return &t.Webhook.Filter }),
		},
	}
}

func bucketOption(at func(*Trigger) any) option {
	return option{key: "bucket", example: "uploads", needed: true, doc: "The bucket.", at: at,
		check: func(s string) error { return dayfly.ValidateBucket(dayfly.BucketName(s)) }}
}

func textOption(key, doc string, at func(*Trigger) any) option {
	return option{key: key, doc: doc, at: at}
}

func filterOption(at func(*Trigger) any) option {
	return option{
		key: "filter", shape: shapeFilter, example: `event.type == "order.paid"`,
		doc: "Which events are taken: an expression (CEL) over event, or a pattern of EventBridge.",
		at:  at, check: checkFilter,
	}
}

// put keeps what was read of an option.
func (o *option) put(t *Trigger, v value) {
	switch to := o.at(t).(type) {
	case *string:
		*to = v.text
	case **int64:
		*to = &v.number
	case *bool:
		*to = v.flag
	case *[]string:
		*to = v.words
	case *json.RawMessage:
		*to = json.RawMessage(v.text)
	}
}
