// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // signature version 2 is HMAC-SHA1
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/s3api/middlewares"
	"github.com/versity/versitygw/s3api/utils"
	"github.com/versity/versitygw/s3err"

	"github.com/dayfly-faas/dayfly"
)

// presignedMax is how far ahead a URL of signature version 2 may expire: as long as one
// of version 4 can.
const presignedMax = 7 * 24 * time.Hour

// authenticate lets requests pass that a key has signed, in a header or in the query.
// Requests are in whatever region they say: buckets are in all of them.
func (s *Server) authenticate(stream bool) fiber.Handler {
	return func(ctx fiber.Ctx) error {
		query := ctx.Request().URI().QueryArgs()
		switch {
		case query.Has("Signature") && query.Has("AWSAccessKeyId"):
			return s.verifyVersion2(ctx, stream)
		case utils.IsPresignedURLAuth(ctx):
			region := s.inRegion(ctx, ctx.Query("X-Amz-Credential"))
			return middlewares.VerifyPresignedV4Signature(s.root, accounts{s.keys}, region, stream)(ctx)
		case ctx.Get("Authorization") != "":
			_, credential, _ := strings.Cut(ctx.Get("Authorization"), "Credential=")
			region := s.inRegion(ctx, credential)
			hashed := ctx.Method() != http.MethodHead // some clients leave it out there
			return middlewares.VerifyV4Signature(s.root, accounts{s.keys}, region, stream, hashed, false)(ctx)
		}
		return s3err.GetAPIError(s3err.ErrAccessDenied)
	}
}

// inRegion gives the region of a credential, KEY/DATE/REGION/SERVICE/aws4_request, and
// makes it that of the request.
func (s *Server) inRegion(ctx fiber.Ctx, credential string) string {
	parts := strings.SplitN(credential, "/", 4)
	if len(parts) < 4 || !isRegion(parts[2]) {
		return s.cfg.Region // the signature will not fit
	}
	utils.ContextKeyRegion.Set(ctx, parts[2])
	return parts[2]
}

// isRegion tells whether name can be that of a region: it comes back in headers.
func isRegion(name string) bool {
	return name != "" && len(name) <= 32 && strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-')
	}) < 0
}

