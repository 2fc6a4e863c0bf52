// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"net/http"

	"github.com/gofiber/fiber/v3"
	"github.com/versity/versitygw/s3api/controllers"
	"github.com/versity/versitygw/s3api/middlewares"
	"github.com/versity/versitygw/s3err"
)

// target is what a request is about.
type target int

const (
	onService target = iota
	onBucket
	onObject
)

// body says what an operation expects of a request's body.
type body int

const (
	bodyAny     body = iota // a document, or nothing
	bodyNeeded              // a document
	bodySummed              // a document and its checksum
	bodyStream              // the data of an object
	bodyForm                // the form of a browser, which carries the signature
	bodyUnasked             // nobody signs: a preflight
)

// route is one entry of the table of contents.
type route struct {
	method string
	on     target
	args   []string // of the query; all must be there
	copies bool     // the header that names a source must be there
	body   body
	answer controllers.Controller
	run    fiber.Handler // of it all, made by compile
}

func (rt *route) matches(ctx fiber.Ctx) bool {
	query := ctx.Request().URI().QueryArgs()
	for _, arg := range rt.args {
		if !query.Has(arg) {
			return false
		}
	}
	return !rt.copies || ctx.Get("X-Amz-Copy-Source") != ""
}

// table is the table of contents: of a method's routes the first that matches answers.
func (s *Server) table() []route {
	const get, put, post = http.MethodGet, http.MethodPut, http.MethodPost
	const del, head = http.MethodDelete, http.MethodHead
	c := s.control
	return append(s.subresources(), []route{
		{method: get, on: onService, answer: c.ListBuckets},

		{method: put, on: onBucket, answer: c.CreateBucket},
		{method: head, on: onBucket, answer: c.HeadBucket},
		{method: del, on: onBucket, answer: c.DeleteBucket},
		{method: get, on: onBucket, args: []string{"uploads"}, answer: c.ListMultipartUploads},
		{method: get, on: onBucket, args: []string{"versions"}, answer: c.ListObjectVersions},
		{method: get, on: onBucket, args: []string{"list-type"}, answer: c.ListObjectsV2},
		{method: get, on: onBucket, answer: c.ListObjects},
		{method: post, on: onBucket, args: []string{"delete"}, body: bodySummed, answer: s.deleteObjects},
		{method: post, on: onBucket, body: bodyForm, answer: c.POSTObject},

		{method: put, on: onObject, args: []string{"tagging"}, body: bodyNeeded, answer: c.PutObjectTagging},
		{method: get, on: onObject, args: []string{"tagging"}, answer: c.GetObjectTagging},
		{method: del, on: onObject, args: []string{"tagging"}, answer: c.DeleteObjectTagging},
		{method: get, on: onObject, args: []string{"attributes"}, answer: c.GetObjectAttributes},
		{method: get, on: onObject, args: []string{"acl"}, answer: s.getObjectACL},

		{method: post, on: onObject, args: []string{"uploads"}, answer: c.CreateMultipartUpload},
		{method: put, on: onObject, args: []string{"partNumber", "uploadId"}, copies: true, answer: c.UploadPartCopy},
		{method: put, on: onObject, args: []string{"partNumber", "uploadId"}, body: bodyStream, answer: c.UploadPart},
		{method: get, on: onObject, args: []string{"uploadId"}, answer: c.ListParts},
		{method: post, on: onObject, args: []string{"uploadId"}, answer: c.CompleteMultipartUpload},
		{method: del, on: onObject, args: []string{"uploadId"}, answer: c.AbortMultipartUpload},
		{method: put, on: onObject, args: []string{"uploadId"}, answer: refuse("InvalidRequest",
			http.StatusBadRequest, "An upload of a part names its partNumber and its uploadId.")},
		{method: put, on: onObject, args: []string{"partNumber"}, answer: refuse("InvalidRequest",
			http.StatusBadRequest, "An upload of a part names its partNumber and its uploadId.")},

		{method: put, on: onObject, copies: true, answer: c.CopyObject},
		{method: put, on: onObject, body: bodyStream, answer: c.PutObject},
		{method: head, on: onObject, answer: c.HeadObject},
		{method: get, on: onObject, answer: c.GetObject},
		{method: del, on: onObject, answer: c.DeleteObject},

		{method: http.MethodOptions, on: onBucket, body: bodyUnasked, answer: c.CORSOptions},
		{method: http.MethodOptions, on: onObject, body: bodyUnasked, answer: c.CORSOptions},
	}...)
}

