// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

const (
	// rotateEvery is how long a secret seals.
	rotateEvery = 30 * 24 * time.Hour
	// openFor is how long it opens after that: the longest session.
	openFor = 30 * 24 * time.Hour
	// lookEvery is how often Run looks whether a secret is old.
	lookEvery = time.Hour
	// secretBytes is the size of a secret.
	secretBytes = 32
	// fileBytesMax bounds the file, which holds three secrets at most.
	fileBytesMax = 16 << 10
)

// secret is one of the file.
type secret struct {
	ID    uint32    `json:"id"`
	Made  time.Time `json:"made"`
	Bytes []byte    `json:"secret"`
}

// Secrets are those of a node.
type Secrets struct {
	file string
	now  func() time.Time
	log  *slog.Logger
	all  atomic.Pointer[[]secret] // the last one seals
}

// Open reads the secrets in that file, or makes it.
func Open(file string, now func() time.Time, log *slog.Logger) (*Secrets, error) {
	s := &Secrets{file: file, now: now, log: log}
	read, err := readSecrets(file)
	if err != nil {
		return nil, err
	}
	s.all.Store(&read)
	if err := s.rotate(); err != nil {
		return nil, err
	}
	return s, nil
}

// Run makes new secrets when they are due, until ctx ends.
func (s *Secrets) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := s.rotate(); err != nil {
				s.log.Error("secret of sessions not replaced", "error", err)
			}
		}
	}
}

// rotate makes a new secret if the last one is old, and forgets those that open nothing that
// counts.
func (s *Secrets) rotate() error {
	all, now := *s.all.Load(), s.now()
	if len(all) > 0 && now.Before(all[len(all)-1].Made.Add(rotateEvery)) {
		return nil
	}
	made := secret{ID: 1, Made: now.UTC(), Bytes: make([]byte, secretBytes)}
	_, _ = rand.Read(made.Bytes) // never fails
	kept := []secret{}
	for _, old := range all {
		made.ID = max(made.ID, old.ID+1)
		if now.Before(old.Made.Add(rotateEvery + openFor)) {
			kept = append(kept, old)
		}
	}
	kept = append(kept, made)
	if err := writeSecrets(s.file, kept); err != nil {
		return err
	}
	s.all.Store(&kept)
	s.log.Info("secret of sessions made", "secret", made.ID)
	return nil
}

// find gives a secret by its identity.
func (s *Secrets) find(id uint32) (secret, bool) {
	for _, one := range *s.all.Load() {
		if one.ID == id && s.now().Before(one.Made.Add(rotateEvery+openFor)) {
			return one, true
		}
	}
	return secret{}, false
}

// last gives the secret that seals.
func (s *Secrets) last() secret {
	all := *s.all.Load()
	return all[len(all)-1]
}

func readSecrets(file string) ([]secret, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the secrets of sessions: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 || info.Size() > fileBytesMax {
		return nil, fmt.Errorf("the file %s has mode %s and %d bytes; only its owner may read it, and it is small",
			file, info.Mode().Perm(), info.Size())
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the secrets of sessions: %w", err)
	}
	var all []secret
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	for _, one := range all {
		if len(one.Bytes) != secretBytes {
			return nil, fmt.Errorf("read %s: secret %d has %d bytes, not %d", file, one.ID, len(one.Bytes), secretBytes)
		}
	}
	return all, nil
}

// writeSecrets replaces the file.
func writeSecrets(file string, all []secret) error {
	data, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("encode the secrets of sessions: %w", err)
	}
	draft, err := os.CreateTemp(filepath.Dir(file), ".secrets-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write the secrets of sessions: %w", err)
	}
	defer os.Remove(draft.Name())
	_, err = draft.Write(data)
	err = errors.Join(err, draft.Sync(), draft.Close())
	if err == nil {
		err = os.Rename(draft.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("write the secrets of sessions: %w", err)
	}
	return nil
}
