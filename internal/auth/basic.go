// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly/internal/auth/password"
	"github.com/dayfly-faas/dayfly/internal/front"
)

// basic takes user names and passwords (RFC 7617).
type basic struct {
	name   string
	realm  string
	users  map[string]*password.Hash
	hashes []*password.Hash // of all users, in the order of their names
	salt   [sha256.Size]byte
	check  *password.Checker
}

func newBasic(b *front.Basic, name string, d Deps) (*basic, error) {
	made := &basic{name: name, realm: cmp.Or(b.Realm, string(d.Project)), users: map[string]*password.Hash{},
		check: d.Passwords}
	for _, user := range slices.Sorted(maps.Keys(b.Users)) {
		hash, err := password.Parse(string(b.Users[user]))
		if err != nil {
			return nil, front.Within(err, "users", user)
		}
		made.users[user], made.hashes = hash, append(made.hashes, hash)
	}
	if len(made.hashes) == 0 {
		return nil, &front.Problem{Path: []string{"users"}, Message: "there are none"}
	}
	_, _ = rand.Read(made.salt[:]) // never fails: crypto/rand aborts the program instead
	return made, nil
}

// Authenticate implements Authenticator.
func (b *basic) Authenticate(ctx context.Context, r *Request) (*Principal, error) {
	text, err := only(r.HTTP.Header, "Authorization")
	if err != nil {
		return nil, err
	}
	scheme, encoded, _ := strings.Cut(text, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return nil, nil
	}
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	user, secret, ok := strings.Cut(string(plain), ":")
	if err != nil || !ok {
		return nil, refuse("the user name and the password cannot be read")
	}
	hash, known := b.users[user]
	if !known {
		hash = b.standIn(user)
	}
	right, err := b.check.Check(ctx, hash, secret, r.address())
	if err != nil {
		return nil, err
	}
	if !known || !right {
		return nil, refuse("the user name or the password is wrong")
	}
	return &Principal{Kind: KindBasic, Name: b.name, Subject: user}, nil
}

// standIn gives the hash that a user who does not exist is checked against: that of some user,
// always the same for a name, so that the time tells nothing.
func (b *basic) standIn(user string) *password.Hash {
	mac := hmac.New(sha256.New, b.salt[:])
	_, _ = mac.Write([]byte(user)) // never fails
	return b.hashes[binary.BigEndian.Uint64(mac.Sum(nil))%uint64(len(b.hashes))]
}

// Challenge implements Authenticator.
func (b *basic) Challenge() string { return "Basic realm=" + quoted(b.realm) + `, charset="UTF-8"` }
