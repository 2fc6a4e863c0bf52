// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/s3api/controllers"
	"github.com/versity/versitygw/s3api/utils"
	"github.com/versity/versitygw/s3err"

	"github.com/dayfly-faas/dayfly/internal/blob"
)

const (
	// leftoverMax is how much of a body is read for the connection's sake.
	leftoverMax = 64 << 10
	// documentBytesMax bounds a body that is read whole: a thousand keys to delete, or ten
	// thousand parts with checksums, take 3 MiB.
	documentBytesMax = 4 << 20
	// keyLengthMax bounds a key, as in S3.
	keyLengthMax = 1024
)

// pathKey and rawPathKey hold the decoded path that was signed, and the path as sent.
// The first is the name under which the protocol looks for it.
const (
	pathKey    = "original-uri-path"
	rawPathKey = "dayfly-raw-path"
)

// shield makes an answer of a panic, and tells of each request.
func (s *Server) shield(ctx fiber.Ctx) (err error) {
	began := time.Now()
	id, _ := utils.EnsureRequestIDs(ctx)
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("request met an internal error", "request", id, "panic", p, "stack", string(debug.Stack()))
			err = respond(ctx, s3err.GetAPIError(s3err.ErrInternalError))
		}
		if s.isClosed() || !drained(ctx) {
			ctx.Response().Header.SetConnectionClose()
		}
		s.log.Debug("request served", "request", id, "method", ctx.Method(),
			"status", ctx.Response().StatusCode(), "took", time.Since(began))
	}()
	return ctx.Next()
}

// drained takes in what a handler left of the body, the end of its last chunk as a rule: it
// would be read as the next request. A connection with more of it is not used again.
func drained(ctx fiber.Ctx) bool {
	body := ctx.Request().BodyStream()
	if body == nil {
		return true
	}
	if ctx.Response().StatusCode() >= fiber.StatusBadRequest {
		return false // who was refused may wait for that before the body is sent
	}
	left, err := io.Copy(io.Discard, io.LimitReader(body, leftoverMax))
	return err == nil && left < leftoverMax
}

// prepare finds bucket and key: decoded once, never cleaned, from the path or the host.
func (s *Server) prepare(ctx fiber.Ctx) error {
	utils.ContextKeyRegion.Set(ctx, s.cfg.Region)
	utils.ContextKeyStartTime.Set(ctx, time.Now())
	utils.ContextKeyRootAccessKey.Set(ctx, s.root.Access)
	utils.ContextKeyAccount.Set(ctx, auth.Account{})
	utils.ContextKeyIsRoot.Set(ctx, false)
	raw := string(ctx.Request().URI().PathOriginal())
	path, err := url.PathUnescape(raw)
	if err != nil || path == "" || path[0] != '/' || !utf8.ValidString(path) {
		return respond(ctx, s3err.GetAPIError(s3err.ErrInvalidURI))
	}
	ctx.Locals(rawPathKey, raw)
	if bucket, ok := s.hostBucket(string(ctx.Request().Header.Host())); ok {
		ctx.Locals(pathKey, path)
		ctx.Locals(rawPathKey, "/"+bucket+raw)
		path = "/" + bucket + path
	}
	ctx.Path(path)
	return ctx.Next()
}

// hostBucket gives the bucket that a host names: photos.s3.localhost:8082.
func (s *Server) hostBucket(host string) (string, bool) {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	bucket, ok := strings.CutSuffix(strings.ToLower(host), "."+s.cfg.Domain)
	return bucket, ok && bucket != ""
}

// dispatch finds the operation of a request and runs it.
func (s *Server) dispatch(ctx fiber.Ctx) error {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(ctx.Path(), "/"), "/")
	switch {
	case bucket != "" && blob.ValidateBucketName(bucket) != nil:
		return respond(ctx, s3err.GetBucketErr(s3err.ErrInvalidBucketName, bucket))
	case len(key) > keyLengthMax:
		return respond(ctx, s3err.GetKeyTooLongErr(int64(len(key)), keyLengthMax))
	}
	on := onService
	if bucket != "" {
		on = onBucket
	}
	if key != "" {
		on = onObject
	}
	for i := range s.routes[ctx.Method()] {
		if rt := &s.routes[ctx.Method()][i]; rt.on == on && rt.matches(ctx) {
			return rt.run(ctx)
		}
	}
	return respond(ctx, s3err.GetMethodNotAllowedErr(ctx.Method(), utils.DetectResourceType(ctx), nil))
}

