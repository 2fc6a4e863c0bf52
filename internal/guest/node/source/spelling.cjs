// SPDX-License-Identifier: Apache-2.0
'use strict';

// The ways to spell a web-standard handler, each led to handler(request, env, ctx).

const prim = require('./prim.cjs');

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'];

/** Exports by method: GET, POST and the like; null when there are none. */
function byMethod(exports) {
  const type = typeof exports;
  if (exports === null || (type !== 'object' && type !== 'function')) return null;
  const table = {};
  let any = false;
  for (const method of METHODS) {
    if (typeof exports[method] !== 'function') continue;
    table[method] = exports[method];
    any = true;
  }
  if (!any) return null;
  const allow = METHODS.filter((m) => table[m] || (m === 'HEAD' && table.GET) || m === 'OPTIONS');
  return (req, env, ctx) => {
    const fn = table[req.method] || (req.method === 'HEAD' ? table.GET : undefined);
    if (fn !== undefined) return fn(req, env, ctx);
    const status = req.method === 'OPTIONS' ? 204 : 405;
    return new Response(null, { status, headers: { allow: allow.join(', ') } });
  };
}

/** The handler among what a module exports, whatever its spelling; null if none. */
function find(value, exports, listeners) {
  if (value !== null && value !== undefined) {
    if (isEntrypoint(value)) {
      return (req, vars, ctx) => new value(ctx, vars).fetch(req, vars, ctx);
    }
    if (typeof value.fetch === 'function') {
      return (req, vars, ctx) => value.fetch(req, vars, ctx);
    }
  }
  const table = byMethod(exports) || byMethod(value);
  if (table !== null) return table;
  if (typeof value === 'function') return value;
  if (exports && typeof exports.fetch === 'function') return exports.fetch;
  if (listeners.length > 0) return byEvent(listeners);
  return null;
}

function isEntrypoint(v) {
  return typeof v === 'function' && /^class\b/.test(Function.prototype.toString.call(v)) &&
    v.prototype !== undefined && typeof v.prototype.fetch === 'function';
}

/** Whether a default export has handlers of events, as a worker may. */
function isWorker(value) {
  if (value === null || value === undefined) return false;
  const of = typeof value === 'function' ? value.prototype : value;
  return of !== undefined && (typeof of.scheduled === 'function' || typeof of.queue === 'function');
}

// byEvent calls the listeners of addEventListener('fetch', …) until one responds.
function byEvent(listeners) {
  return (req, env, ctx) => {
    let answer;
    const event = {
      type: 'fetch', request: req,
      respondWith(promise) { if (answer === undefined) answer = prim.resolve(promise); },
      waitUntil(promise) { ctx.waitUntil(promise); },
      passThroughOnException() {},
    };
    for (const listener of listeners) {
      if (typeof listener === 'function') listener(event);
      else listener.handleEvent(event);
      if (answer !== undefined) return answer;
    }
    throw new prim.Error('no listener called event.respondWith');
  };
}

/** Defines addEventListener('fetch', …) for the time of loading; gives the listeners. */
function listen() {
  const listeners = [];
  if (globalThis.addEventListener === undefined) {
    globalThis.addEventListener = (type, listener) => {
      if (type === 'fetch') listeners.push(listener);
    };
    globalThis.removeEventListener = (type, listener) => {
      const at = listeners.indexOf(listener);
      if (type === 'fetch' && at >= 0) listeners.splice(at, 1);
    };
  }
  return listeners;
}

module.exports = { find, byMethod, isEntrypoint, isWorker, listen };
