// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// Any lets in whom one of several authenticators knows; they are asked in their order.
//
// Bad credentials of one kind do not stand in the way of good ones of another: browsers send
// old cookies beside whatever else is right. Where none is good, the error that tells most is
// given: not enough rights, then cannot tell now, then bad credentials. With no credentials at
// all there is no principal and no error.
func Any(list []Authenticator) Authenticator {
	if len(list) == 1 {
		return list[0]
	}
	return anyOf(slices.Clone(list))
}

type anyOf []Authenticator

// Authenticate implements Authenticator.
func (a anyOf) Authenticate(ctx context.Context, r *Request) (*Principal, error) {
	var worst error
	for _, each := range a {
		p, err := each.Authenticate(ctx, r)
		if err == nil && p != nil {
			return p, nil
		}
		if rank(err) > rank(worst) {
			worst = err
		}
	}
	return nil, worst
}

// rank orders errors by how much they tell a caller.
func rank(err error) int {
	switch dayfly.KindOf(err) {
	case "":
		return 0
	case dayfly.KindUnauthenticated:
		return 1
	case dayfly.KindDenied:
		return 3
	}
	return 2
}

// Challenge implements Authenticator: the challenges of all, as one header may hold them.
func (a anyOf) Challenge() string {
	var list []string
	for _, each := range a {
		if c := each.Challenge(); c != "" && !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	return strings.Join(list, ", ")
}
