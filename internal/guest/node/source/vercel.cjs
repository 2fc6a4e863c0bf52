// SPDX-License-Identifier: Apache-2.0
'use strict';

// Vercel's functions: the files of api/, each a (req, res) function with helpers, a set
// of exports by method, or a fetch handler. vercel.json's headers, redirects and
// rewrites come before and after, as there.

const http = require('http');
const { AsyncLocalStorage } = require('async_hooks');
const serve = require('./serve.cjs');
const files = require('./files.cjs');
const routes = require('./routes.cjs');
const load = require('./load.cjs');
const spelling = require('./spelling.cjs');
const express = require('./express.cjs');
const web = require('./web.cjs');
const logs = require('./logs.cjs');
const failure = require('./failure.cjs');

const BODY_MAX = 100 << 20; // the gateway's own limit is stricter by default
const REWRITES_MAX = 8; // one after the other
const CONTEXT = Symbol.for('@vercel/request-context');

const current = new AsyncLocalStorage();
let task = '';

async function become(spec, hooks, config) {
  task = spec.task;
  const dir = spec.entry.replace(/\/$/, '');
  const table = files.list(task, dir, config.built)
    .map((one) => ({ ...one, path: dir + '/' + one.path }));
  for (const one of table) {
    one.match = routes.fileRoute(one.path.replace(/(^|\/)index$/, ''));
  }
  table.sort(routes.byRank);
  const rules = rulesOf(files.json(task, 'vercel.json'));
  globalThis[CONTEXT] = { get: () => current.getStore() };
  const listener = (req, res) => {
    handle(table, rules, req, res).catch((e) => crash(res, e));
  };
  const server = await serve.start(
    http.createServer({ maxHeaderSize: serve.HEADERS_MAX }, listener), spec.port);
  return serve.serving('vercel', server);
}

function crash(res, e) {
  const d = failure.describe(e);
  logs.print(logs.STDERR, failure.logText(d) + '\n');
  serve.refuse(res, d);
}

// rulesOf reads vercel.json: sources are patterns, or regular expressions in ().
function rulesOf(file) {
  const compiled = (list) => (Array.isArray(list) ? list : []).map((rule) => ({
    ...rule, match: sourceOf(rule.source),
  }));
  return {
    headers: compiled(file.headers), redirects: compiled(file.redirects),
    rewrites: compiled(Array.isArray(file.rewrites) ? file.rewrites : undefined),
  };
}

function sourceOf(source) {
  if (!/\((?!\?)/.test(source)) return routes.pattern(source);
  const names = [];
  const text = source.replace(/:(\w+)(\([^)]*\))?([*+?]?)/g, (all, name, group, suffix) => {
    names.push(name);
    if (group) return group;
    return suffix ? '(.*)' : '([^/]+)';
  });
  const expression = new RegExp('^' + text + '/?$');
  return (path) => {
    const hit = expression.exec(path);
    if (hit === null) return null;
    const params = {};
    hit.slice(1).forEach((value, i) => { params[names[i] || String(i + 1)] = value || ''; });
    return params;
  };
}

async function handle(table, rules, req, res) {
  const url = new URL(req.url, 'http://localhost');
  for (const rule of rules.headers) {
    if (rule.match(url.pathname) === null) continue;
    for (const { key, value } of rule.headers || []) res.setHeader(key, value);
  }
  for (const rule of rules.redirects) {
    const params = rule.match(url.pathname);
    if (params === null) continue;
    const status = rule.statusCode || (rule.permanent ? 308 : 307);
    res.writeHead(status, { location: filled(rule.destination, params).target + url.search });
    res.end();
    return;
  }
  const found = routed(table, rules, url);
  if (found === null) {
    res.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' });
    res.end('The page could not be found\n\nNOT_FOUND\n');
    return;
  }
  const context = { waitUntil, url: req.url, headers: req.headers };
  await current.run(context, () => invoke(found, req, res));
}

// routed finds the function: by its path, or by what the path is rewritten to.
function routed(table, rules, url) {
  let { pathname } = url;
  const query = new URLSearchParams(url.search);
  for (let turn = 0; turn < REWRITES_MAX; turn++) {
    for (const one of table) {
      const params = one.match(pathname);
      if (params !== null) return { one, params, query };
    }
    const next = rewritten(rules.rewrites, pathname, query);
    if (next === null) return null;
    pathname = next;
  }
  return null;
}

