// SPDX-License-Identifier: Apache-2.0
'use strict';

// API Gateway's payload v2.0: the event of an HTTP request, and an HTTP answer out of
// what the handler returned.

const { isUtf8 } = require('buffer');
const prim = require('./prim.cjs');
const route = require('./route.cjs');
const { bytes } = prim;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const TEXT_TYPE = new RegExp('^(?:text/[^;]*|application/(?:json|javascript|xml)|' +
  '[^;]*\\+(?:json|xml))\\s*(?:;|$)', 'i');
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const ODD = /[13579bdf]$/; // flags whose last bit is set
const SPACE = /\s+/g;
const DIGITS = /^[0-9]+$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
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

const ESCAPES = /(?:%[0-9A-Fa-f]{2})+/g;

function unescapeQuery(s) {
  if (prim.indexOf(s, '+') >= 0) s = prim.replaceAll(s, '+', ' ');
  if (prim.indexOf(s, '%') < 0) return s;
  try {
    return prim.decodeURIComponent(s);
  } catch {
    return prim.replace(s, ESCAPES, unescapeRun); // what is no escape stays as it is
  }
}

function unescapeRun(run) {
  const raw = bytes.from(prim.replaceAll(run, '%', ''), 'hex');
  return bytes.utf8(raw, 0, raw.length);
}

// queryPairs gives the pairs of a query string, in order.
function queryPairs(query, decode) {
  const out = [];
  const pairs = prim.split(query, '&');
  for (let i = 0; i < pairs.length; i++) {
    const pair = pairs[i];
    if (pair === '') continue;
    const eq = prim.indexOf(pair, '=');
    const name = eq < 0 ? pair : prim.slice(pair, 0, eq);
    prim.push(out, [decode(name), eq < 0 ? '' : decode(prim.slice(pair, eq + 1))]);
  }
  return out;
}

function queryOf(query) {
  const pairs = queryPairs(query, unescapeQuery);
  if (pairs.length === 0) return undefined;
  const out = {};
  for (let i = 0; i < pairs.length; i++) {
    const name = pairs[i][0];
    put(out, name, prim.hasOwn(out, name) ? out[name] + ',' + pairs[i][1] : pairs[i][1]);
  }
  return out;
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

// headerPairs gives the headers of a request, with those that gateways add where the
// client or a proxy before us did not.
function headerPairs(head) {
  const out = [];
  const seen = Object.create(null);
  for (let i = 0; i < head.headers.length; i++) {
    const name = head.headers[i][0];
    if (name === 'traceparent' && head.trace) continue;
    seen[name] = true;
    prim.push(out, head.headers[i]);
  }
  const lacking = (name, value) => {
    if (value && seen[name] !== true) prim.push(out, [name, value]);
  };
  lacking('host', head.host);
  lacking('x-forwarded-for', head.remote);
  lacking('x-forwarded-proto', head.scheme);
  lacking('x-forwarded-port', portOf(head));
  lacking('x-forwarded-prefix', head.prefix);
  if (head.trace) {
    prim.push(out, ['traceparent', head.trace]);
    lacking('x-amzn-trace-id', xray(head.trace));
  }
  return out;
}

function headersOf(head) {
  const out = {};
  let cookies;
  const pairs = headerPairs(head);
  for (let i = 0; i < pairs.length; i++) {
    const name = pairs[i][0];
    const value = pairs[i][1];
    if (route.isOurs(name)) continue;
    if (name === 'cookie') {
      const parts = prim.split(value, '; ');
      if (cookies === undefined) cookies = [];
      for (let j = 0; j < parts.length; j++) if (parts[j] !== '') prim.push(cookies, parts[j]);
      continue;
    }
    put(out, name, prim.hasOwn(out, name) ? out[name] + ',' + value : value);
  }
  return { headers: out, cookies };
}

/** A W3C trace context as X-Ray spells it; undefined when it is none. */
function xray(traceparent) {
  const part = prim.split(traceparent, '-');
  if (part.length < 4 || part[1].length !== 32 || part[3] === '') return undefined;
  const isSampled = prim.test(ODD, part[3]);
  return 'Root=1-' + prim.slice(part[1], 0, 8) + '-' + prim.slice(part[1], 8) +
    ';Parent=' + part[2] + ';Sampled=' + (isSampled ? '1' : '0');
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
  const { key, params, principal } = route.routeOf(head.headers);
  const domain = hostnameOf(head.host || 'localhost');
  const dot = prim.indexOf(domain, '.');
  const event = {
    version: '2.0',
    routeKey: key || '$default',
    rawPath: head.path,
    rawQueryString: head.query,
  };
  if (cookies !== undefined) event.cookies = cookies;
  event.headers = headers;
  const query = head.query ? queryOf(head.query) : undefined;
  if (query !== undefined) event.queryStringParameters = query;
  if (params !== undefined) event.pathParameters = params;
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
    routeKey: event.routeKey,
    stage: '$default',
    time: timeOf(head.received_ms),
    timeEpoch: head.received_ms,
  };
  if (principal !== undefined) event.requestContext.authorizer = route.authorizer2(principal);
  putBody(event, headers, body);
  return event;
}

