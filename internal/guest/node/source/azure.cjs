// SPDX-License-Identifier: Apache-2.0
'use strict';

// Azure Functions with HTTP triggers: version 4 of the programming model, where code
// registers them, and version 3, where each folder's function.json does.

const fs = require('fs');
const path = require('path');
const fetch = require('./fetch.cjs');
const files = require('./files.cjs');
const load = require('./load.cjs');
const resolve = require('./resolve.cjs');
const routes = require('./routes.cjs');
const core = require('./azure-core.cjs');
const failure = require('./failure.cjs');
const { Answer, contextOf, requestOf } = require('./azure-v3.cjs');

const NO_BODY = [204, 205, 304];

let spec = null;

async function become(given, hooks, config) {
  spec = given;
  resolve.provide(spec.task, '@azure/functions-core', 'azure-core.cjs');
  resolve.provide(spec.task, '@azure/functions', 'standin-azure.cjs');
  for (const name of (config.azure || {}).modules || []) {
    await load.file(spec.task, path.join(spec.task, name));
  }
  const table = [...registered(), ...folders(config.built || {})];
  if (table.length === 0) {
    throw failure.named('Runtime.HandlerNotFound',
      'no function with an HTTP trigger was found: neither app.http(…) nor a function.json has one');
  }
  const prefix = prefixOf(files.json(spec.task, 'host.json'));
  for (const one of table) one.match = routes.template(prefix + '/' + one.path);
  table.sort(routes.byRank);
  fetch.start(spec, (req, env, ctx) => handle(table, req, ctx), spec.env || {});
  return {
    dialect: 'azure', ready: { serve: 'frames', dialect: 'azure' },
    request: fetch.request, crash: failure.describe,
  };
}

function prefixOf(host) {
  const http = (host.extensions || {}).http || {};
  const prefix = typeof http.routePrefix === 'string' ? http.routePrefix : 'api';
  return prefix === '' ? '' : '/' + prefix.replace(/^\/|\/$/g, '');
}

function routeOf(name, trigger) {
  const path = trigger.route === undefined || trigger.route === null ? name : trigger.route;
  const methods = (trigger.methods || []).map((m) => m.toUpperCase());
  return { name, path: path.replace(/^\//, ''), methods };
}

// registered gives the functions of version 4.
function registered() {
  const table = [];
  for (const { name, trigger, handler } of core.functions.values()) {
    if (trigger === undefined || trigger.type !== 'httpTrigger') {
      console.error(`function ${name} has no HTTP trigger; it is not called`);
      continue;
    }
    table.push({ ...routeOf(name, trigger), call: (req, params) => modern({ name, trigger, handler }, req, params) });
  }
  return table;
}

// folders gives the functions of version 3.
function folders(built) {
  const table = [];
  for (const entry of fs.readdirSync(spec.task, { withFileTypes: true })) {
    const file = path.join(entry.name, 'function.json');
    if (!entry.isDirectory() || entry.name === 'node_modules' || !fs.existsSync(path.join(spec.task, file))) continue;
    const config = files.json(spec.task, file);
    const bindings = config.bindings || [];
    const trigger = bindings.find((b) => b.type === 'httpTrigger');
    if (config.disabled === true) continue;
    if (trigger === undefined) {
      console.error(`function ${entry.name} has no HTTP trigger; it is not called`);
      continue;
    }
    const one = {
      name: entry.name, trigger, bindings, file: scriptOf(entry.name, config, built),
      entry: config.entryPoint,
    };
    table.push({ ...routeOf(entry.name, trigger), call: (req, params) => old(one, req, params) });
  }
  return table;
}

function scriptOf(folder, config, built) {
  const script = path.join(folder, config.scriptFile || 'index.js');
  for (const name of [script, path.join(folder, 'index.js')]) {
    const source = name.replace(/\.[cm]?js$/, '.ts');
    for (const from of [source, path.join(folder, path.basename(source))]) {
      if (built[from] !== undefined) return path.join(spec.task, built[from]);
    }
  }
  return path.join(spec.task, script);
}

async function handle(table, req, ctx) {
  const { pathname } = new URL(req.url);
  let isKnown = false;
  for (const one of table) {
    const params = one.match(pathname);
    if (params === null) continue;
    isKnown = true;
    if (one.methods.length > 0 && !one.methods.includes(req.method)) continue;
    return one.call(req, params, ctx);
  }
  return new Response(null, { status: isKnown ? 405 : 404 });
}

async function modern({ name, trigger, handler }, req, params) {
  const context = new core.InvocationContext({
    invocationId: fetch.idOf(req), functionName: name,
    trigger, metadata: { ...params }, trace: req.headers.get('traceparent') || undefined,
  });
  Object.defineProperties(req, {
    params: { value: params, configurable: true },
    query: { value: new URL(req.url).searchParams, configurable: true },
    user: { value: null, configurable: true },
  });
  const result = await handler(req, context);
  if (result instanceof Response) return result;
  return responseOf(result);
}

// responseOf makes a Response of what a function of version 4 returns.
function responseOf(result) {
  if (result === undefined || result === null) return new Response(null, { status: 204 });
  if (typeof result !== 'object' || ArrayBuffer.isView(result)) {
    throw failure.named('Runtime.MalformedResponse',
      'an HTTP function must return an object such as {status: 200, body: "hello"}');
  }
  if (typeof result.arrayBuffer === 'function' && result.headers instanceof Headers) {
    const headers = new Headers(result.headers); // HttpResponse of the package
    for (const cookie of result.cookies || []) {
      headers.append('set-cookie', core.initOf({ cookies: [cookie] }).headers.get('set-cookie'));
    }
    return new Response(result.body, { status: result.status, headers });
  }
  const { body, headers } = core.initOf(result);
  const status = result.status || 200;
  return new Response(NO_BODY.includes(status) ? null : body, { status, headers });
}

// old calls a function of version 3.
async function old(one, req, params) {
  const exports = await files.moduleOf(spec.task, one);
  const fn = functionOf(exports, one.entry);
  const request = await requestOf(req, params);
  const answer = new Answer();
  const context = contextOf({ one, request, params, answer, id: fetch.idOf(req) });
  const value = await answer.wait(() => fn(context, request));
  return answer.response(context, one.bindings, value);
}

function functionOf(exports, entry) {
  const value = load.itself(exports);
  const candidates = entry ? [load.follow(exports, entry), value && value[entry]]
    : [value, load.follow(exports, 'run'), load.follow(exports, 'index')];
  const fn = candidates.find((c) => typeof c === 'function');
  if (fn !== undefined) return fn;
  throw failure.named('Runtime.HandlerNotFound',
    entry ? `the script exports no function ${entry}` : 'the script exports no function');
}

module.exports = { become };
