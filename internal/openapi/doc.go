// SPDX-License-Identifier: Apache-2.0

// Package openapi reads OpenAPI documents, 3.0 and 3.1, as routes of a front.
//
//	api.yaml ─▶ files and references ─▶ operations ─┬▶ Routes: pattern, target, auth, validate
//	                                                ├▶ Components: the schemas that they use
//	                                                └▶ Auth, Authenticators, Warnings, Unbound
//
// An operation goes to the function that its operationId names, or to what an extension
// x-dayfly says, which holds any key of a route. What cannot be served as it is described,
// and would be less safe, is an error: what only describes is left out.
//
// Guarantees: only files in the folder of the document, and below, are read; nothing is
// fetched. Files, bytes, values, references and their depth are bounded. An error says the
// file, the line and the JSON pointer. Load changes nothing and keeps nothing.
package openapi
