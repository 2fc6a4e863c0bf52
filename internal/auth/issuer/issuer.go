// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"crypto/x509"
	"log/slog"
	"sync"
	"time"
)

const (
	// issuersMax is how many issuers a book shares between fronts. One that is pushed out
	// works on for those who hold it.
	issuersMax = 4096
	// metadataFresh is how long what a provider says of itself is believed.
	metadataFresh = time.Hour
)

// Config is what a Book works with.
type Config struct {
	// Roots vouch for the certificates of issuers; those of the host when nil.
	Roots *x509.CertPool
	// Now is the time by which keys grow old; time.Now when nil.
	Now func() time.Time
}

// Book holds the issuers of a node, so that fronts which trust the same one share its keys
// and keep them when they are deployed again.
type Book struct {
	client *client
	now    func() time.Time
	log    *slog.Logger

	ctx  context.Context // of fetches: they belong to no single request
	stop context.CancelFunc
	wg   sync.WaitGroup // of fetches

	mu      sync.Mutex // guards issuers, closed
	issuers map[name]*Issuer
	closed  bool
}

// name tells issuers apart.
type name struct{ url, jwks string }

// NewBook makes an empty book.
func NewBook(cfg Config, log *slog.Logger) *Book {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Book{
		client: newClient(cfg.Roots), now: cfg.Now, log: log,
		ctx: ctx, stop: stop, issuers: map[name]*Issuer{},
	}
}

// Close ends what is being fetched and waits for it. Issuers keep what they have.
func (b *Book) Close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.stop()
	b.wg.Wait()
	b.client.close()
}

// spawn runs a fetch that Close waits for, unless the book is closed.
func (b *Book) spawn(fetch func(context.Context)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.wg.Go(func() { fetch(b.ctx) })
	return true
}

// Issuer gives the issuer with that URL. Its keys are at the URL jwks, or where it says
// itself when jwks is empty. Nothing is asked yet.
func (b *Book) Issuer(url, jwks string) *Issuer {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := b.issuers[name{url, jwks}]
	if i != nil {
		return i
	}
	for old := range b.issuers {
		if len(b.issuers) < issuersMax {
			break
		}
		delete(b.issuers, old)
	}
	i = &Issuer{URL: url, jwks: jwks, book: b}
	i.metadata = kept[*Metadata]{book: b, what: "metadata", of: url, fetch: i.fetchMetadata}
	i.keys = kept[*Keys]{book: b, what: "keys", of: url, fetch: i.fetchKeys}
	b.issuers[name{url, jwks}] = i
	return i
}

// Issuer issues tokens.
type Issuer struct {
	// URL is what its tokens name, and where its metadata is found.
	URL      string
	jwks     string // "" when its metadata tells
	book     *Book
	metadata kept[*Metadata]
	keys     kept[*Keys]
}

// Keys gives the keys that the issuer signs with. The error is of kind unavailable.
func (i *Issuer) Keys(ctx context.Context) (*Keys, error) { return i.keys.get(ctx) }

// Renew gives the keys anew if they were not fetched just now: a token names one that is not
// among them.
func (i *Issuer) Renew(ctx context.Context) (*Keys, error) { return i.keys.renew(ctx) }

// Metadata gives what the issuer says of itself. The error is of kind unavailable.
func (i *Issuer) Metadata(ctx context.Context) (*Metadata, error) { return i.metadata.get(ctx) }

func (i *Issuer) fetchKeys(ctx context.Context, before *Keys) (*Keys, time.Duration, error) {
	at, within := i.jwks, loopback // who wrote the front named it: it may be anywhere
	if at == "" {
		m, err := i.metadata.get(ctx)
		if err != nil {
			return nil, 0, err
		}
		at, within = m.JWKS, m.within
	}
	reply, err := i.book.client.get(ctx, at, within)
	if err != nil {
		return nil, 0, err
	}
	keys, err := parseKeys(reply.Body)
	if err != nil {
		return nil, 0, err
	}
	if before != nil && before.digest == keys.digest {
		keys = before // the same object: verdicts that it gave stand
	}
	return keys, freshness(reply.Header), nil
}
