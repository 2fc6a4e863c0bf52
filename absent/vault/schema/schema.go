// SPDX-License-Identifier: Apache-2.0

// Package schema names what would be asked of Vault.
package schema

// AppRoleLoginRequest would log in.
type AppRoleLoginRequest struct {
	RoleId, SecretId string //nolint:staticcheck // the names are the other module's
}

// KvV2WriteRequest would write a secret.
type KvV2WriteRequest struct {
	Data, Options map[string]any
}

// KvV2WriteMetadataRequest would write what is known of a secret.
type KvV2WriteMetadataRequest struct {
	DeleteVersionAfter string
}
