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
//	     lambda      handler(event, context), payloads 2.0, 1.0 and of load balancers;
//	                 async def as well; a generator, or one as the body, streams: both
//	                 are extensions of ours
//	     wsgi        app(environ, start_response)
//	     asgi        await app(scope, receive, send): HTTP, WebSockets, lifespan; ASGI 2
//	     framework, cloudevent, event, typed    functions for functions-framework, the
//	                 package installed or not
//	     openfaas    handle(req), handle(event, context)
//	     openwhisk   main(args), an archive's __main__.py
//	     azure       HTTP functions of both programming models, the package or not
//	     vercel      the files of api/
//
// Dialects but lambda, wsgi and framework are loaded when a function speaks them, so
// that no other cold start pays for them; stems that get Loop have asyncio loaded.
//
// It does not start interpreters nor speak the host's side of the protocol: that is
// the sandbox's and the guest package's job.
//
// Guarantees: bodies stream both ways within the protocol's window under wsgi, asgi and
// framework; the other contracts are of whole bodies; with a concurrency of 1 everything of a
// call happens on the main thread; above it, on at most that many threads (tasks, for
// ASGI). A handler's exception never ends the process; sys.exit does. What a handler
// prints is sent line by line before its answer ends. Descriptors 1 and 2 stay real.
package python
