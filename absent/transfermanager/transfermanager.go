// SPDX-License-Identifier: Apache-2.0

// Package transfermanager stands where versitygw looks for an uploader, to keep its own
// accounts in a bucket of AWS. Dayfly's accounts are its own: nothing is ever uploaded.
package transfermanager

import (
	"context"
	"errors"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Client refuses everything.
type Client struct{}

// New makes one.
func New(*s3.Client) *Client { return &Client{} }

// UploadObjectInput is what would be uploaded.
type UploadObjectInput struct {
	Body        io.Reader
	Bucket, Key *string
}

// UploadObject refuses.
func (*Client) UploadObject(context.Context, *UploadObjectInput) (any, error) {
	return nil, errors.New("AWS's uploader is not part of this program")
}
