// SPDX-License-Identifier: Apache-2.0

package apikey

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/store"
)

// attemptsMax bounds how often a change is tried again because of another at the same time.
const attemptsMax = 10

// Create makes a key and gives its text, which nobody can give again.
func (k *Keys) Create(ctx context.Context, project dayfly.ProjectName, s Spec) (Key, string, error) {
	now := k.now().UTC()
	if err := dayfly.ValidateName("project", string(project)); err != nil {
		return Key{}, "", err
	}
	if err := s.check(now); err != nil {
		return Key{}, "", err
	}
	if err := k.checkRoom(project, s.Name); err != nil {
		return Key{}, "", err
	}
	r := record{Format: recordFormat, ID: newID(), Scopes: s.Scopes, Labels: s.Labels, Created: now,
		Expires: s.Expires.UTC()}
	text := newText(r.ID)
	r.Secrets = []secretRecord{newSecret(text, now)}
	value, err := json.Marshal(r)
	if err != nil {
		return Key{}, "", fmt.Errorf("encode key: %w", err)
	}
	version, err := k.store.Create(ctx, path(project, s.Name), value)
	if dayfly.KindOf(err) == dayfly.KindConflict {
		return Key{}, "", exists(project, s.Name)
	}
	if err == nil {
		err = k.wait(ctx, version)
	}
	if err != nil {
		return Key{}, "", err
	}
	k.log.Info("API key created", "project", project, "key", s.Name, "id", r.ID)
	key, err := k.Key(project, s.Name)
	return key, text, err
}

func path(project dayfly.ProjectName, name string) string {
	return keyPrefix + "/" + string(project) + "/" + name
}

func exists(project dayfly.ProjectName, name string) error {
	return dayfly.Errorf(dayfly.KindConflict, "project %s has an API key %s already", project, name).
		WithHint("give it a new secret with: dayfly key rotate %s", name)
}

// checkRoom looks at the table alone: keys that are made at the same time may pass the bound
// together.
func (k *Keys) checkRoom(project dayfly.ProjectName, name string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.names[project][name] != nil {
		return exists(project, name)
	}
	if len(k.names[project]) >= keysMax {
		return dayfly.Errorf(dayfly.KindExhausted, "project %s has %d API keys, no more are kept", project, keysMax).
			WithHint("take away what is not used: dayfly key list tells")
	}
	return nil
}

// Rotate gives a key another secret, and its text. The secrets before stay valid for the grace;
// with none they end at once.
func (k *Keys) Rotate(
	ctx context.Context, project dayfly.ProjectName, name string, grace time.Duration,
) (Key, string, error) {
	if grace < 0 || grace > graceMax {
		return Key{}, "", dayfly.Errorf(dayfly.KindInvalid, "the grace is %s, want 0s to %s", grace, graceMax)
	}
	e, err := k.find(project, name)
	if err != nil {
		return Key{}, "", err
	}
	text := newText(e.key.ID)
	version, err := k.update(ctx, e, func(r *record) error { return r.rotate(text, k.now().UTC(), grace) })
	if err == nil {
		err = k.wait(ctx, version)
	}
	if err != nil {
		return Key{}, "", err
	}
	k.log.Info("API key rotated", "project", project, "key", e.key.Name, "id", e.key.ID, "grace", grace)
	key, err := k.Key(project, e.key.Name)
	return key, text, err
}

func (r *record) rotate(text string, now time.Time, grace time.Duration) error {
	if past(nanos(r.Expires), now) {
		return dayfly.Errorf(dayfly.KindConflict, "the API key has expired").
			WithHint("revoke it and create another")
	}
	until := now.Add(grace)
	for i := range r.Secrets {
		if s := &r.Secrets[i]; s.Expires.IsZero() || s.Expires.After(until) {
			s.Expires = until
		}
	}
	r.Secrets = slices.DeleteFunc(r.Secrets, func(s secretRecord) bool { return s.past(now) })
	if len(r.Secrets) >= secretsMax {
		return dayfly.Errorf(dayfly.KindConflict, "the API key has %d secrets that are valid", len(r.Secrets)).
			WithHint("wait for their grace to end, or end them now with: --grace 0s")
	}
	r.Secrets = append(r.Secrets, newSecret(text, now))
	return nil
}

// update changes the record of a key, which must stay the same key.
func (k *Keys) update(ctx context.Context, e *entry, change func(*record) error) (uint64, error) {
	at := path(e.key.Project, e.key.Name)
	var err error
	for range attemptsMax {
		var current store.Record
		if current, err = k.store.Get(ctx, at); err != nil {
			return 0, gone(e, err)
		}
		var r *record
		if r, err = parse(current); err != nil {
			return 0, err
		}
		if r.ID != e.key.ID {
			return 0, gone(e, dayfly.Errorf(dayfly.KindNotFound, "another key"))
		}
		if err = change(r); err != nil {
			return 0, err
		}
		value, marshalErr := json.Marshal(r)
		if marshalErr != nil {
			return 0, fmt.Errorf("encode key: %w", marshalErr)
		}
		var version uint64
		version, err = k.store.Update(ctx, at, value, current.Version)
		if dayfly.KindOf(err) != dayfly.KindConflict {
			return version, err
		}
	}
	return 0, err
}

// gone says in words of keys that a record is not there.
func gone(e *entry, err error) error {
	if dayfly.KindOf(err) != dayfly.KindNotFound {
		return err
	}
	return dayfly.Errorf(dayfly.KindNotFound, "project %s has no API key %.80q", e.key.Project, e.key.Name)
}

// Revoke ends a key for ever. Its name is free again.
func (k *Keys) Revoke(ctx context.Context, project dayfly.ProjectName, name string) (Key, error) {
	e, err := k.find(project, name)
	if err != nil {
		return Key{}, err
	}
	var version uint64
	for range attemptsMax {
		// A rotation at the same time must not save the key: the newest version goes.
		if version, err = k.remove(ctx, e); dayfly.KindOf(err) != dayfly.KindConflict {
			break
		}
	}
	if err == nil {
		err = k.wait(ctx, version)
	}
	if err != nil {
		return Key{}, gone(e, err)
	}
	k.log.Info("API key revoked", "project", project, "key", e.key.Name, "id", e.key.ID)
	k.forgetUse(ctx, e.key)
	return e.told(k.now()), nil
}

func (k *Keys) remove(ctx context.Context, e *entry) (uint64, error) {
	at := path(e.key.Project, e.key.Name)
	current, err := k.store.Get(ctx, at)
	if err != nil {
		return 0, err
	}
	r, err := parse(current)
	if err != nil {
		return 0, err
	}
	if r.ID != e.key.ID {
		return 0, dayfly.Errorf(dayfly.KindNotFound, "another key")
	}
	return k.store.Delete(ctx, at, current.Version)
}
