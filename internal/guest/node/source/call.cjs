// SPDX-License-Identifier: Apache-2.0
'use strict';

// One invocation that came as frames: its body coming in, its answer going out, both
// within their windows. A dialect derives its own calls from this one.

const prim = require('./prim.cjs');
const wire = require('./wire.cjs');
const logs = require('./logs.cjs');
const failure = require('./failure.cjs');
const { bytes } = prim;
const { TYPE, BODY_MAX, WINDOW } = wire;

const HALF = WINDOW / 2;

// calls holds every call that has not ended, by stream. Its methods are its own, since
// user code may patch the prototype.
const calls = Object.assign(new Map(), {
  get: Map.prototype.get, set: Map.prototype.set, delete: Map.prototype.delete,
  forEach: Map.prototype.forEach,
});

class Call {
  constructor(stream, head) {
    this.stream = stream;
    this.id = head.id;
    this.head = head;
    this.partial = ['', '', ''];
    this.named = false;
    this.over = false; // end or error was sent: nothing more may be
    this.headSent = false;
    this.canceled = false;
    this.received = 0; // body bytes since the last grant
    this.bodyEnded = head.length === 0;
    this.credit = WINDOW; // body bytes that may be sent
    this.waiting = null; // what waits for credit: {buffer, at, done}
    this.waitingLast = null;
    calls.set(stream, this);
  }

  // What arrives. A dialect overrides those it has a use for.
  onBody(buffer, start, end) { this.consumed(end - start); }
  onEnd() {}
  onCancel() {}

  /** Says that count bytes of the body need no memory any more. */
  consumed(count) {
    this.received += count;
    if (this.received < HALF || this.bodyEnded || this.over) return;
    wire.grant(this.stream, this.received);
    this.received = 0;
    wire.flushSoon();
  }

  /** Begins the answer. headers is a list of pairs. */
  respond(status, headers) {
    this.begin(prim.stringify({ status, headers }));
  }

  /** Begins the answer with a head in JSON; false when it cannot. */
  begin(head) {
    if (this.over || this.headSent) return false;
    if (head.length * 3 > wire.FRAME_MAX && bytes.byteLength(head) > wire.FRAME_MAX) {
      this.malformed('the headers of the answer are larger than ' + wire.FRAME_MAX + ' bytes');
      return false;
    }
    this.headSent = true;
    wire.text(TYPE.response, this.stream, head);
    return true;
  }

  /** Fails the call: what the handler answered cannot be sent. */
  malformed(message) {
    const e = failure.named('Runtime.MalformedResponse', message);
    this.fail('bad_response', failure.describe(e));
  }

  /** Sends a part of the answer's body; done is called once it needs no memory. */
  send(buffer, done) {
    if (this.over || this.canceled || buffer.length === 0) {
      if (done) done();
      return;
    }
    if (this.waiting === null) {
      const at = this.push(buffer, 0);
      if (at === buffer.length) {
        if (done) done();
        return;
      }
      this.enqueue({ buffer, at, done, next: null });
      return;
    }
    this.enqueue({ buffer, at: 0, done, next: null });
  }

  enqueue(item) {
    if (this.waiting === null) this.waiting = item;
    else this.waitingLast.next = item;
    this.waitingLast = item;
  }

  // push sends of buffer what the window allows and gives how far it came.
  push(buffer, at) {
    while (at < buffer.length && this.credit > 0) {
      const n = Math.min(buffer.length - at, BODY_MAX, this.credit);
      wire.data(TYPE.body, this.stream, buffer, at, at + n);
      this.credit -= n;
      at += n;
    }
    return at;
  }

  onWindow(count) {
    this.credit += count;
    while (this.waiting !== null) {
      const item = this.waiting;
      item.at = this.push(item.buffer, item.at);
      if (item.at < item.buffer.length) break;
      this.waiting = item.next;
      if (item.done) item.done();
    }
    wire.flush();
  }

  /** Drops what waits: nobody wants it any more. */
  discard() {
    let item = this.waiting;
    this.waiting = null;
    for (; item !== null; item = item.next) if (item.done) item.done();
  }

  /** Ends the answer, after what was sent. */
  end() {
    if (this.over) return;
    if (this.waiting !== null) {
      this.enqueue({ buffer: bytes.alloc(0), at: 0, done: () => this.end(), next: null });
      return;
    }
    this.finish();
    wire.empty(TYPE.end, this.stream);
    wire.flush();
  }

  /** Ends the call with what was thrown; kind is exception or bad_response. */
  fail(kind, d) {
    if (this.over) return;
    this.discard();
    this.finish();
    wire.text(TYPE.error, this.stream, failure.frameOf(kind, d));
    wire.flush();
  }

  finish() {
    logs.close(this);
    this.over = true;
    calls.delete(this.stream);
    this.onOver();
  }

  onOver() {}

  cancel() {
    this.canceled = true;
    this.discard();
    this.onCancel();
  }
}

// dispatch hands a frame of an open call to it; frames of others are late.
function dispatch(type, stream, buffer, start, end) {
  const call = calls.get(stream);
  if (call === undefined) return;
  switch (type) {
    case TYPE.body: call.onBody(buffer, start, end); break;
    case TYPE.end:
      if (call.bodyEnded) return;
      call.bodyEnded = true;
      call.onEnd();
      break;
    case TYPE.window:
      call.onWindow(((buffer[start] << 24) | (buffer[start + 1] << 16) |
        (buffer[start + 2] << 8) | buffer[start + 3]) >>> 0);
      break;
    case TYPE.cancel: call.cancel(); break;
  }
}

/** A body that is kept until it is whole. */
class Gathered {
  constructor() {
    this.one = null;
    this.many = null;
    this.size = 0;
  }

  add(buffer, start, end) {
    const piece = bytes.alloc(end - start);
    bytes.copy(buffer, piece, 0, start, end);
    this.size += end - start;
    if (this.one === null) this.one = piece;
    else if (this.many === null) this.many = [this.one, piece];
    else prim.push(this.many, piece);
  }

  /** The whole body, or null when there was none. */
  whole() {
    return this.many === null ? this.one : bytes.concat(this.many, this.size);
  }
}

module.exports = { Call, Gathered, calls, dispatch };