function rewritten(rules, pathname, query) {
  for (const rule of rules) {
    const params = rule.match(pathname);
    if (params === null) continue;
    const { target, used } = filled(rule.destination, params);
    const to = new URL(target, 'http://localhost');
    for (const [name, value] of to.searchParams) query.append(name, value);
    for (const name of Object.keys(params)) {
      if (!used.has(name) && !/^\d+$/.test(name)) query.append(name, params[name]);
    }
    if (to.pathname !== pathname) return to.pathname;
  }
  return null;
}

// filled puts parameters into a destination: :name, :name*, $1.
function filled(destination, params) {
  const used = new Set();
  const target = destination.replace(/:(\w+)[*+?]?|\$(\d+)/g, (all, name, number) => {
    const key = name || number;
    if (params[key] === undefined) return all;
    used.add(key);
    return encodeURI(params[key]);
  });
  return { target, used };
}

function waitUntil(promise) {
  Promise.resolve(promise).catch((e) => {
    logs.print(logs.STDERR, 'waitUntil: ' + failure.logText(failure.describe(e)) + '\n');
  });
}

async function invoke({ one, params, query }, req, res) {
  const exports = await files.moduleOf(task, one);
  const value = await load.itself(exports);
  const config = exports.config || {};
  const isEdge = /edge/.test(String(config.runtime || exports.runtime || ''));
  const byMethod = spelling.byMethod(exports);
  const fetch = byMethod || (value && typeof value.fetch === 'function' && !serve.isApp(value)
    ? (request) => value.fetch(request) : null);
  if (fetch !== null || (isEdge && typeof value === 'function')) {
    const context = { waitUntil, params };
    await web.send(res, await (fetch || value)(web.requestOf(req), context), req.method);
    return;
  }
  if (serve.isApp(value)) {
    (await serve.listenerOf(value))(req, res);
    return;
  }
  if (typeof value !== 'function') {
    throw failure.named('Runtime.HandlerNotFound', `${one.path} exports no function: ` +
      'export default (req, res) => …, functions named GET, POST …, or { fetch }');
  }
  const parses = !(config.api && config.api.bodyParser === false) && config.bodyParser !== false;
  await helpers(req, res, { params, query, parses });
  const result = await value(req, res);
  if (result instanceof Response) await web.send(res, result, req.method);
}

// helpers adds what Vercel adds to Node's req and res.
async function helpers(req, res, { params, query, parses }) {
  const raw = parses ? await web.readBody(req, BODY_MAX) : null;
  express.enhance(req, res);
  const all = { ...Object.fromEntries(many(query)), ...params };
  Object.assign(req, { query: all, cookies: cookiesOf(req.headers.cookie) });
  if (raw !== null) {
    web.replay(req, raw);
    Object.defineProperty(req, 'body', {
      configurable: true, enumerable: true,
      get: () => bodyOf(req, raw),
      set(value) { Object.defineProperty(req, 'body', { value, writable: true, configurable: true }); },
    });
  }
  res.redirect = (status, to) => {
    const [code, location] = typeof status === 'number' ? [status, to] : [307, status];
    res.writeHead(code, { location });
    res.end();
    return res;
  };
}

function many(query) {
  return [...new Set(query.keys())].map((name) => {
    const values = query.getAll(name);
    return [name, values.length === 1 ? values[0] : values];
  });
}

function bodyOf(req, raw) {
  if (raw.length === 0 && !req.headers['content-type']) return undefined;
  try {
    return express.parseBody((req.headers['content-type'] || '').split(';')[0].trim().toLowerCase(), raw);
  } catch (e) {
    const bad = new Error('Invalid JSON', { cause: e });
    bad.statusCode = 400;
    throw bad;
  }
}

function cookiesOf(header) {
  const out = {};
  for (const part of (header || '').split(/;\s*/)) {
    const eq = part.indexOf('=');
    if (eq <= 0) continue;
    const value = part.slice(eq + 1).replace(/^"(.*)"$/, '$1');
    try {
      out[part.slice(0, eq).trim()] = decodeURIComponent(value);
    } catch {
      out[part.slice(0, eq).trim()] = value;
    }
  }
  return out;
}

/** The headers of a Request, or of what has headers. */
function headersOf(input) {
  return input instanceof Headers ? input : input.headers;
}

module.exports = { become, waitUntil, headersOf };
