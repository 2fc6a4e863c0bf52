// SPDX-License-Identifier: Apache-2.0

// Package publish makes fronts of manifests, and has the commands that explain routes.
//
//	manifest ─▶ OpenAPI's routes ─▶ files read ─▶ secrets from the environment
//	         ─▶ sites uploaded ─▶ PublishFront
//
// What a front names outside of itself, files, variables and folders, is found here, on the
// machine that deploys: the node gets a front that is whole.
package publish
