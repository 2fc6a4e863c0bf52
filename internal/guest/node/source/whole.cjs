// SPDX-License-Identifier: Apache-2.0
'use strict';

// Calls whose request is taken whole and whose answer is given whole: what the
// dialects of events and of small handlers need. No server, no streams.
//
//   request … end ─▶ handler({head, body}) ─▶ {status, headers, body[, failure]}

const querystring = require('querystring');
const { isUtf8 } = require('buffer');
const prim = require('./prim.cjs');
const wire = require('./wire.cjs');
const logs = require('./logs.cjs');
const failure = require('./failure.cjs');
const payload = require('./payload.cjs');
const { Call, Gathered } = require('./call.cjs');
const { bytes } = prim;

const EMPTY = bytes.alloc(0);
const JSON_TYPE = 'application/json';

let handle = null; // set once, by start

/** Makes the guest serve handler(request), which gives or promises an answer. */
function start(handler) {
  handle = handler;
}

class WholeCall extends Call {
  constructor(stream, head) {
    super(stream, head);
    this.body = null;
  }

  onBody(buffer, start, end) {
    if (this.body === null) this.body = new Gathered();
    this.body.add(buffer, start, end);
    this.consumed(end - start);
  }

  onEnd() { this.run(); }

  run() {
    const whole = this.body === null ? EMPTY : this.body.whole();
    this.body = null;
    logs.within(this, invoke, this, new Incoming(this.head, whole));
  }
}

/** A request, whole. An event comes as the POST of its JSON. */
class Incoming {
  constructor(head, body) {
    this.isEvent = head.kind === 'event';
    this.id = head.id;
    this.deadline = head.deadline_ms;
    this.head = head;
    this.method = head.method || 'POST';
    this.path = head.path || '/';
    this.query = head.query || '';
    this.body = body;
    this.headers = this.isEvent ? { 'content-type': JSON_TYPE } : headersOf(head);
  }

  /** The media type, in lower case and without parameters; "" for none. */
  get type() { return mediaType(this.headers['content-type']); }
  get text() { return bytes.utf8(this.body, 0, this.body.length); }

  /** The query as an object; a name that repeats has a list. */
  get parameters() { return { ...querystring.parse(this.query) }; }
}

function mediaType(value) {
  return value === undefined ? '' : prim.lower(prim.trim(prim.split(value, ';')[0]));
}

// headersOf joins repeated headers, as Node does.
function headersOf(head) {
  const out = {};
  for (let i = 0; i < head.headers.length; i++) {
    const [name, value] = head.headers[i];
    if (name === '__proto__') continue;
    const join = name === 'cookie' ? '; ' : ', ';
    out[name] = prim.hasOwn(out, name) ? out[name] + join + value : value;
  }
  const lacking = (name, value) => {
    if (value && out[name] === undefined) out[name] = value;
  };
  lacking('host', head.host);
  lacking('x-forwarded-for', head.remote);
  lacking('x-forwarded-proto', head.scheme);
  lacking('x-forwarded-prefix', head.prefix);
  if (head.trace) out.traceparent = head.trace;
  return out;
}

async function invoke(call, incoming) {
  let answer;
  try {
    answer = await handle(incoming);
    if (incoming.isEvent && answer.failure !== undefined) throw answer.failure;
    put(call, answer);
  } catch (e) {
    if (e instanceof payload.Malformed) e.name = 'Runtime.MalformedResponse';
    const d = failure.describe(e);
    logs.print(logs.STDERR, failure.logText(d) + '\n');
    call.fail(e instanceof BadAnswer || e instanceof payload.Malformed ? 'bad_response' : 'exception', d);
  }
}

function put(call, answer) {
  const body = bodyOf(answer.body);
  const headers = pairsOf(answer.headers);
  let head = prim.stringify({ status: statusOf(answer.status), headers });
  if (answer.failure !== undefined) {
    const d = failure.describe(answer.failure);
    logs.print(logs.STDERR, failure.logText(d) + '\n');
    head = prim.slice(head, 0, -1) + ',"failure":' + failure.frameOf('exception', d) + '}';
  }
  if (!call.begin(head)) return;
  if (call.head.method !== 'HEAD') call.send(body);
  call.end();
  wire.flush();
}

/** An answer that cannot be sent. */
class BadAnswer extends Error {}

function bad(message) {
  const e = new BadAnswer(message);
  e.name = 'Runtime.MalformedResponse';
  return e;
}

function statusOf(value) {
  const n = value === undefined ? 200 : +value;
  if (n >= 200 && n <= 599 && Math.floor(n) === n) return n;
  throw bad('status ' + String(value) + ' cannot be sent');
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const UNSAFE = /[\r\n\0]/;

/** Pairs of headers, checked, that are given as pairs or as an object of values or lists. */
function pairsOf(headers) {
  const out = [];
  if (headers === undefined || headers === null) return out;
  if (typeof headers !== 'object') throw bad('headers must be an object');
  const list = prim.isArray(headers) ? headers : Object.entries(headers);
  for (const [name, value] of list) {
    if (value === undefined || value === null) continue;
    if (typeof name !== 'string' || !prim.test(TOKEN, name)) throw bad('header name ' + name + ' is not valid');
    for (const one of prim.isArray(value) ? value : [value]) {
      if (typeof one === 'object') throw bad('header ' + name + ' must be a string');
      const text = String(one);
      if (prim.test(UNSAFE, text)) throw bad('header ' + name + ' holds a line break');
      prim.push(out, [prim.lower(name), text]);
    }
  }
  return out;
}

function bodyOf(body) {
  if (body === undefined || body === null) return EMPTY;
  if (typeof body === 'string') return bytes.from(body);
  if (ArrayBuffer.isView(body)) return bytes.from(body.buffer, body.byteOffset, body.byteLength);
  if (body instanceof ArrayBuffer) return bytes.from(body);
  throw bad('the body of the answer is of a type that cannot be sent: ' + typeof body);
}

/** Whether a media type is JSON. */
function isJSON(type) {
  return type === JSON_TYPE || prim.endsWith(type, '+json');
}

/** The body as body parsers give it: by its type a value, text or bytes. */
function parsed(incoming) {
  if (incoming.body.length === 0) return undefined;
  const { type } = incoming;
  if (isJSON(type)) return prim.parse(incoming.text);
  if (type === 'application/x-www-form-urlencoded') return { ...querystring.parse(incoming.text) };
  if (prim.startsWith(type, 'text/') || (type === '' && isUtf8(incoming.body))) return incoming.text;
  return incoming.body;
}

/** A request frame opened a stream. */
function request(stream, head) {
  const call = new WholeCall(stream, head);
  if (call.bodyEnded) call.run();
}

/** What becoming a dialect of whole requests gives. */
function serving(dialect) {
  return {
    dialect, ready: { serve: 'frames', dialect }, request, crash: failure.describe,
  };
}

module.exports = { start, request, serving, parsed, pairsOf, isJSON, mediaType, bad, JSON_TYPE };
