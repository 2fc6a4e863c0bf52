// SPDX-License-Identifier: Apache-2.0

package front

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
)

// MapSecrets gives a copy of f in which each secret is what change gives for it; path leads
// to it.
func (f *Front) MapSecrets(change func(path []string, s Secret) (Secret, error)) (*Front, error) {
	copied := *f
	copied.Auth = maps.Clone(f.Auth)
	for _, name := range slices.Sorted(maps.Keys(f.Auth)) {
		place, a := at{"auth", name}, f.Auth[name]
		var err error
		switch {
		case a.HMAC != nil:
			own := *a.HMAC
			own.Secret, err = change(place.key("hmac", "secret"), own.Secret)
			a.HMAC = &own
		case a.Login != nil && a.Login.ClientSecret != "":
			own := *a.Login
			own.ClientSecret, err = change(place.key("login", "client_secret"), own.ClientSecret)
			a.Login = &own
		case a.Basic != nil:
			own := *a.Basic
			own.Users = maps.Clone(own.Users)
			for _, user := range slices.Sorted(maps.Keys(own.Users)) {
				if own.Users[user], err = change(place.key("basic", "users", user), own.Users[user]); err != nil {
					break
				}
			}
			a.Basic = &own
		}
		if err != nil {
			return nil, err
		}
		copied.Auth[name] = a
	}
	return &copied, nil
}

var variable = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)

// Variable gives the name of the variable that stands for the secret, if one does.
func (s Secret) Variable() (name string, is bool) {
	found := variable.FindStringSubmatch(string(s))
	if found == nil {
		return "", false
	}
	return found[1], true
}

// Redact gives a copy of f that tells no secrets.
func (f *Front) Redact() *Front {
	redacted, _ := f.MapSecrets(func([]string, Secret) (Secret, error) { return Redacted, nil })
	return redacted
}

// Keep gives a copy of f in which secrets that are told as redacted are those of before, which
// may be nil.
func (f *Front) Keep(before *Front) (*Front, error) {
	old := map[string]Secret{}
	if before != nil {
		_, _ = before.MapSecrets(func(path []string, s Secret) (Secret, error) {
			old[pathKey(path)] = s
			return s, nil
		})
	}
	return f.MapSecrets(func(path []string, s Secret) (Secret, error) {
		if name, is := s.Variable(); is {
			return "", at(path).problem("the variable %s is to be put in by who deploys", name)
		}
		if s != Redacted {
			return s, nil
		}
		kept, known := old[pathKey(path)]
		if !known {
			return "", at(path).problem("the node has no such secret yet: say it")
		}
		return kept, nil
	})
}

func pathKey(path []string) string {
	key, _ := json.Marshal(path)
	return string(key)
}
