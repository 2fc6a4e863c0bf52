// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"net/http"

	"github.com/gofiber/fiber/v3"
	"github.com/versity/versitygw/s3api/controllers"
	"github.com/versity/versitygw/s3err"
)

// Notifier is told what a bucket's notifications are to call.
type Notifier interface{}

func (s *Server) getNotification(ctx fiber.Ctx) (*controllers.Response, error) {
	return document("NotificationConfiguration", "")(ctx)
}

func (s *Server) putNotification(ctx fiber.Ctx) (*controllers.Response, error) {
	return &controllers.Response{}, s3err.APIError{Code: "NotImplemented", HTTPStatusCode: http.StatusNotImplemented,
		Description: "Notifications are triggers of functions: write them into the manifest."}
}
