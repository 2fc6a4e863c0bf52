// SPDX-License-Identifier: Apache-2.0
'use strict';

// The node-http dialect: (req, res) functions and exported applications, behind a
// real HTTP server on 127.0.0.1, so that streams and WebSockets are Node's own.
//
// A module that calls listen itself while it loads is led to our port: its server is
// used as it is.

const http = require('http');
const net = require('net');
const prim = require('./prim.cjs');
const logs = require('./logs.cjs');
const failure = require('./failure.cjs');

const HOST = '127.0.0.1'; // reached from the host only, through the sandbox's network
const BACKLOG = 1024; // more than the concurrency of any function
const HEADERS_MAX = 64 << 10; // the gateway's own limit is stricter

const listen = net.Server.prototype.listen;
const ID_MAX = 255; // what one byte of a call log can tell
const INVOCATION = 'x-dayfly-invocation';

// inFlight maps a call to its response, so that a crash can be told.
const inFlight = new Map();

// ServedCall is one request as logs see it.
class ServedCall {
  constructor(id) {
    this.stream = 0;
    this.id = id;
    this.named = id !== undefined && id.length <= ID_MAX;
    this.partial = ['', '', ''];
    this.over = false;
  }
}

/** Catches the first HTTP server that listens, and gives it our port. */
class Catcher {
  constructor(port) {
    this.server = null;
    this.port = port;
    this.caught = null; // called with the server
    const self = this;
    net.Server.prototype.listen = function (...args) {
      if (self.server !== null || !(this instanceof http.Server)) return listen.apply(this, args);
      self.server = this;
      const done = args.length > 0 ? args[args.length - 1] : undefined;
      if (typeof done === 'function') this.once('listening', done);
      prepare(this);
      this.once('listening', () => { if (self.caught) self.caught(this); });
      return listen.call(this, { host: HOST, port: self.port, backlog: BACKLOG });
    };
  }

  /** Leaves later listen calls alone. */
  release() { net.Server.prototype.listen = listen; }

  /** Waits until a server listens; the guest ends when nothing is left that could. */
  wait() {
    if (this.server !== null && this.server.listening) return Promise.resolve(this.server);
    return new Promise((resolve, reject) => {
      if (this.server !== null) this.server.once('error', reject);
      this.caught = resolve;
    });
  }
}

// prepare sets what a server behind our gateway needs, and marks each request's call.
function prepare(server) {
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  server.timeout = 0;
  server.keepAliveTimeout = 0;
  server.maxRequestsPerSocket = 0;
  const emit = server.emit;
  server.emit = function (event, req, res, ...rest) {
    if (event !== 'request' && event !== 'upgrade' && event !== 'checkContinue') {
      return emit.call(this, event, req, res, ...rest);
    }
    const call = new ServedCall(req.headers[INVOCATION]);
    if (event !== 'upgrade') inFlight.set(call, res);
    res.once('close', () => finish(call));
    return logs.within(call, () => emit.call(this, event, req, res, ...rest));
  };
}

function finish(call) {
  inFlight.delete(call);
  logs.close(call);
  call.over = true;
}

/** A listener around a bare function: what it throws becomes a 500 that says so. */
function guarded(fn, headers) {
  return (req, res) => {
    const fail = (e) => {
      const d = failure.describe(e);
      logs.print(logs.STDERR, failure.logText(d) + '\n');
      refuse(res, d, headers);
    };
    try {
      const result = fn(req, res);
      if (result && typeof result.then === 'function') result.then(undefined, fail);
    } catch (e) {
      fail(e);
    }
  };
}

/** Answers 500 with the failure, or cuts an answer that has begun. */
function refuse(res, d, headers) {
  if (res.writableEnded) return;
  if (res.headersSent) {
    res.destroy();
    return;
  }
  for (const name of res.getHeaderNames()) res.removeHeader(name);
  res.statusCode = 500;
  for (const [name, value] of headers || []) res.setHeader(name, value);
  res.setHeader('content-type', 'text/plain; charset=utf-8');
  res.setHeader('x-dayfly-failure', failure.headerOf('exception', d));
  res.end('Internal Server Error');
}

/** Tells the callers of running requests that the process crashed. */
function crash(thrown) {
  const d = failure.describe(thrown);
  const call = logs.current();
  const running = inFlight.has(call) ? [inFlight.get(call)] : [...inFlight.values()];
  for (const res of running) refuse(res, d);
  return d;
}

/** The listener of an exported application. */
async function listenerOf(app) {
  const native = await framework(app);
  if (!(native instanceof net.Server)) return native;
  return (req, res) => native.emit('request', req, res);
}

/** What becoming a dialect that listens gives. */
function serving(dialect, server) {
  return {
    dialect, ready: { serve: 'http', port: server.address().port, dialect },
    request: unexpected, crash,
  };
}

// unexpected answers a host that sends frames to a guest that serves HTTP.
function unexpected() {
  prim.exit(1);
}

/** Makes of an exported application a listening server; null when it is none. */
async function serverOf(value, port) {
  const app = await value;
  if (app === null || app === undefined) return null;
  if (app instanceof net.Server) return start(app, port);
  const native = await framework(app);
  if (native instanceof net.Server) return start(native, port);
  if (typeof native !== 'function') return null;
  // Applications answer their own errors; a bare function needs us for that.
  const listener = isApp(app) ? native : guarded(native);
  return start(http.createServer({ maxHeaderSize: HEADERS_MAX }, listener), port);
}

function isApp(v) {
  if (v instanceof net.Server) return true;
  if (v === null || (typeof v !== 'function' && typeof v !== 'object')) return false;
  return (typeof v.handle === 'function' && typeof v.use === 'function') || // express, connect
    (typeof v.callback === 'function' && typeof v.use === 'function') || // koa
    (v.server instanceof net.Server && typeof v.ready === 'function') || // fastify
    (v.listener instanceof net.Server && typeof v.initialize === 'function') || // hapi
    (typeof v.getHttpServer === 'function' && typeof v.init === 'function') || // nest
    (v.server instanceof net.Server && typeof v.listen === 'function'); // restify
}

// framework gives the listener or the server of an application.
async function framework(app) {
  if (typeof app.getHttpServer === 'function' && typeof app.init === 'function') {
    await app.init();
    return app.getHttpServer();
  }
  if (app.server instanceof net.Server && typeof app.ready === 'function') {
    await app.ready();
    return app.server;
  }
  if (app.listener instanceof net.Server && typeof app.initialize === 'function') {
    await app.initialize();
    return app.listener;
  }
  if (typeof app.callback === 'function' && typeof app !== 'function') return app.callback();
  if (typeof app === 'function') return app;
  if (app.server instanceof net.Server) return app.server;
  if (typeof app.handle === 'function') return (req, res) => app.handle(req, res);
  return null;
}

/** Lets a server listen on the port; gives it once it does. */
function start(server, port) {
  if (server.listening) return server;
  prepare(server);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.removeListener('error', reject);
      resolve(server);
    });
    listen.call(server, { host: HOST, port, backlog: BACKLOG });
  });
}

module.exports = {
  Catcher, serverOf, listenerOf, serving, start, guarded, refuse, isApp, crash, HEADERS_MAX,
};
