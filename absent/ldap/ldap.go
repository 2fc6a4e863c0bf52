// SPDX-License-Identifier: Apache-2.0

// Package ldap stands where versitygw looks for a client of LDAP, to ask it for accounts.
// Dayfly's accounts are its own: nothing is ever asked.
package ldap

import (
	"crypto/tls"
	"errors"
)

var errAbsent = errors.New("LDAP's client is not part of this program")

// Names of the protocol that are looked up here.
const (
	ErrorNetwork      = 200
	ScopeWholeSubtree = 2
	NeverDerefAliases = 0
)

// Error is what a server would answer.
type Error struct {
	ResultCode uint16
}

// Error implements error.
func (*Error) Error() string { return errAbsent.Error() }

// Conn is never made.
type Conn struct{}

// DialOpt changes nothing.
type DialOpt struct{}

// DialURL refuses.
func DialURL(string, ...DialOpt) (*Conn, error) { return nil, errAbsent }

// DialWithTLSConfig changes nothing.
func DialWithTLSConfig(*tls.Config) DialOpt { return DialOpt{} }

// Request is what would be asked.
type Request struct{}

// Attribute says nothing.
func (*Request) Attribute(string, []string) {}

// Replace says nothing.
func (*Request) Replace(string, []string) {}

// NewAddRequest makes one.
func NewAddRequest(string, []string) *Request { return &Request{} }

// NewModifyRequest makes one.
func NewModifyRequest(string, []string) *Request { return &Request{} }

// NewDelRequest makes one.
func NewDelRequest(string, []string) *Request { return &Request{} }

// NewSearchRequest makes one.
func NewSearchRequest(base string, scope, aliases, size, time int, typesOnly bool,
	filter string, attributes, controls []string) *Request {
	return &Request{}
}

// SearchResult is never made.
type SearchResult struct {
	Entries []*Entry
}

// Entry is never made.
type Entry struct{}

// GetAttributeValue knows none.
func (*Entry) GetAttributeValue(string) string { return "" }

// Bind refuses.
func (*Conn) Bind(string, string) error { return errAbsent }

// Add refuses.
func (*Conn) Add(*Request) error { return errAbsent }

// Modify refuses.
func (*Conn) Modify(*Request) error { return errAbsent }

// Del refuses.
func (*Conn) Del(*Request) error { return errAbsent }

// Search refuses.
func (*Conn) Search(*Request) (*SearchResult, error) { return nil, errAbsent }

// Close has nothing to close.
func (*Conn) Close() error { return nil }

// EscapeDN leaves a name as it is: it is sent nowhere.
func EscapeDN(dn string) string { return dn }

// EscapeFilter leaves a filter as it is: it is sent nowhere.
func EscapeFilter(filter string) string { return filter }
