// SPDX-License-Identifier: Apache-2.0

// Package webhook tells whether a request is what a provider signed, and which delivery
// it is.
//
//	trigger, secrets ─┐
//	header, body ─────┼─▶ Verify ─▶ Delivery: identity, type, an answer to give at once
//	URL, time ────────┘        └──▶ error: unauthenticated, and why
//
// It is pure: it reads no clock, opens nothing and keeps nothing. Who posts, how often, and
// what becomes of a delivery is the business of package trigger/hook.
//
//	provider  signed                      with            in                                 age
//	github    body                        HMAC-SHA256     X-Hub-Signature-256: sha256=HEX    -
//	stripe    TIME.body                   HMAC-SHA256     Stripe-Signature: t=TIME,v1=HEX    yes
//	slack     v0:TIME:body                HMAC-SHA256     X-Slack-Signature: v0=HEX          yes
//	shopify   body                        HMAC-SHA256     X-Shopify-Hmac-Sha256: BASE64      -
//	twilio    URL and sorted form         HMAC-SHA1       X-Twilio-Signature: BASE64         -
//	standard  ID.TIME.body                HMAC-SHA256     webhook-signature: v1,BASE64       yes
//	hmac      body                        as configured   as configured                      -
//
// Guarantees:
//   - Signatures are compared in constant time, as bytes. Any of several secrets will do, so
//     that secrets can be changed while deliveries are on their way.
//   - Where the provider signs the time, a delivery that is older than the tolerance, or
//     comes from as far in the future, is refused.
//   - The identity of a delivery is made of what is signed wherever that is possible, so that
//     a copy under another name is known for a copy; Delivery says which.
//   - Work is bounded: by the body, and by eight secrets, sixteen signatures and a thousand
//     fields of a form.
package webhook
