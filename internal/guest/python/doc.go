// SPDX-License-Identifier: Apache-2.0

// Package python holds the Python guest: the files that a CPython interpreter (3.8 or
// later) runs inside a sandbox so that it speaks frames (docs/formats/frames.md).
//
//	Files() ─▶ dir/guest.py, dir/dayfly_guest/*.py           once, on the host
//	Compile(python, dir) ─▶ dir/dayfly_guest/__pycache__     once per interpreter
//
//	python3 -I -S -B dir/guest.py        fd 3 = the socket to the host
//	  hello ─▶ specialise ─▶ load the module ─▶ ready ─▶ request … end
//	                             │
//	     lambda   handler(event, context); async def as well; a generator, or one as
//	              the body, streams: both are extensions of ours
//	     wsgi     app(environ, start_response)
//	     asgi     await app(scope, receive, send), lifespan; ASGI 2 as well
//	     framework  functions-framework HTTP functions, package installed or not
//
// It does not start interpreters nor speak the host's side of the protocol: that is
// the sandbox's and the guest package's job.
//
// Guarantees: bodies stream both ways within the protocol's window, but for Lambda
// handlers, whose contract is whole events; with a concurrency of 1 everything of a
// call happens on the main thread; above it, on at most that many threads (tasks, for
// ASGI). A handler's exception never ends the process; sys.exit does. What a handler
// prints is sent line by line before its answer ends. Descriptors 1 and 2 stay real.
package python
