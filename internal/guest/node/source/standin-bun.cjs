// SPDX-License-Identifier: Apache-2.0
'use strict';

// The Bun global: what simple servers of Bun use.

const { closed } = require('./standin.cjs');
const { pattern } = require('./routes.cjs');

// router makes a handler of Bun.serve's options.
function router(options, server) {
  const routes = Object.entries(options.routes || {}).map(([path, value]) => [pattern(path), value]);
  return (req) => {
    const { pathname } = new URL(req.url);
    for (const [match, value] of routes) {
      const params = match(pathname);
      const one = params === null ? undefined : handlerOf(value, req.method);
      if (one === undefined) continue;
      if (typeof one !== 'function') return one.clone();
      req.params = params;
      return one(req, server);
    }
    if (options.fetch) return options.fetch.call(server, req, server);
    return new Response('Not Found', { status: 404 });
  };
}

function handlerOf(value, method) {
  if (typeof value === 'function' || value instanceof Response) return value;
  return value[method];
}

function serve(hooks) {
  return (options) => {
    const server = closed('server', {
      port: options.port || 3000, hostname: '0.0.0.0', development: false, pendingRequests: 0,
      url: new URL('http://localhost:' + (options.port || 3000)),
      stop() {}, ref() {}, unref() {}, timeout() {},
      reload(next) { hooks.served = guarded(next, server); },
      requestIP: (req) => ({ address: req.headers.get('x-forwarded-for'), port: 0, family: 'IPv4' }),
    }, "a server of Node's own package ws upgrades connections");
    hooks.served = guarded(options, server);
    return server;
  };
}

function guarded(options, server) {
  const handler = router(options, server);
  if (options.error === undefined) return handler;
  return async (req) => {
    try {
      return await handler(req);
    } catch (e) {
      return options.error(e);
    }
  };
}

function install(hooks) {
  globalThis.Bun = closed('Bun', {
    serve: serve(hooks), env: process.env, version: '1.1.0', main: '', argv: process.argv,
    sleep: (ms) => new Promise((resolve) => { setTimeout(resolve, ms); }),
    nanoseconds: () => Number(process.hrtime.bigint()),
  }, 'use what Node has');
}

module.exports = { install };
