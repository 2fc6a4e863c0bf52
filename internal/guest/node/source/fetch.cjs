// SPDX-License-Identifier: Apache-2.0
'use strict';

// Web-standard handlers: fetch(request, env, ctx) and what is spelled like it.
//
// The answer's end is sent once the body is complete and everything given to
// ctx.waitUntil has settled, at most WAIT_MS later: until then the call counts as
// running, so the instance is not frozen under it.

const { isUtf8 } = require('buffer');
const prim = require('./prim.cjs');
const wire = require('./wire.cjs');
const logs = require('./logs.cjs');
const failure = require('./failure.cjs');
const payload = require('./payload.cjs');
const { Call } = require('./call.cjs');
const { bytes } = prim;

const WAIT_MS = 30000; // how long waitUntil may go on after the answer, as on Workers
const WIDE = /[^\x00-\x7f]/;
const REFUSED = { CONNECT: true, TRACE: true, TRACK: true };
const CONNECTION = {
  connection: true, 'keep-alive': true, 'proxy-connection': true,
  'transfer-encoding': true, te: true, upgrade: true,
};
const NULL_BODY = { 101: true, 204: true, 205: true, 304: true };

const { Request, ReadableStream, AbortController, DOMException } = globalThis;

let state = null; // {spec, handler, env}: set once, by start

/** Makes the guest serve handler(request, env, ctx). */
function start(spec, handler, env) {
  state = { spec, handler, env: { ...env } };
}

class FetchCall extends Call {
  constructor(stream, head) {
    super(stream, head);
    this.controller = null; // of the request's body stream
    this.pulled = 0; // bytes handed on since the body was last asked for
    this.abort = null; // made when the handler asks for the request's signal
    this.reader = null; // of the response's body
    this.pending = 0; // promises of waitUntil
    this.complete = false; // the response's body is sent
    this.timer = null;
    this.waitMS = WAIT_MS;
  }

  onBody(buffer, start, end) {
    if (this.controller === null) {
      this.consumed(end - start);
      return;
    }
    const chunk = new Uint8Array(end - start); // its own memory: byte streams transfer it
    bytes.copy(buffer, chunk, 0, start, end);
    this.queued += end - start;
    try {
      this.controller.enqueue(chunk);
    } catch {
      this.controller = null; // the handler canceled the stream
    }
    this.settleWindow();
  }

  onEnd() {
    if (this.controller === null) return;
    try {
      this.controller.close();
    } catch {
      // canceled by the handler
    }
    this.controller = null;
  }

  // body makes the request's body: a stream that grants as it is read.
  body() {
    this.queued = 0;
    return new ReadableStream({
      start: (controller) => { this.controller = controller; },
      pull: () => { this.settleWindow(); },
      cancel: () => {
        this.controller = null;
        this.consumed(this.queued);
        this.queued = 0;
      },
    }, { highWaterMark: wire.WINDOW, size: (chunk) => chunk.byteLength });
  }

  // settleWindow grants what left the stream's queue.
  settleWindow() {
    if (this.controller === null) return;
    const still = Math.max(0, wire.WINDOW - this.controller.desiredSize);
    const taken = this.queued - still;
    if (taken <= 0) return;
    this.queued = still;
    this.consumed(taken);
  }

  signal() {
    if (this.abort === null) {
      this.abort = new AbortController();
      if (this.canceled) this.abort.abort(aborted());
    }
    return this.abort.signal;
  }

  waitUntil(promise) {
    this.pending++;
    const settled = () => {
      this.pending--;
      this.maybeEnd();
    };
    const failed = (e) => {
      logs.print(logs.STDERR, 'waitUntil: ' + failure.logText(failure.describe(e)) + '\n');
      settled();
    };
    prim.then(prim.resolve(promise), settled, failed);
  }

  finishBody() {
    this.complete = true;
    if (this.pending > 0) {
      wire.flush();
      this.timer = prim.setTimeout(() => this.end(), this.waitMS);
    }
    this.maybeEnd();
  }

  maybeEnd() {
    if (this.complete && this.pending === 0) this.end();
  }

