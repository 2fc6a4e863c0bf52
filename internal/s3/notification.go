// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"encoding/xml"
	"net/http"

	"github.com/gofiber/fiber/v3"
	"github.com/versity/versitygw/s3api/controllers"
	"github.com/versity/versitygw/s3err"
)

// Which functions hear of a bucket's changes stands in the manifest of the functions, as
// their triggers, and in no second place: of a bucket's own configuration only the empty
// one is accepted, which tools send to begin with.

// getNotification gives the empty one.
func (s *Server) getNotification(ctx fiber.Ctx) (*controllers.Response, error) {
	return document("NotificationConfiguration", "")(ctx)
}

// putNotification accepts the empty one.
func (s *Server) putNotification(ctx fiber.Ctx) (*controllers.Response, error) {
	var asked struct {
		XMLName xml.Name `xml:"NotificationConfiguration"`
		Targets []struct {
			XMLName xml.Name
		} `xml:",any"`
	}
	if err := xml.Unmarshal(ctx.BodyRaw(), &asked); err != nil {
		return &controllers.Response{}, s3err.GetAPIError(s3err.ErrMalformedXML)
	}
	if len(asked.Targets) > 0 {
		return &controllers.Response{}, s3err.APIError{Code: "NotImplemented", HTTPStatusCode: http.StatusNotImplemented,
			Description: "Functions hear of a bucket by their triggers: write \"on: [{object: {bucket: NAME}}]\" " +
				"into dayfly.yaml and deploy it."}
	}
	return &controllers.Response{}, nil
}
