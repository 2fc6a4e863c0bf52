// SPDX-License-Identifier: Apache-2.0

// Package ruby holds the Ruby guest: the files that a Ruby interpreter (2.7 or later)
// runs inside a sandbox so that it speaks frames (docs/formats/frames.md).
//
//	Files() ─▶ dir/guest.rb, dir/dayfly/*.rb               once, on the host
//
//	ruby Flags… dir/guest.rb             fd 3 = the socket to the host, or to the relay
//	  hello ─▶ specialise ─▶ gems ─▶ load the file ─▶ ready ─▶ request … end
//	                          │
//	     lambda      handler(event:, context:), behind the relay
//	     rack        config.ru, or an application that a module defines
//	     framework, cloudevent   functions_framework, the gem installed or not
//	     openwhisk   main(params), behind the relay
//	     openfaas    Handler#run(req), or Handler#run(body, headers)
//
// It does not start interpreters nor speak the host's side of the protocol: that is
// the sandbox's and the guest package's job.
//
// Guarantees: bodies stream both ways within the protocol's window, but for dialects of
// whole events; with a concurrency of 1 everything of a call happens on the main thread;
// above it, on at most that many threads. A handler's exception never ends the process,
// but where Lambda's runtime says so; exit does. What a handler prints is sent line by
// line before its answer ends. Descriptors 1 and 2 stay real.
package ruby
