// SPDX-License-Identifier: Apache-2.0

package jwt

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dayfly-faas/dayfly/internal/auth"
	"github.com/dayfly-faas/dayfly/internal/auth/issuer"
)

const (
	// verdictShards keeps processors from waiting for each other.
	verdictShards = 32
	// verdictWeight is about how many bytes of memory a byte of a token costs as a principal:
	// claims are maps, and are kept in the form of expressions, too.
	verdictWeight = 8
	// verdictBytes is what one takes beside that.
	verdictBytes = 512
)

// Verdicts remember which tokens are good, for all authenticators of a node.
type Verdicts struct {
	authenticators atomic.Uint64 // how many there were: each has a number of its own

	shards [verdictShards]verdictShard
}

type verdictShard struct {
	max int // bytes

	mu    sync.RWMutex // guards known, bytes
	known map[[sha256.Size]byte]*verdict
	bytes int
}

// verdict is what was found out about a token. One is kept for good tokens only: bad ones are
// as many as anybody likes.
type verdict struct {
	principal *auth.Principal
	denied    error // it is good, and not enough
	bound     bound
	till      time.Time
	keys      *issuer.Keys // it stands while the issuer has these
	weight    int
}

// NewVerdicts makes a memory of about that many bytes.
func NewVerdicts(bytesMax int) *Verdicts {
	v := &Verdicts{}
	for i := range v.shards {
		v.shards[i] = verdictShard{max: bytesMax / verdictShards, known: map[[sha256.Size]byte]*verdict{}}
	}
	return v
}

func (v *Verdicts) shard(key [sha256.Size]byte) *verdictShard {
	return &v.shards[int(key[0])%verdictShards]
}

// get gives what is known, if the keys are still these.
func (v *Verdicts) get(key [sha256.Size]byte, keys *issuer.Keys, now time.Time) *verdict {
	s := v.shard(key)
	s.mu.RLock()
	known := s.known[key]
	s.mu.RUnlock()
	if known == nil || known.keys != keys || !now.Before(known.till) {
		return nil
	}
	return known
}

// put keeps a verdict about a token of that size. When there is no room, others go, whichever
// come first: to look for the oldest would cost more than to verify one again.
func (v *Verdicts) put(key [sha256.Size]byte, tokenBytes int, known *verdict) {
	s := v.shard(key)
	known.weight = verdictBytes + tokenBytes*verdictWeight
	if known.weight > s.max {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.known[key]; old != nil {
		s.bytes -= old.weight
	}
	s.known[key] = known
	s.bytes += known.weight
	for other, old := range s.known {
		if s.bytes <= s.max {
			return
		}
		if other != key {
			delete(s.known, other)
			s.bytes -= old.weight
		}
	}
}

// Bytes is about how much memory is in use.
func (v *Verdicts) Bytes() int {
	sum := 0
	for i := range v.shards {
		s := &v.shards[i]
		s.mu.RLock()
		sum += s.bytes
		s.mu.RUnlock()
	}
	return sum
}