// verifyVersion2 checks a URL of signature version 2, which the AWS CLI's version 1
// makes for servers that are not AWS.
func (s *Server) verifyVersion2(ctx fiber.Ctx, stream bool) error {
	id := ctx.Query("AWSAccessKeyId")
	account, err := (accounts{s.keys}).GetUserAccount(id)
	if err != nil {
		return s3err.GetInvalidAccessKeyIdErr(id)
	}
	expires, err := strconv.ParseInt(ctx.Query("Expires"), 10, 64)
	if err != nil {
		return s3err.QueryAuthErrors.MissingRequiredParams()
	}
	now, until := time.Now(), time.Unix(expires, 0)
	if until.Before(now) {
		return s3err.GetExpiredPresignedURLError(0, until.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	if until.After(now.Add(presignedMax)) {
		return s3err.QueryAuthErrors.ExpiresTooLarge()
	}
	mac := hmac.New(sha1.New, []byte(account.Secret))
	text := version2Text(ctx)
	mac.Write([]byte(text))
	given, err := base64.StdEncoding.DecodeString(ctx.Query("Signature"))
	if err != nil || !hmac.Equal(given, mac.Sum(nil)) {
		return s3err.GetSignatureDoesNotMatchErr(id, text, ctx.Query("Signature"), utils.HexBytes(text), "", "")
	}
	return accepted(ctx, account, stream)
}

// accepted tells the steps that follow who asks, and where the body comes from.
func accepted(ctx fiber.Ctx, account auth.Account, stream bool) error {
	utils.ContextKeyAuthenticated.Set(ctx, true)
	utils.ContextKeyAccount.Set(ctx, account)
	if !stream {
		return nil
	}
	if ctx.Request().Header.ContentLength() < 0 {
		return s3err.GetAPIError(s3err.ErrMissingContentLength)
	}
	var data io.Reader = bytes.NewReader(nil)
	if sent := ctx.Request().BodyStream(); sent != nil {
		data = sent
	}
	utils.ContextKeyBodyReader.Set(ctx, data)
	return nil
}

// version2Arguments are those of the query that version 2 signs.
var version2Arguments = []string{
	"acl", "cors", "delete", "lifecycle", "location", "logging", "notification", "partNumber", "policy",
	"requestPayment", "response-cache-control", "response-content-disposition", "response-content-encoding",
	"response-content-language", "response-content-type", "response-expires", "restore", "tagging", "torrent",
	"uploadId", "uploads", "versionId", "versioning", "versions", "website",
}

// version2Text is what version 2 signs of a request.
func version2Text(ctx fiber.Ctx) string {
	var b strings.Builder
	for _, line := range []string{ctx.Method(), ctx.Get("Content-MD5"), ctx.Get("Content-Type"), ctx.Query("Expires")} {
		b.WriteString(line + "\n")
	}
	headers := map[string]string{}
	for name, value := range ctx.Request().Header.All() {
		if lower := strings.ToLower(string(name)); strings.HasPrefix(lower, "x-amz-") {
			headers[lower] = strings.TrimSpace(string(value))
		}
	}
	names := make([]string, 0, len(headers))
	for name := range headers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b.WriteString(name + ":" + headers[name] + "\n")
	}
	raw, _ := ctx.Locals(rawPathKey).(string)
	b.WriteString(raw)
	between := byte('?')
	query := ctx.Request().URI().QueryArgs()
	for _, name := range version2Arguments {
		if !query.Has(name) {
			continue
		}
		b.WriteByte(between)
		b.WriteString(name)
		if value := query.Peek(name); len(value) > 0 {
			b.WriteString("=" + string(value))
		}
		between = '&'
	}
	return b.String()
}

// admitPreflight finds the project whose bucket a browser wants to know the rules of. A
// preflight carries no signature; a presigned URL names the key, a box its project, and
// of other buckets of that name the first with rules is meant.
func (s *Server) admitPreflight(ctx fiber.Ctx) error {
	bucket := ctx.Params("bucket")
	id, _, _ := strings.Cut(ctx.Query("X-Amz-Credential"), "/")
	if id == "" {
		id = ctx.Query("AWSAccessKeyId")
	}
	project, ok := s.keys.Project(id)
	if g, isGuarded := ctx.RequestCtx().Conn().(*guarded); isGuarded && g.tenant != nil {
		project, ok = g.tenant()
	}
	if !ok {
		project, ok = s.projectWithRules(bucket)
	}
	if !ok {
		return s3err.GetAccessForbiddenErr(s3err.ErrCORSIsNotEnabled, http.MethodOptions, s3err.ResourceTypeBucket)
	}
	account, _ := s.keys.Credentials(project)
	ctx.RequestCtx().SetUserValue(requestKey{}, &request{ctx: s.ctx, project: project, account: account})
	return nil
}

// projectWithRules gives the first project with CORS rules for a bucket of that name.
func (s *Server) projectWithRules(bucket string) (dayfly.ProjectName, bool) {
	for _, project := range s.objects.Projects(s.ctx) {
		b, err := s.objects.Bucket(s.ctx, refOf(project, bucket))
		if err == nil && len(b.Documents[documentCORS]) > 0 {
			return project, true
		}
	}
	return "", false
}

// plainKey refuses forms that want the key made of the name of the browser's file, which
// the protocol's library does not tell.
func plainKey(ctx fiber.Ctx) error {
	form, ok := utils.ContextKeyObjectPostResult.Get(ctx).(middlewares.PostObjectResult)
	if !ok {
		return s3err.GetAPIError(s3err.ErrAccessDenied)
	}
	key := form.Fields["key"]
	switch {
	case strings.Contains(key, "${filename}"):
		return s3err.APIError{Code: "NotImplemented", HTTPStatusCode: http.StatusNotImplemented,
			Description: "${filename} in the key of a form is not supported: name the key."}
	case len(key) > keyLengthMax:
		return s3err.GetKeyTooLongErr(int64(len(key)), keyLengthMax)
	}
	return nil
}
