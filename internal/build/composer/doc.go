// SPDX-License-Identifier: Apache-2.0

// Package composer finds what can be called in PHP, and what Composer installs for it.
//
//	public/index.php and the like, modules ─▶ Candidates
//	Plan of one ── Finish ──▶ composer.json, PHP's version
package composer
