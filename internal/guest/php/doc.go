// SPDX-License-Identifier: Apache-2.0

// Package php holds the PHP guest: the files that PHP's command line (8.0 or later) runs
// inside a sandbox so that it speaks frames (docs/formats/frames.md).
//
//	Files() ─▶ dir/guest.php, dir/dayfly/*.php             once, on the host
//
//	php Flags… dir/guest.php             fd 3 = the socket to the host, or to the relay
//	  hello ─▶ specialise ─▶ vendor/autoload.php, the file ─▶ ready ─▶ request … end
//	                          │
//	     framework, cloudevent   Google's functions framework, the package there or not;
//	                             PSR-7 of the function's library, or of a stand-in
//	     openfaas                (new App\Handler())->handle($data)
//	     openwhisk               main(array $args), behind the relay
//	     lambda                  the file returns a handler, as for Bref; behind the relay
//
// Web applications, which expect $_GET and a process that forgets, are served by package
// fastcgi instead.
//
// Guarantees: one call at a time. What a handler throws never ends the process; exit does,
// and is told as the failure of its call. What a handler echoes is sent line by line
// before its answer ends, but where the dialect takes it for the answer.
package php
