// SPDX-License-Identifier: Apache-2.0

// Package config stands where versitygw looks for the settings of an AWS account, to keep
// its own accounts in a bucket there. Dayfly's accounts are its own: none is ever read.
package config

import (
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// LoadOptions would say where settings are.
type LoadOptions struct{}

// LoadDefaultConfig refuses.
func LoadDefaultConfig(context.Context, ...func(*LoadOptions) error) (aws.Config, error) {
	return aws.Config{}, errors.New("settings of AWS accounts are not read by this program")
}

func nothing(*LoadOptions) error { return nil }

// WithRegion changes nothing.
func WithRegion(string) func(*LoadOptions) error { return nothing }

// WithCredentialsProvider changes nothing.
func WithCredentialsProvider(aws.CredentialsProvider) func(*LoadOptions) error { return nothing }

// WithHTTPClient changes nothing.
func WithHTTPClient(*http.Client) func(*LoadOptions) error { return nothing }

// WithClientLogMode changes nothing.
func WithClientLogMode(aws.ClientLogMode) func(*LoadOptions) error { return nothing }
