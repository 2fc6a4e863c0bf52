// SPDX-License-Identifier: Apache-2.0
'use strict';

// What @azure/functions asks of its host, under the name @azure/functions-core: it
// registers functions, and our own package of that name does the same.

const functions = new Map(); // name → {trigger, handler}
let model;

function registerFunction(metadata, handler) {
  const list = Object.values(metadata.bindings || {});
  const trigger = list.find((b) => /trigger$/i.test(String(b.type)));
  functions.set(metadata.name, { name: metadata.name, trigger, handler });
  return { dispose() { functions.delete(metadata.name); } };
}

/** The request as functions of version 4 see it: a Request with query and params. */
class HttpRequest extends Request {
  constructor(init) {
    const body = init.body === undefined || init.body === null ? undefined : bodyText(init.body);
    super(init.url || 'http://localhost/', {
      method: init.method || 'GET', headers: init.headers, body, duplex: 'half',
    });
    this.params = init.params || {};
    this.user = null;
    this.query = new URL(this.url).searchParams;
    for (const [name, value] of Object.entries(init.query || {})) this.query.append(name, value);
  }
}

function bodyText(body) {
  return body.string !== undefined ? body.string : body.bytes !== undefined ? body.bytes : body;
}

class InvocationContext {
  constructor(init = {}) {
    const values = () => {
      const map = new Map();
      const key = (k) => (typeof k === 'object' && k !== null ? k.name : k);
      return { get: (k) => map.get(key(k)), set: (k, v) => { map.set(key(k), v); } };
    };
    this.invocationId = init.invocationId || '';
    this.functionName = init.functionName || '';
    this.extraInputs = values();
    this.extraOutputs = values();
    this.options = { trigger: init.trigger, extraInputs: [], extraOutputs: [] };
    this.triggerMetadata = init.metadata || {};
    this.traceContext = { traceParent: init.trace };
  }

  log(...args) { console.log(...args); }
  trace(...args) { console.debug(...args); }
  debug(...args) { console.debug(...args); }
  info(...args) { console.info(...args); }
  warn(...args) { console.warn(...args); }
  error(...args) { console.error(...args); }
}

/** The body and headers of what a function returns: {status, headers, jsonBody, body}. */
function initOf(result) {
  const headers = new Headers(result.headers || {});
  let { body } = result;
  if (result.jsonBody !== undefined) {
    body = JSON.stringify(result.jsonBody);
    if (!headers.has('content-type')) headers.set('content-type', 'application/json');
  } else if (typeof body === 'string' && !headers.has('content-type')) {
    headers.set('content-type', 'text/plain; charset=utf-8');
  }
  for (const cookie of result.cookies || []) headers.append('set-cookie', cookieText(cookie));
  return { body: body === undefined ? null : body, headers };
}

function cookieText(c) {
  let text = `${encodeURIComponent(c.name)}=${encodeURIComponent(c.value)}`;
  if (c.domain) text += '; Domain=' + c.domain;
  if (c.path) text += '; Path=' + c.path;
  if (c.expires) text += '; Expires=' + new Date(c.expires).toUTCString();
  if (c.maxAge !== undefined && c.maxAge !== null) text += '; Max-Age=' + c.maxAge;
  if (c.secure) text += '; Secure';
  if (c.httpOnly) text += '; HttpOnly';
  if (c.sameSite) text += '; SameSite=' + c.sameSite;
  return text;
}

exports.version = '1.0.0';
exports.hostVersion = '4.0.0';
exports.registerFunction = registerFunction;
exports.registerHook = () => ({ dispose() {} });
exports.setProgrammingModel = (given) => { model = given; };
exports.getProgrammingModel = () => model;
exports.setHttpEndpoint = () => {};
exports.log = (level, category, message) => { console.log(message); };
exports.Disposable = class Disposable { dispose() {} };
exports.functions = functions;
exports.HttpRequest = HttpRequest;
exports.InvocationContext = InvocationContext;
exports.initOf = initOf;
