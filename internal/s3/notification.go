// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v3"
	"github.com/versity/versitygw/s3api/controllers"
	"github.com/versity/versitygw/s3err"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob"
	"github.com/dayfly-faas/dayfly/internal/blob/notice"
)

// Targets knows what a bucket may tell of its changes.
type Targets interface {
	HasFunction(dayfly.FunctionRef) bool
	HasQueue(dayfly.ProjectName, dayfly.QueueName) bool
}

// unknownTargets is how AWS says it.
const unknownTargets = "Unable to validate the following destination configurations"

// headerSkip has targets taken that are not there yet.
const headerSkip = "X-Amz-Skip-Destination-Validation"

// getNotification gives who hears of a bucket's changes, as it was put.
func (s *Server) getNotification(ctx fiber.Ctx) (*controllers.Response, error) {
	b := &backing{s: s}
	_, found, err := b.bucket(ctx, ctx.Params("bucket"))
	if err != nil {
		return &controllers.Response{}, err
	}
	c, err := notice.Decode(found.Documents[notice.Document])
	var text []byte
	if err == nil {
		text, err = c.XML()
	}
	if err != nil {
		return &controllers.Response{}, b.fault(err, what{bucket: found.Name})
	}
	ctx.Response().Header.SetContentType("application/xml")
	return &controllers.Response{Data: text}, nil
}

// putNotification puts a configuration in place of the one before. When it answers, what
// changes from then on is told by it.
func (s *Server) putNotification(ctx fiber.Ctx) (*controllers.Response, error) {
	b := &backing{s: s}
	r, found, err := b.bucket(ctx, ctx.Params("bucket"))
	if err != nil {
		return &controllers.Response{}, err
	}
	c, err := notice.Parse(ctx.BodyRaw())
	var entries []notice.Entry
	if err == nil {
		entries, err = c.Entries(blob.BucketRef{Project: r.project, Name: found.Name})
	}
	if err == nil && !strings.EqualFold(ctx.Get(headerSkip), "true") {
		err = s.checkTargets(entries)
	}
	var kept []byte
	if err == nil {
		kept, err = c.Encode()
	}
	if err != nil {
		return &controllers.Response{}, b.notificationFault(err, found.Name)
	}
	return &controllers.Response{}, b.setDocument(ctx, found.Name, notice.Document, kept)
}

// checkTargets reports the first target that there is not.
func (s *Server) checkTargets(entries []notice.Entry) error {
	for _, e := range entries {
		project := e.Bucket.Project
		ok := false
		name := string(e.Target.Function)
		if name != "" {
			ok = s.targets.HasFunction(dayfly.FunctionRef{Project: project, Name: e.Target.Function})
		} else {
			name = string(e.Target.Queue)
			ok = s.targets.HasQueue(project, e.Target.Queue)
		}
		if !ok {
			return dayfly.Errorf(dayfly.KindInvalid,
				"%s: project %s has no %q", unknownTargets, project, name)
		}
	}
	return nil
}

// notificationFault gives the error that S3 has for a configuration that was refused.
func (b *backing) notificationFault(err error, bucket string) error {
	var malformed *notice.Malformed
	var unsupported *notice.Unsupported
	switch {
	case errors.As(err, &malformed):
		return s3err.GetAPIError(s3err.ErrMalformedXML)
	case errors.As(err, &unsupported):
		return s3err.APIError{Code: "NotImplemented", HTTPStatusCode: http.StatusNotImplemented,
			Description: unsupported.Reason}
	case dayfly.KindOf(err) == dayfly.KindInvalid:
		return s3err.APIError{Code: "InvalidArgument", HTTPStatusCode: http.StatusBadRequest, Description: err.Error()}
	}
	return b.fault(err, what{bucket: bucket})
}
