// SPDX-License-Identifier: Apache-2.0
'use strict';

// Netlify's functions: the files of netlify/functions. The newer ones take a Request
// and a Context and may name their own paths; the older ones are Lambda handlers with an
// event much like payload 1.0. All answer at /.netlify/functions/NAME.

const fs = require('fs');
const fetch = require('./fetch.cjs');
const files = require('./files.cjs');
const routes = require('./routes.cjs');
const load = require('./load.cjs');
const failure = require('./failure.cjs');

const PREFIX = '/.netlify/functions/';
const NAMES_PATHS = /\bconfig\b[\s\S]{0,200}?\bpath\s*:/;
const REDIRECTS_MAX = 8;

let task = '';

async function become(spec, hooks, config) {
  task = spec.task;
  const dir = spec.entry.replace(/\/$/, '');
  const table = functionsOf(files.list(task, dir, config.built));
  for (const one of table) {
    if (NAMES_PATHS.test(fs.readFileSync(one.file, 'utf8'))) await paths(one);
  }
  const redirects = ((config.netlify || {}).redirects || []).map((rule) => ({
    ...rule, match: routes.pattern(rule.from),
  }));
  globalThis.Netlify = {
    env: {
      get: (name) => process.env[name], has: (name) => process.env[name] !== undefined,
      set: (name, value) => { process.env[name] = value; },
      delete: (name) => { delete process.env[name]; }, toObject: () => ({ ...process.env }),
    },
  };
  fetch.start(spec, (req, env, ctx) => handle({ table, redirects, spec }, req, ctx), spec.env || {});
  return {
    dialect: 'netlify', ready: { serve: 'frames', dialect: 'netlify' },
    request: fetch.request, crash: failure.describe,
  };
}

// functionsOf names them: NAME.js, NAME/index.js or NAME/NAME.js.
function functionsOf(list) {
  const table = [];
  for (const one of list) {
    const parts = one.path.split('/');
    const isWhole = parts.length === 1 ||
      (parts.length === 2 && (parts[1] === 'index' || parts[1] === parts[0]));
    if (isWhole) table.push({ ...one, name: parts[0], own: [] });
  }
  return table;
}

// paths makes the matchers of a function that names paths itself.
async function paths(one) {
  const { config } = await files.moduleOf(task, one);
  const list = config && config.path !== undefined ? [].concat(config.path) : [];
  one.own = list.map((path) => routes.pattern(path));
  one.methods = config && config.method !== undefined ? [].concat(config.method) : [];
  one.excluded = (config && config.excludedPath ? [].concat(config.excludedPath) : [])
    .map((path) => routes.pattern(path));
}

async function handle(site, req, ctx) {
  const url = new URL(req.url);
  const found = routed(site, url, req.method);
  if (found === null) {
    const names = site.table.map((one) => PREFIX + one.name).join(', ');
    return new Response(`Not Found\nfunctions: ${names}\n`, { status: 404 });
  }
  if (found instanceof Response) return found;
  const { one, params } = found;
  const exports = await files.moduleOf(task, one);
  const handler = load.follow(exports, 'handler');
  const value = load.itself(exports);
  const isOld = typeof handler === 'function';
  if (!isOld && typeof value !== 'function') {
    throw failure.named('Runtime.HandlerNotFound',
      `${one.name} exports neither a default function nor a handler`);
  }
  const run = isOld ? () => old(handler, one, req, url, site.spec)
    : () => modern(value, { req, url, params, ctx });
  if (!one.name.endsWith('-background') && !(exports.config || {}).background) return run();
  const copy = await whole(req);
  fetch.outlive(ctx, site.spec.timeout_ms, isOld ? old(handler, one, copy, url, site.spec)
    : modern(value, { req: copy, url, params, ctx }));
  return new Response(null, { status: 202 });
}

// whole gives a request that does not need its connection any more.
async function whole(req) {
  const hasBody = req.method !== 'GET' && req.method !== 'HEAD';
  return new Request(req.url, {
    method: req.method, headers: req.headers, body: hasBody ? await req.arrayBuffer() : undefined,
  });
}

// routed finds the function of a path: {one, params}, a Response, or null.
function routed(site, url, method) {
  let { pathname } = url;
  for (let turn = 0; turn < REDIRECTS_MAX; turn++) {
    const found = direct(site.table, pathname, method);
    if (found !== null) return found;
    const rule = site.redirects.find((r) => r.match(pathname) !== null);
    if (rule === undefined) return null;
    const params = rule.match(pathname);
    const to = rule.to.replace(/:(\w+)/g, (all, name) => (params[name] === undefined ? all : params[name]));
    const status = rule.status || 301;
    if (status >= 300 && status < 400) return Response.redirect(new URL(to, url), status);
    pathname = new URL(to, url).pathname;
  }
  return null;
}

