// SPDX-License-Identifier: Apache-2.0
'use strict';

// Version 3 of Azure's programming model: (context, req), the answer in context.res, in
// what is returned, or by context.done.

const TEXT = /^(?:text\/|application\/(?:json|javascript|xml|x-www-form-urlencoded)|.*\+(?:json|xml))/;

/** The request as functions of version 3 see it. */
async function requestOf(req, params) {
  const url = new URL(req.url);
  const hasBody = req.method !== 'GET' && req.method !== 'HEAD';
  const raw = hasBody ? Buffer.from(await req.arrayBuffer()) : Buffer.alloc(0);
  const headers = Object.fromEntries(req.headers);
  const type = (headers['content-type'] || '').toLowerCase();
  const request = {
    method: req.method, url: req.url, originalUrl: req.url, headers, params, user: null,
    query: Object.fromEntries(url.searchParams), get: (name) => headers[name.toLowerCase()],
  };
  request.header = request.get;
  if (raw.length === 0) return request;
  request.bufferBody = raw;
  request.rawBody = raw.toString();
  request.body = bodyOf(raw, type);
  request.parseFormBody = () => new Response(raw, { headers: { 'content-type': type } }).formData();
  return request;
}

function bodyOf(raw, type) {
  if (type !== '' && !TEXT.test(type)) return raw;
  const text = raw.toString();
  if (!/json/.test(type)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text; // as the host gives what it cannot read
  }
}

/** Where the answer of one call comes together. */
class Answer {
  constructor() {
    this.resolve = null;
    this.reject = null;
    this.isDone = false;
  }

  /** Calls the function; gives what it returned or gave to context.done. */
  wait(call) {
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
      const given = call();
      if (given && typeof given.then === 'function') given.then(resolve, reject);
      else if (given !== undefined) resolve(given);
    });
  }

  done(err, value) {
    if (this.isDone) return;
    this.isDone = true;
    if (err) this.reject(err instanceof Error ? err : new Error(String(err)));
    else this.resolve(value);
  }

  /** The Response: the out binding, what is returned, or context.res. */
  response(context, bindings, value) {
    const out = bindings.find((b) => b.direction === 'out' && b.type === 'http');
    let res = context.res;
    if (out && out.name === '$return' && value !== undefined) res = value;
    else if (out && context.bindings[out.name] !== undefined) res = context.bindings[out.name];
    else if (value && typeof value === 'object' && value[out ? out.name : 'res'] !== undefined) {
      res = value[out ? out.name : 'res'];
    }
    return responseOf(res);
  }
}

function responseOf(res) {
  if (res === undefined || res === null) return new Response(null, { status: 204 });
  const isShaped = typeof res === 'object' && !ArrayBuffer.isView(res);
  const given = isShaped ? res : { body: res };
  const headers = new Headers();
  for (const [name, value] of Object.entries(given.headers || {})) {
    for (const one of Array.isArray(value) ? value : [value]) headers.append(name, String(one));
  }
  for (const c of given.cookies || []) {
    headers.append('set-cookie', `${c.name}=${c.value}; path=${c.path || '/'}`);
  }
  const isUntouched = typeof given.status === 'function' && given.body === undefined;
  const said = given.statusCode || (typeof given.status === 'function' ? undefined : given.status);
  const status = +(said || (isUntouched ? 204 : 200));
  let { body } = given;
  if (body !== undefined && body !== null && typeof body !== 'string' && !ArrayBuffer.isView(body)) {
    if (!headers.has('content-type')) headers.set('content-type', 'application/json; charset=utf-8');
    body = JSON.stringify(body);
  } else if (typeof body === 'string' && !headers.has('content-type')) {
    headers.set('content-type', 'text/plain; charset=utf-8');
  }
  if (body === undefined || [204, 205, 304].includes(status)) body = null;
  return new Response(body, { status, headers });
}

/** The context of one call. */
function contextOf({ one, request, params, answer, id }) {
  const log = Object.assign((...args) => console.log(...args), {
    info: console.info, warn: console.warn, error: console.error, verbose: console.debug,
    metric() {},
  });
  const context = {
    invocationId: id, req: request, res: resOf(answer), log,
    executionContext: { invocationId: id, functionName: one.name, functionDirectory: '' },
    bindings: { [one.trigger.name]: request },
    bindingData: { invocationId: id, ...params, query: request.query, headers: request.headers },
    bindingDefinitions: one.bindings, traceContext: { traceparent: request.headers.traceparent },
    done: (err, value) => answer.done(err, value),
  };
  return context;
}

// resOf is the res that a context has from the start: with the methods of Express.
function resOf(answer) {
  const res = { headers: {}, status: undefined, statusCode: undefined, body: undefined };
  const hidden = {
    set: (name, value) => { res.headers[name] = value; return res; },
    send: (body) => res.end(body),
    json: (body) => {
      res.headers['content-type'] = 'application/json; charset=utf-8';
      return res.end(JSON.stringify(body));
    },
    sendStatus: (code) => { res.statusCode = code; return res.end(); },
    end: (body) => {
      if (body !== undefined) res.body = body;
      answer.done();
      return res;
    },
    getHeader: (name) => res.headers[name],
    removeHeader: (name) => { delete res.headers[name]; },
  };
  hidden.header = hidden.setHeader = hidden.set;
  hidden.get = hidden.getHeader;
  hidden.type = (type) => hidden.set('content-type', type);
  for (const [name, value] of Object.entries(hidden)) Object.defineProperty(res, name, { value });
  // status is both a value and a method, as in the package: res.status(201).json(…)
  Object.defineProperty(res, 'status', {
    enumerable: true, configurable: true,
    get: () => (code) => { res.statusCode = code; return res; },
    set(code) { res.statusCode = code; },
  });
  return res;
}

module.exports = { Answer, contextOf, requestOf };