// subresources are what one reads and writes of a bucket beside its objects, and what
// of it and of objects we do not have.
func (s *Server) subresources() []route {
	const get, put, post, del = http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete
	c := s.control
	table := []route{
		{method: get, on: onBucket, args: []string{"location"}, answer: c.GetBucketLocation},
		{method: get, on: onBucket, args: []string{"acl"}, answer: c.GetBucketAcl},
		{method: put, on: onBucket, args: []string{"acl"}, answer: c.PutBucketAcl},
		{method: get, on: onBucket, args: []string{"tagging"}, answer: c.GetBucketTagging},
		{method: put, on: onBucket, args: []string{"tagging"}, body: bodySummed, answer: c.PutBucketTagging},
		{method: del, on: onBucket, args: []string{"tagging"}, answer: c.DeleteBucketTagging},
		{method: get, on: onBucket, args: []string{"versioning"}, answer: c.GetBucketVersioning},
		{method: put, on: onBucket, args: []string{"versioning"}, body: bodyNeeded, answer: c.PutBucketVersioning},
		{method: get, on: onBucket, args: []string{"cors"}, answer: c.GetBucketCors},
		{method: put, on: onBucket, args: []string{"cors"}, body: bodySummed, answer: c.PutBucketCors},
		{method: del, on: onBucket, args: []string{"cors"}, answer: c.DeleteBucketCors},
		{method: get, on: onBucket, args: []string{"policy"}, answer: c.GetBucketPolicy},
		{method: get, on: onBucket, args: []string{"ownershipControls"}, answer: c.GetBucketOwnershipControls},
		{method: put, on: onBucket, args: []string{"ownershipControls"}, answer: c.PutBucketOwnershipControls},
		{method: get, on: onBucket, args: []string{"object-lock"}, answer: c.GetObjectLockConfiguration},
		{method: get, on: onBucket, args: []string{"notification"}, answer: s.getNotification},
		{method: put, on: onBucket, args: []string{"notification"}, body: bodyNeeded,
			answer: s.putNotification},

		{method: get, on: onBucket, args: []string{"website"}, answer: refuse("NoSuchWebsiteConfiguration",
			http.StatusNotFound, "The specified bucket does not have a website configuration.")},
		{method: get, on: onBucket, args: []string{"lifecycle"}, answer: refuse("NoSuchLifecycleConfiguration",
			http.StatusNotFound, "The lifecycle configuration does not exist.")},
		{method: get, on: onBucket, args: []string{"encryption"}, answer: refuse(
			"ServerSideEncryptionConfigurationNotFoundError", http.StatusNotFound,
			"The server side encryption configuration was not found.")},
		{method: get, on: onBucket, args: []string{"replication"}, answer: refuse(
			"ReplicationConfigurationNotFoundError", http.StatusNotFound,
			"The replication configuration was not found.")},
		{method: get, on: onBucket, args: []string{"publicAccessBlock"}, answer: refuse(
			"NoSuchPublicAccessBlockConfiguration", http.StatusNotFound,
			"The public access block configuration was not found.")},
		{method: get, on: onBucket, args: []string{"logging"}, answer: document("BucketLoggingStatus", "")},
		{method: get, on: onBucket, args: []string{"accelerate"}, answer: document("AccelerateConfiguration", "")},
		{method: get, on: onBucket, args: []string{"requestPayment"},
			answer: document("RequestPaymentConfiguration", "<Payer>BucketOwner</Payer>")},
	}
	missing := refuse("NotImplemented", http.StatusNotImplemented,
		"A header or query you provided implies functionality that is not implemented.")
	for _, arg := range []string{"website", "lifecycle", "encryption", "replication", "publicAccessBlock", "logging",
		"accelerate", "requestPayment", "policy", "policyStatus", "object-lock", "analytics", "intelligent-tiering",
		"inventory", "metrics", "ownershipControls", "metadataTable", "abac"} {
		for _, method := range []string{get, put, del} {
			table = append(table, route{method: method, on: onBucket, args: []string{arg}, answer: missing})
		}
	}
	for _, arg := range []string{"acl", "retention", "legal-hold", "restore", "select", "torrent"} {
		for _, method := range []string{get, put, post} {
			if method == get && arg == "acl" {
				continue
			}
			table = append(table, route{method: method, on: onObject, args: []string{arg}, answer: missing})
		}
	}
	return table
}

// compile makes the handler of each route: who asks, for which project, with what body.
func (s *Server) compile() map[string][]route {
	store := &backing{s: s}
	cors := middlewares.ApplyBucketCORS(store, middlewares.BucketFromPath, "")
	routes := map[string][]route{}
	for _, rt := range s.table() {
		var steps []fiber.Handler
		switch rt.body {
		case bodyUnasked:
			steps = []fiber.Handler{s.admitPreflight}
		case bodyForm:
			form := middlewares.AuthorizePostObject(s.root, accounts{s.keys}, s.cfg.Region)
			steps = []fiber.Handler{form, s.admit, plainKey, cors}
		case bodyStream:
			sums := middlewares.VerifyChecksums(true, false, false)
			steps = []fiber.Handler{s.authenticate(true), s.admit, cors, sums}
		default:
			steps = []fiber.Handler{bound, s.authenticate(false), s.admit, cors}
			if rt.method == http.MethodPut || rt.method == http.MethodPost {
				steps = append(steps, middlewares.VerifyChecksums(false, rt.body != bodyAny, rt.body == bodySummed))
			}
		}
		if rt.on != onService && !(rt.on == onBucket && rt.method == http.MethodPut && len(rt.args) == 0) {
			steps = append(steps, middlewares.ParseAcl(store)) // finds the bucket
		}
		rt.run = controllers.ProcessHandlers(rt.answer, "", s.services, steps...)
		routes[rt.method] = append(routes[rt.method], rt)
	}
	return routes
}

// refuse answers with an error.
func refuse(code string, status int, text string) controllers.Controller {
	err := s3err.APIError{Code: code, HTTPStatusCode: status, Description: text}
	return func(fiber.Ctx) (*controllers.Response, error) { return &controllers.Response{}, err }
}

// document answers with an XML element of S3's namespace.
func document(name, inner string) controllers.Controller {
	text := `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		`<` + name + ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` + inner + `</` + name + `>`
	return func(ctx fiber.Ctx) (*controllers.Response, error) {
		ctx.Response().Header.SetContentType("application/xml")
		return &controllers.Response{Data: []byte(text)}, nil
	}
}
