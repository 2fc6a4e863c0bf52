// SPDX-License-Identifier: Apache-2.0

// Package fastcgi is a web server for programs that speak FastCGI, inside a box: what
// nginx and php-fpm are together elsewhere.
//
//	                  ┌─ a file of the document root ──▶ package static
//	HTTP on $PORT ────┤
//	                  └─ anything else ─▶ records ─▶ socket ─▶ php-cgi, php-fpm or a program
//	                       BEGIN_REQUEST PARAMS STDIN            its workers, kept running
//	                       STDOUT STDERR END_REQUEST ◀─────────
//
// For PHP a path is a script below the root, with what follows as PATH_INFO; a folder's
// index.php; or else the root's index.php, as front controllers want it. Another program
// gets every path that is no file. It is a program of the http contract: the platform
// treats it as any other, and the command that starts it can be overridden.
//
// The client's side of FastCGI is ours: it is a page of code, and those of others belong
// to larger servers or are not looked after.
//
// Guarantees. Nothing below the root that begins with a dot is served, nor what describes
// the source. A client's header becomes nothing but a variable with HTTP_ before its name,
// and never HTTP_PROXY. Calls at once are bounded by the workers; more wait. A worker that
// ends is started again; a program that cannot stay up ends the server.
package fastcgi
