// SPDX-License-Identifier: Apache-2.0

// Package vault stands where versitygw looks for a client of Vault, to ask it for
// accounts. Dayfly's accounts are its own: nothing is ever asked.
package vault

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/vault-client-go/schema"
)

var errAbsent = errors.New("Vault's client is not part of this program")

// ClientOption changes nothing.
type ClientOption struct{}

// RequestOption changes nothing.
type RequestOption struct{}

// TLSConfiguration is not used.
type TLSConfiguration struct {
	ServerCertificate, ClientCertificate, ClientCertificateKey struct {
		FromBytes []byte
	}
}

// Client is never made.
type Client struct {
	Auth    Auth
	Secrets Secrets
}

// New refuses.
func New(...ClientOption) (*Client, error) { return nil, errAbsent }

// SetToken refuses.
func (*Client) SetToken(string) error { return errAbsent }

// WithAddress changes nothing.
func WithAddress(string) ClientOption { return ClientOption{} }

// WithRequestTimeout changes nothing.
func WithRequestTimeout(time.Duration) ClientOption { return ClientOption{} }

// WithTLS changes nothing.
func WithTLS(TLSConfiguration) ClientOption { return ClientOption{} }

// WithMountPath changes nothing.
func WithMountPath(string) RequestOption { return RequestOption{} }

// WithNamespace changes nothing.
func WithNamespace(string) RequestOption { return RequestOption{} }

// IsErrorStatus tells that no server answered.
func IsErrorStatus(error, int) bool { return false }

// Auth refuses everything.
type Auth struct{}

// Login is what a server would answer to one.
type Login struct {
	Auth struct {
		ClientToken string
	}
}

// AppRoleLogin refuses.
func (Auth) AppRoleLogin(context.Context, schema.AppRoleLoginRequest, ...RequestOption) (*Login, error) {
	return nil, errAbsent
}

// Secrets refuses everything.
type Secrets struct{}

// Answer is what a server would answer.
type Answer struct {
	Data struct {
		Data, Metadata map[string]any
		Keys           []string
	}
}

// KvV2Write refuses.
func (Secrets) KvV2Write(context.Context, string, schema.KvV2WriteRequest, ...RequestOption) (*Answer, error) {
	return nil, errAbsent
}

// KvV2Read refuses.
func (Secrets) KvV2Read(context.Context, string, ...RequestOption) (*Answer, error) {
	return nil, errAbsent
}

// KvV2List refuses.
func (Secrets) KvV2List(context.Context, string, ...RequestOption) (*Answer, error) {
	return nil, errAbsent
}

// KvV2DeleteMetadataAndAllVersions refuses.
func (Secrets) KvV2DeleteMetadataAndAllVersions(context.Context, string, ...RequestOption) (*Answer, error) {
	return nil, errAbsent
}

// KvV2WriteMetadata refuses.
func (Secrets) KvV2WriteMetadata(context.Context, string, schema.KvV2WriteMetadataRequest,
	...RequestOption) (*Answer, error) {
	return nil, errAbsent
}
