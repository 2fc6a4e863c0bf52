// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/s3err"
)

// accounts tells the protocol who has a key: each project is one account, and its key's
// identity is the account's.
type accounts struct{ keys *Keys }

var _ auth.IAMService = accounts{}

// GetUserAccount gives the account of an access key.
func (a accounts) GetUserAccount(access string) (auth.Account, error) {
	project, ok := a.keys.Project(access)
	if !ok {
		return auth.Account{}, auth.ErrNoSuchUser
	}
	id, secret := a.keys.Credentials(project)
	return auth.Account{Access: id, Secret: secret, Role: auth.RoleUserPlus}, nil
}

// ResolveAccounts gives those of the identities that do not exist.
func (a accounts) ResolveAccounts(ids []string) ([]string, error) {
	var unknown []string
	for _, id := range ids {
		if _, ok := a.keys.Project(id); !ok {
			unknown = append(unknown, id)
		}
	}
	return unknown, nil
}

// CreateAccount refuses: accounts are projects.
func (accounts) CreateAccount(auth.Account) error {
	return s3err.GetAPIError(s3err.ErrNotImplemented)
}

// UpdateUserAccount refuses: keys are derived.
func (accounts) UpdateUserAccount(string, auth.MutableProps) error {
	return s3err.GetAPIError(s3err.ErrNotImplemented)
}

// DeleteUserAccount refuses: a key lives as long as the node's secret.
func (accounts) DeleteUserAccount(string) error {
	return s3err.GetAPIError(s3err.ErrNotImplemented)
}

// ListUserAccounts refuses: every name of a project is one.
func (accounts) ListUserAccounts() ([]auth.Account, error) {
	return nil, s3err.GetAPIError(s3err.ErrNotImplemented)
}

// Shutdown has nothing to free.
func (accounts) Shutdown() error { return nil }
