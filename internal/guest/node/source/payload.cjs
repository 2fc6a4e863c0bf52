// SPDX-License-Identifier: Apache-2.0
'use strict';

// API Gateway's payload v2.0: the event of an HTTP request, and an HTTP answer out of
// what the handler returned.

const { isUtf8 } = require('buffer');
const prim = require('./prim.cjs');
const { bytes } = prim;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const TEXT_TYPE = new RegExp('^(?:text/[^;]*|application/(?:json|javascript|xml)|' +
  '[^;]*\\+(?:json|xml))\\s*(?:;|$)', 'i');
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const UNSAFE = /[\r\n\0]/;
const JSON_TYPE = ['content-type', 'application/json'];

let lastSecond = -1;
let lastTime = '';

// timeOf prints "12/Mar/2020:19:03:58 +0000"; most calls fall into the second before.
function timeOf(ms) {
  const second = Math.floor(ms / 1000);
  if (second === lastSecond) return lastTime;
  const iso = prim.toISOString(new prim.Date(ms)); // 2020-03-12T19:03:58.390Z
  lastSecond = second;
  lastTime = prim.slice(iso, 8, 10) + '/' + MONTHS[+prim.slice(iso, 5, 7) - 1] + '/' +
    prim.slice(iso, 0, 4) + ':' + prim.slice(iso, 11, 19) + ' +0000';
  return lastTime;
}

function unescapeQuery(s) {
  if (prim.indexOf(s, '+') >= 0) s = prim.replaceAll(s, '+', ' ');
  if (prim.indexOf(s, '%') < 0) return s;
  try {
    return prim.decodeURIComponent(s);
  } catch {
    return s;
  }
}

function queryOf(query) {
  const out = {};
  let any = false;
  const pairs = prim.split(query, '&');
  for (let i = 0; i < pairs.length; i++) {
    const pair = pairs[i];
    if (pair === '') continue;
    const eq = prim.indexOf(pair, '=');
    const name = unescapeQuery(eq < 0 ? pair : prim.slice(pair, 0, eq));
    const value = eq < 0 ? '' : unescapeQuery(prim.slice(pair, eq + 1));
    put(out, name, prim.hasOwn(out, name) ? out[name] + ',' + value : value);
    any = true;
  }
  return any ? out : undefined;
}

// put sets a member whose name is foreign: "__proto__" must be one like any other.
function put(object, name, value) {
  if (name === '__proto__') {
    const own = { __proto__: null, value, enumerable: true, writable: true, configurable: true };
    prim.define(object, name, own);
  } else {
    object[name] = value;
  }
}

function headersOf(head) {
  const out = {};
  let cookies;
  for (let i = 0; i < head.headers.length; i++) {
    const name = head.headers[i][0];
    const value = head.headers[i][1];
    if (name === 'cookie') {
      const parts = prim.split(value, '; ');
      if (cookies === undefined) cookies = parts;
      else for (let j = 0; j < parts.length; j++) prim.push(cookies, parts[j]);
      continue;
    }
    put(out, name, prim.hasOwn(out, name) ? out[name] + ',' + value : value);
  }
  absent(out, 'host', head.host);
  absent(out, 'x-forwarded-for', head.remote);
  absent(out, 'x-forwarded-proto', head.scheme);
  absent(out, 'x-forwarded-port', portOf(head));
  absent(out, 'x-forwarded-prefix', head.prefix);
  if (head.trace) {
    out.traceparent = head.trace;
    absent(out, 'x-amzn-trace-id', xray(head.trace));
  }
  return { headers: out, cookies };
}

function absent(headers, name, value) {
  if (value && headers[name] === undefined) headers[name] = value;
}

/** A W3C trace context as X-Ray spells it; undefined when it is none. */
function xray(traceparent) {
  const part = prim.split(traceparent, '-');
  if (part.length < 4 || part[1].length !== 32) return undefined;
  return 'Root=1-' + prim.slice(part[1], 0, 8) + '-' + prim.slice(part[1], 8) +
    ';Parent=' + part[2] + ';Sampled=' + (part[3] === '01' ? '1' : '0');
}

function portOf(head) {
  const host = head.host || '';
  const colon = host.lastIndexOf(':');
  if (colon > 0 && colon > host.lastIndexOf(']')) return prim.slice(host, colon + 1);
  return head.scheme === 'https' ? '443' : '80';
}

function hostnameOf(host) {
  const colon = host.lastIndexOf(':');
  return colon > 0 && colon > host.lastIndexOf(']') ? prim.slice(host, 0, colon) : host;
}

