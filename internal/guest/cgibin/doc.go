// SPDX-License-Identifier: Apache-2.0

// Package cgibin serves a folder of CGI programs from inside a box, as web servers have
// done since 1993.
//
//	/cgi-bin/guestbook.pl/page/2 ─▶ cgi-bin/guestbook.pl with PATH_INFO=/page/2, a process a request
//	/index.html                  ─▶ the file, when there is a folder of pages beside
//
// The programs get what RFC 3875 says from the standard library's net/http/cgi. A single
// CGI program needs none of this: it is a function of the stdio contract.
//
// Guarantees. Only executable files below the folder are started, never what a link or
// dots lead to outside.
package cgibin
