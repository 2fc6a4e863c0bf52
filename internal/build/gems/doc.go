// SPDX-License-Identifier: Apache-2.0

// Package gems finds what can be called in Ruby, and what Bundler installs for it.
//
//	config.ru, modules, bin/rails ─▶ Candidates
//	Plan of one ── Finish ──▶ Gemfile, Ruby's version, what Rails expects
package gems
