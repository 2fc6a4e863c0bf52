// SPDX-License-Identifier: Apache-2.0
'use strict';

// The globals that Workers have beside the web's standards.

const { agent, absent } = require('./standin.cjs');

// NO_CACHE holds nothing, as the cache of a worker without a zone does: what is put is
// not found again, and the origin is asked.
const NO_CACHE = {
  match: async () => undefined, put: async () => {}, delete: async () => false,
};

const MISSING = {
  HTMLRewriter: 'rewrite the text, or use a parser from npm',
  WebSocketPair: 'a server of its own with the package ws takes WebSockets',
};

function install() {
  agent('Cloudflare-Workers');
  globalThis.caches = { default: NO_CACHE, open: async () => NO_CACHE };
  globalThis.scheduler = { wait: (ms) => new Promise((resolve) => { setTimeout(resolve, ms); }) };
  for (const name of Object.keys(MISSING)) {
    globalThis[name] = class {
      constructor() { throw absent(name, MISSING[name]); }
    };
  }
  // Where the caller is, is not known: reading a member of it must not fail.
  Object.defineProperty(Request.prototype, 'cf', { configurable: true, get: () => ({}) });
}

module.exports = { install };