// bound refuses bodies that are too large to be read whole, before they are read.
func bound(ctx fiber.Ctx) error {
	switch size := ctx.Request().Header.ContentLength(); {
	case size > documentBytesMax:
		return s3err.GetMaxMessageLengthExceeded(documentBytesMax)
	case size == -1:
		return s3err.GetAPIError(s3err.ErrMissingContentLength)
	}
	return nil
}

// admit fixes the project of an authenticated request.
func (s *Server) admit(ctx fiber.Ctx) error {
	account, _ := utils.ContextKeyAccount.Get(ctx).(auth.Account)
	project, ok := s.keys.Project(account.Access)
	if !ok {
		return s3err.GetAPIError(s3err.ErrAccessDenied)
	}
	if g, isGuarded := ctx.RequestCtx().Conn().(*guarded); isGuarded && g.tenant != nil {
		if inside, running := g.tenant(); !running || inside != project {
			return s3err.GetAPIError(s3err.ErrAccessDenied)
		}
	}
	ctx.RequestCtx().SetUserValue(requestKey{}, &request{
		ctx: s.ctx, project: project, account: account.Access,
		by:         blob.Requester{RequestID: utils.RequestID(ctx), RemoteAddr: ctx.RequestCtx().RemoteIP().String()},
		encodeKeys: ctx.Query("encoding-type") == "url",
	})
	return refuseUnsupported(ctx)
}

// refuseUnsupported answers requests for what we would have to pretend: access for
// others, encryption with the caller's keys, locks, colder storage.
func refuseUnsupported(ctx fiber.Ctx) error {
	switch acl := ctx.Get("x-amz-acl"); acl {
	case "", "private", "bucket-owner-full-control", "bucket-owner-read":
	default:
		return s3err.GetAPIError(s3err.ErrAclNotSupported)
	}
	if class := ctx.Get("x-amz-storage-class"); class != "" && class != "STANDARD" {
		return s3err.APIError{Code: "InvalidStorageClass", HTTPStatusCode: http.StatusBadRequest,
			Description: "The storage class you specified is not valid: objects have the class STANDARD."}
	}
	for name := range ctx.Request().Header.All() {
		header := strings.ToLower(string(name))
		if strings.HasPrefix(header, "x-amz-server-side-encryption") ||
			strings.HasPrefix(header, "x-amz-object-lock-") ||
			strings.HasPrefix(header, "x-amz-grant-") || header == "x-amz-website-redirect-location" {
			return s3err.GetNotImplementedErr(header, "")
		}
	}
	return nil
}

// respond writes an error as S3 has them.
func respond(ctx fiber.Ctx, err s3err.S3Error) error {
	return controllers.ProcessController(ctx, func(fiber.Ctx) (*controllers.Response, error) {
		return &controllers.Response{}, err
	}, "", &controllers.Services{})
}

// respondError answers what never reached an operation.
func (s *Server) respondError(ctx fiber.Ctx, err error) error {
	var plain *fiber.Error
	if errors.As(err, &plain) && plain.Code < http.StatusInternalServerError {
		return respond(ctx, s3err.GetMethodNotAllowedErr(ctx.Method(), utils.DetectResourceType(ctx), nil))
	}
	s.log.Error("request met an internal error", "error", err)
	return respond(ctx, s3err.GetAPIError(s3err.ErrInternalError))
}

// respondMalformed answers what is not HTTP, or has too large a header.
func (s *Server) respondMalformed(ctx *fasthttp.RequestCtx, err error) {
	var answer s3err.S3Error = s3err.GetAPIError(s3err.ErrCannotParseHTTPRequest)
	var small *fasthttp.ErrSmallBuffer
	var slow net.Error
	switch {
	case errors.As(err, &small):
		answer = s3err.GetRequestHeaderSectionTooLargeErr(headerBytesMax)
	case errors.As(err, &slow) && slow.Timeout():
		answer = s3err.APIError{Code: "RequestTimeout", HTTPStatusCode: http.StatusBadRequest,
			Description: "Your socket connection to the server was not read from or written to within the timeout period."}
	}
	s.log.Debug("request was malformed", "error", err)
	ctx.Response.Reset()
	ctx.SetContentType("application/xml")
	ctx.SetStatusCode(answer.StatusCode())
	ctx.SetBody(answer.XMLBody(utils.NewS3RequestID(), utils.NewS3HostID()))
}