function direct(table, pathname, method) {
  if (pathname.startsWith(PREFIX)) {
    const name = pathname.slice(PREFIX.length).split('/')[0];
    const one = table.find((each) => each.name === name);
    return one === undefined ? null : { one, params: {} };
  }
  for (const one of table) {
    if (one.excluded && one.excluded.some((match) => match(pathname) !== null)) continue;
    for (const match of one.own) {
      const params = match(pathname);
      if (params === null) continue;
      if (one.methods.length > 0 && !one.methods.includes(method)) continue;
      return { one, params };
    }
  }
  return null;
}

async function modern(value, { req, url, params, ctx }) {
  const set = [];
  const context = contextOf({ req, url, params, ctx, set });
  let response = await value(req, context);
  if (response === undefined || response === null) response = new Response(null, { status: 204 });
  if (set.length === 0) return response;
  const headers = new Headers(response.headers);
  for (const cookie of set) headers.append('set-cookie', cookie);
  return new Response(response.body, { status: response.status, headers });
}

function contextOf({ req, url, params, ctx, set }) {
  const given = Object.fromEntries((req.headers.get('cookie') || '').split(/;\s*/)
    .filter((part) => part.includes('=')).map((part) => {
      const eq = part.indexOf('=');
      return [part.slice(0, eq), part.slice(eq + 1)];
    }));
  const text = ({ name, value, ...o }) => [`${name}=${value}`,
    ...Object.entries(o).map(([key, v]) => (v === true ? key : `${key}=${v}`))].join('; ');
  return {
    params, url, requestId: req.headers.get('x-request-id') || '',
    ip: (req.headers.get('x-forwarded-for') || '').split(',')[0].trim(),
    geo: {}, account: { id: '' }, site: {}, server: { region: '' },
    deploy: { context: 'production', id: '', published: true },
    cookies: {
      get: (name) => given[name],
      set: (first, value) => {
        set.push(typeof first === 'object' ? text(first) : text({ name: first, value, path: '/' }));
      },
      delete: (first) => {
        const name = typeof first === 'object' ? first.name : first;
        set.push(`${name}=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT`);
      },
    },
    json: (data, init) => Response.json(data, init),
    log: (...args) => console.log(...args),
    waitUntil: (promise) => ctx.waitUntil(promise),
    next: async () => new Response('Not Found', { status: 404 }),
  };
}

// old calls a Lambda handler with Netlify's event.
async function old(handler, one, req, url, spec) {
  const event = await eventOf(req, url);
  const deadline = Date.now() + spec.timeout_ms;
  const context = {
    functionName: one.name, functionVersion: String(spec.number), awsRequestId: req.headers.get('x-request-id') || '',
    invokedFunctionArn: '', memoryLimitInMB: String(spec.memory_bytes >> 20), clientContext: {},
    callbackWaitsForEmptyEventLoop: true, getRemainingTimeInMillis: () => deadline - Date.now(),
  };
  const result = await new Promise((resolve, reject) => {
    const given = handler(event, context, (err, value) => (err ? reject(err) : resolve(value)));
    if (given && typeof given.then === 'function') given.then(resolve, reject);
    else if (handler.length < 3) resolve(given);
  });
  return answerOf(result);
}

async function eventOf(req, url) {
  const headers = {};
  const multi = {};
  for (const [name, value] of req.headers) {
    headers[name] = value;
    multi[name] = [value];
  }
  const query = {};
  const queries = {};
  for (const name of new Set(url.searchParams.keys())) {
    queries[name] = url.searchParams.getAll(name);
    query[name] = queries[name].join(', ');
  }
  const raw = req.method === 'GET' || req.method === 'HEAD' ? Buffer.alloc(0) : Buffer.from(await req.arrayBuffer());
  const type = (headers['content-type'] || '').toLowerCase();
  const isText = /^text\/|json|xml|javascript|x-www-form-urlencoded/.test(type) || type === '';
  return {
    path: url.pathname, httpMethod: req.method, headers, multiValueHeaders: multi,
    queryStringParameters: query, multiValueQueryStringParameters: queries,
    body: raw.length === 0 ? null : raw.toString(isText ? 'utf8' : 'base64'),
    isBase64Encoded: raw.length > 0 && !isText, rawUrl: url.href, rawQuery: url.search.slice(1),
    route: null,
  };
}

function answerOf(result) {
  if (result instanceof Response) return result;
  if (result === null || typeof result !== 'object' || !(result.statusCode >= 200)) {
    throw failure.named('Runtime.MalformedResponse', 'the handler must return an object with a ' +
      `statusCode, such as {statusCode: 200, body: 'hello'}; it returned ${typeof result}`);
  }
  const headers = new Headers();
  for (const [name, value] of Object.entries(result.headers || {})) headers.set(name, String(value));
  for (const [name, values] of Object.entries(result.multiValueHeaders || {})) {
    headers.delete(name);
    for (const value of values) headers.append(name, String(value));
  }
  let { body } = result;
  if (body !== undefined && body !== null && typeof body !== 'string') body = JSON.stringify(body);
  if (typeof body === 'string' && result.isBase64Encoded) body = Buffer.from(body, 'base64');
  if ([204, 205, 304].includes(result.statusCode)) body = null;
  return new Response(body === undefined ? null : body, { status: result.statusCode, headers });
}

module.exports = { become };
