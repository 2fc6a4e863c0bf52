// SPDX-License-Identifier: Apache-2.0

// Package purges is the part of the management API that forgets answers which the gateway
// keeps, and tells what there is of them.
//
//	POST …/cache/purge {"url": "/x"} ─▶ check ─▶ Purge ─▶ {"purged": 3}
//	GET  …/cache                     ─▶ Stats
//
// When a purge is answered nothing of what it names is served any more, and what is on its
// way is not kept. It is for the node that is asked.
package purges