function putBody(event, headers, body) {
  const type = headers['content-type'];
  const isPlain = (headers['content-encoding'] || 'identity') === 'identity';
  putText(event, body, isPlain && type !== undefined && isText(type));
}

function isText(type) {
  return prim.test(TEXT_TYPE, type);
}

// putText puts a body as it is when it may be text and is, else in base64.
function putText(event, body, mayBe) {
  event.isBase64Encoded = false;
  if (body === null || body.length === 0) return;
  if (mayBe && isUtf8(body)) {
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
  result = plain(result);
  if (typeof result === 'string') return { status: 200, headers: [JSON_TYPE], body: result };
  if (result === null || typeof result !== 'object' || !prim.hasOwn(result, 'statusCode') ||
      prim.isArray(result)) {
    const json = prim.stringify(result === undefined ? null : result);
    return { status: 200, headers: [JSON_TYPE], body: json === undefined ? 'null' : json };
  }
  return shaped(result);
}

// plain makes of what has a JSON form of its own that form.
function plain(result) {
  if (result !== null && typeof result === 'object' && typeof result.toJSON === 'function') {
    return prim.parse(prim.stringify(result));
  }
  return result;
}

// shaped reads statusCode, headers and body.
function shaped(result) {
  return {
    status: statusOf(result.statusCode),
    headers: answerHeaders(result),
    body: answerBody(result),
  };
}

function statusOf(code) {
  const n = typeof code === 'string' && prim.test(DIGITS, code) ? +code : code;
  if (typeof n === 'number' && n >= 200 && n <= 599 && Math.floor(n) === n) return n;
  throw new Malformed('statusCode must be a whole number between 200 and 599, got ' + show(code));
}

function answerHeaders(result) {
  const out = [];
  let typed = false;
  let multiple = 0; // how many came from multiValueHeaders
  const each = (name, value) => {
    if (!prim.test(TOKEN, name)) throw new Malformed('header name ' + show(name) + ' is not valid');
    const t = typeof value;
    if (t !== 'string' && t !== 'number' && t !== 'boolean') {
      if (value === null || value === undefined) return;
      throw new Malformed('header ' + name + ' must be a string, got ' + show(value));
    }
    const lower = prim.lower(name);
    const pair = headerPair(lower, t === 'string' ? value : '' + value);
    if (lower === 'content-length') return; // it is known better from the body
    if (isAmong(out, multiple, pair)) return;
    prim.push(out, pair);
    if (!typed && lower === 'content-type') typed = true;
  };
  eachMember(result.multiValueHeaders, 'multiValueHeaders', (name, values) => {
    if (values === null || values === undefined) return;
    if (!prim.isArray(values)) throw new Malformed('multiValueHeaders.' + name + ' must be a list');
    for (let i = 0; i < values.length; i++) each(name, values[i]);
  });
  multiple = out.length;
  eachMember(result.headers, 'headers', each);
  const cookies = result.cookies;
  if (cookies !== undefined && cookies !== null) {
    if (!prim.isArray(cookies)) throw new Malformed('cookies must be a list, got ' + show(cookies));
    for (let i = 0; i < cookies.length; i++) each('set-cookie', cookies[i]);
  }
  if (!typed) prim.push(out, JSON_TYPE);
  return out;
}

// isAmong tells whether one of the first headers is that pair.
function isAmong(headers, count, pair) {
  for (let i = 0; i < count; i++) {
    if (headers[i][0] === pair[0] && headers[i][1] === pair[1]) return true;
  }
  return false;
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
  if (result.isBase64Encoded !== true) return body;
  const decoded = fromBase64(body);
  if (decoded === null) throw new Malformed('body is not base64: ' + show(body));
  return decoded;
}

// fromBase64 decodes text that is base64; null when it is not.
function fromBase64(text) {
  const packed = prim.replace(text, SPACE, '');
  if (!prim.test(BASE64, packed) || packed.length % 4 !== 0) return null;
  return bytes.from(packed, 'base64');
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

module.exports = {
  eventOf, answerOf, headerPair, xray, Malformed, JSON_TYPE,
  // for other forms of HTTP
  put, plain, shaped, show, isText, putText, timeOf, hostnameOf, headerPairs, queryPairs,
  unescapeQuery, statusOf, fromBase64,
};
