// SPDX-License-Identifier: Apache-2.0
'use strict';

// Warms a stem: what handlers commonly use is loaded, and the paths of a first call
// have run, before any revision is known.

const PRELOADED = [
  'assert', 'child_process', 'crypto', 'dns', 'events', 'fs/promises', 'http', 'https', 'os',
  'path', 'querystring', 'stream/promises', 'timers/promises', 'tls', 'tty', 'url', 'util',
  'worker_threads', 'zlib',
];

/** Warms everything. */
function up() {
  for (const name of PRELOADED) require(name);
}

module.exports = { up };