  onCancel() {
    const reason = aborted();
    if (this.controller !== null) {
      try {
        this.controller.error(reason);
      } catch {
        // closed already
      }
      this.controller = null;
    }
    if (this.abort !== null) this.abort.abort(reason);
    if (this.reader !== null) prim.then(prim.resolve(this.reader.cancel(reason)), none, none);
  }

  onOver() {
    if (this.timer !== null) prim.clearTimeout(this.timer);
  }
}

function none() {}

function aborted() {
  return new DOMException('The caller went away.', 'AbortError');
}

class ExecutionContext {
  #call;
  constructor(call) {
    this.#call = call;
    this.props = {};
  }

  waitUntil(promise) { this.#call.waitUntil(promise); }
  static outlive(ctx, ms, promise) {
    ctx.#call.waitMS = ms;
    ctx.#call.waitUntil(promise);
  }

  passThroughOnException() {}
}

// callOf gives the call behind a request, for its signal.
const callOf = new WeakMap();

// IncomingRequest makes its signal when it is asked for: few handlers do, and a signal
// handed to Request costs more than all the rest of it.
class IncomingRequest extends Request {
  constructor(url, init, call) {
    super(url, init);
    callOf.set(this, call);
  }

  get signal() { return callOf.get(this).signal(); }

  clone() {
    const copy = super.clone();
    callOf.set(copy, callOf.get(this));
    return Object.setPrototypeOf(copy, IncomingRequest.prototype);
  }
}
Object.defineProperty(IncomingRequest, 'name', { value: 'Request' });

function requestOf(call) {
  const head = call.head;
  if (head.kind === 'event') {
    return new IncomingRequest('http://' + state.spec.function + '.localhost/', {
      method: 'POST', headers: [['content-type', 'application/json']],
      body: call.body(), duplex: 'half',
    }, call);
  }
  const init = { method: head.method, headers: headersOf(head) };
  if (head.method !== 'GET' && head.method !== 'HEAD' && head.length !== 0) {
    init.body = call.body();
    init.duplex = 'half';
  }
  const url = head.scheme + '://' + (head.host || 'localhost') +
    (prim.startsWith(head.path, '/') ? '' : '/') + head.path + (head.query ? '?' + head.query : '');
  return new IncomingRequest(url, init, call);
}

// toBytes spells text as web standards do header values: one character per byte.
function toBytes(value) {
  return prim.test(WIDE, value) ? bytes.latin1(bytes.from(value)) : value;
}

// toText is the reverse; bytes that are no UTF-8 stay characters.
function toText(value) {
  if (!prim.test(WIDE, value)) return value;
  const raw = bytes.from(value, 'latin1');
  return isUtf8(raw) ? bytes.utf8(raw) : value;
}

function headersOf(head) {
  const out = [];
  const seen = Object.create(null);
  for (let i = 0; i < head.headers.length; i++) {
    const name = head.headers[i][0];
    if (CONNECTION[name] === true) continue;
    if (name === 'traceparent' && head.trace) continue; // the function continues the invocation's
    seen[name] = true;
    prim.push(out, [name, toBytes(head.headers[i][1])]);
  }
  const lacking = (name, value) => {
    if (value && seen[name] !== true) prim.push(out, [name, value]);
  };
  lacking('host', head.host);
  lacking('x-forwarded-for', head.remote);
  lacking('x-forwarded-proto', head.scheme);
  lacking('x-forwarded-prefix', head.prefix);
  lacking('traceparent', head.trace);
  return out;
}

/** A request frame opened a stream. */
function request(stream, head) {
  const call = new FetchCall(stream, head);
  if (REFUSED[head.method] === true) {
    refuse(call, 405);
    return;
  }
  let req;
  try {
    req = requestOf(call);
  } catch {
    refuse(call, 400); // a host or a header that no web-standard Request can hold
    return;
  }
  logs.within(call, invoke, call, req);
}

function refuse(call, status) {
  call.respond(status, []);
  call.end();
}

async function invoke(call, req) {
  let response;
  try {
    response = await state.handler(req, state.env, new ExecutionContext(call));
  } catch (e) {
    crash(call, e);
    return;
  }
  try {
    await answer(call, response);
  } catch (e) {
    crash(call, e);
  }
}

function crash(call, e) {
  if (call.canceled) { // nobody is there to be told; aborting is what was asked
    call.end();
    return;
  }
  const d = failure.describe(e);
  logs.print(logs.STDERR, failure.logText(d) + '\n');
  call.fail(e instanceof payload.Malformed ? 'bad_response' : 'exception', d);
}

async function answer(call, response) {
  const headers = check(response);
  const body = response.body;
  if (body === null || body === undefined || call.head.method === 'HEAD' ||
      NULL_BODY[response.status] === true) {
    call.respond(response.status, headers);
  } else if (typeof body.getReader === 'function') {
    await pump(call, response.status, headers, body.getReader());
  } else {
    call.respond(response.status, headers);
    for await (const chunk of body) await sendChunk(call, chunk);
  }
  call.finishBody();
}

// check gives the headers of what the handler returned, or throws Malformed.
function check(r) {
  if (r === null || typeof r !== 'object' || typeof r.status !== 'number' ||
      r.headers === null || typeof r.headers !== 'object' ||
      typeof r.headers[Symbol.iterator] !== 'function') {
    throw bad('the handler must return a Response, got ' + (r === null ? 'null' : typeof r));
  }
  if (r.status < 200 || r.status > 599) throw bad('status ' + r.status + ' cannot be sent');
  if (r.bodyUsed) throw bad('the body of the Response was used already');
  const headers = [];
  for (const [name, value] of r.headers) {
    if (CONNECTION[prim.lower(name)] === true) continue;
    prim.push(headers, payload.headerPair(name, toText(value)));
  }
  return headers;
}

function bad(message) {
  const e = new payload.Malformed(message);
  e.name = 'Runtime.MalformedResponse';
  return e;
}

// pump sends the body as it comes. A body that is whole before the event loop turns
// leaves together with its head, which then tells its length: the caller need not wait
// for what waitUntil holds open.
async function pump(call, status, headers, reader) {
  call.reader = reader;
  const held = [];
  let size = 0;
  const begin = () => {
    if (call.headSent || call.over) return;
    call.respond(status, headers);
    for (let i = 0; i < held.length; i++) call.send(held[i]);
    wire.flushSoon();
  };
  prim.setImmediate(begin);
  for (;;) {
    const { done, value } = await reader.read();
    if (done || call.canceled) break;
    if (call.headSent) {
      const wait = sendChunk(call, value);
      if (wait !== undefined) await wait;
      continue;
    }
    const chunk = bufferOf(value);
    prim.push(held, chunk);
    size += chunk.length;
    if (size > wire.BODY_MAX) begin();
  }
  if (!call.headSent && !announced(headers)) prim.push(headers, ['content-length', '' + size]);
  begin();
}

function announced(headers) {
  for (let i = 0; i < headers.length; i++) {
    if (headers[i][0] === 'content-length') return true;
  }
  return false;
}

function bufferOf(chunk) {
  if (typeof chunk === 'string') return bytes.from(chunk);
  if (ArrayBuffer.isView(chunk)) {
    return bytes.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
  throw new prim.TypeError('a chunk of the response body is not a Uint8Array');
}

// sendChunk sends one chunk; it gives a promise when the client has to catch up first.
function sendChunk(call, chunk) {
  let sent = false;
  let wake = null;
  call.send(bufferOf(chunk), () => {
    sent = true;
    if (wake !== null) wake();
  });
  wire.flushSoon();
  return sent ? undefined : new prim.Promise((resolve) => { wake = resolve; });
}

/** Whether a request is a bare event, without HTTP around it. */
function isEvent(req) {
  const call = callOf.get(req);
  return call !== undefined && call.head.kind === 'event';
}

/** The identity of the call behind a request. */
function idOf(req) {
  const call = callOf.get(req);
  return call === undefined ? '' : call.id;
}

/** ctx.waitUntil of the call that runs. */
function waitUntil(promise) {
  const call = logs.current();
  if (call instanceof FetchCall) call.waitUntil(promise);
}

/** As ctx.waitUntil, for as long as ms. */
function outlive(ctx, ms, promise) {
  ExecutionContext.outlive(ctx, ms, promise);
}

module.exports = { start, request, isEvent, idOf, waitUntil, outlive };