/** The v2.0 event of a request; body is a Buffer or null. */
function eventOf(head, body, spec) {
  const { headers, cookies } = headersOf(head);
  const domain = hostnameOf(head.host || 'localhost');
  const dot = prim.indexOf(domain, '.');
  const event = {
    version: '2.0',
    routeKey: '$default',
    rawPath: head.path,
    rawQueryString: head.query,
  };
  if (cookies !== undefined) event.cookies = cookies;
  event.headers = headers;
  const query = head.query ? queryOf(head.query) : undefined;
  if (query !== undefined) event.queryStringParameters = query;
  event.requestContext = {
    accountId: 'anonymous',
    apiId: spec.function,
    domainName: domain,
    domainPrefix: dot < 0 ? domain : prim.slice(domain, 0, dot),
    http: {
      method: head.method,
      path: head.path,
      protocol: 'HTTP/1.1',
      sourceIp: head.remote,
      userAgent: headers['user-agent'] || '',
    },
    requestId: head.id,
    routeKey: '$default',
    stage: '$default',
    time: timeOf(head.received_ms),
    timeEpoch: head.received_ms,
  };
  putBody(event, headers, body);
  return event;
}

function putBody(event, headers, body) {
  event.isBase64Encoded = false;
  if (body === null || body.length === 0) return;
  const type = headers['content-type'];
  const plain = (headers['content-encoding'] || 'identity') === 'identity';
  if (plain && type !== undefined && prim.test(TEXT_TYPE, type) && isUtf8(body)) {
    event.body = bytes.utf8(body, 0, body.length);
  } else {
    event.body = bytes.base64(body, 0, body.length);
    event.isBase64Encoded = true;
  }
}

/** An answer that cannot be mapped to HTTP. */
class Malformed extends Error {}

/**
 * Maps what the handler returned to {status, headers, body}; body is a string or a
 * Buffer. It throws Malformed, or what JSON.stringify throws.
 */
function answerOf(result) {
  if (result !== null && typeof result === 'object' && typeof result.toJSON === 'function') {
    result = prim.parse(prim.stringify(result));
  }
  if (typeof result === 'string') return { status: 200, headers: [JSON_TYPE], body: result };
  if (result === null || typeof result !== 'object' || !prim.hasOwn(result, 'statusCode') ||
      prim.isArray(result)) {
    const json = prim.stringify(result === undefined ? null : result);
    return { status: 200, headers: [JSON_TYPE], body: json === undefined ? 'null' : json };
  }
  return {
    status: statusOf(result.statusCode),
    headers: answerHeaders(result),
    body: answerBody(result),
  };
}

function statusOf(code) {
  const n = typeof code === 'string' && code !== '' ? +code : code;
  if (typeof n === 'number' && n >= 200 && n <= 599 && Math.floor(n) === n) return n;
  throw new Malformed('statusCode must be a whole number between 200 and 599, got ' + show(code));
}

function answerHeaders(result) {
  const out = [];
  let typed = false;
  const each = (name, value) => {
    if (!prim.test(TOKEN, name)) throw new Malformed('header name ' + show(name) + ' is not valid');
    const t = typeof value;
    if (t !== 'string' && t !== 'number' && t !== 'boolean') {
      if (value === null || value === undefined) return;
      throw new Malformed('header ' + name + ' must be a string, got ' + show(value));
    }
    prim.push(out, headerPair(name, t === 'string' ? value : '' + value));
    if (!typed && prim.lower(name) === 'content-type') typed = true;
  };
  eachMember(result.multiValueHeaders, 'multiValueHeaders', (name, values) => {
    if (!prim.isArray(values)) throw new Malformed('multiValueHeaders.' + name + ' must be a list');
    for (let i = 0; i < values.length; i++) each(name, values[i]);
  });
  const multi = result.multiValueHeaders;
  eachMember(result.headers, 'headers', (name, value) => {
    if (multi !== undefined && multi !== null && prim.hasOwn(multi, name)) return;
    each(name, value);
  });
  const cookies = result.cookies;
  if (cookies !== undefined && cookies !== null) {
    if (!prim.isArray(cookies)) throw new Malformed('cookies must be a list, got ' + show(cookies));
    for (let i = 0; i < cookies.length; i++) each('set-cookie', cookies[i]);
  }
  if (!typed) prim.push(out, JSON_TYPE);
  return out;
}

function eachMember(object, what, fn) {
  if (object === undefined || object === null) return;
  if (typeof object !== 'object' || prim.isArray(object)) {
    throw new Malformed(what + ' must be an object, got ' + show(object));
  }
  const names = prim.keys(object);
  for (let i = 0; i < names.length; i++) fn(names[i], object[names[i]]);
}

/** A pair of a response head; a value that would break the head is refused. */
function headerPair(name, value) {
  if (prim.test(UNSAFE, value)) {
    throw new Malformed('header ' + name + ' holds a line break');
  }
  return [name, value];
}

function answerBody(result) {
  let body = result.body;
  if (body === undefined || body === null) return '';
  if (typeof body !== 'string') {
    body = prim.stringify(body);
    if (body === undefined) return '';
  }
  return result.isBase64Encoded === true ? bytes.from(body, 'base64') : body;
}

function show(v) {
  let s;
  try {
    s = prim.stringify(v);
  } catch {
    s = undefined;
  }
  if (s === undefined) s = typeof v;
  return s.length > 60 ? prim.slice(s, 0, 60) + '…' : s;
}

module.exports = { eventOf, answerOf, headerPair, xray, Malformed, JSON_TYPE };
