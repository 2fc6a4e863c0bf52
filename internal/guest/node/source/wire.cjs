// SPDX-License-Identifier: Apache-2.0
'use strict';

// The connection: frames in and out of descriptor 3 (docs/formats/frames.md).
//
// Reading goes through the event loop into one buffer that is used again and
// again; a frame's payload is valid only while its listener runs. Writing is
// synchronous: frames gather in one buffer and leave in one system call. What the
// socket does not take at once waits in a queue of our own and not in the loop's,
// so that it can still be sent when the function calls process.exit.

const fs = require('fs');
const net = require('net');
const prim = require('./prim.cjs');
const { bytes } = prim;

const TYPE = {
  hello: 1, specialise: 2, ready: 3, request: 4, body: 5, end: 6,
  response: 7, log: 8, error: 9, cancel: 10, window: 11,
  logNamed: 12,
};

const FD = 3;
const HEAD = 8;
const FRAME_MAX = 1 << 20; // longest payload of the protocol
const BODY_MAX = 65536; // longest payload of a body frame
const WINDOW = 262144; // body bytes that may be sent unasked
const INPUT = 128 << 10; // one read: a full body frame and what comes with it
const OUTPUT = 160 << 10; // gathered output: two full body frames and their heads
const QUEUE_MAX = 1 << 20; // unsent output at which log lines begin to wait
const SPINS = 16; // retries within the loop before waiting by the clock
const DRAIN_MS = 1000; // how long an exiting process tries to send the rest

const writeSync = fs.writeSync;
const napCell = new Int32Array(new SharedArrayBuffer(4));
const nap = Atomics.wait.bind(Atomics, napCell, 0, 0);

const input = Buffer.allocUnsafeSlow(INPUT);
const output = Buffer.allocUnsafeSlow(OUTPUT);
let used = 0; // bytes of output not flushed yet
let queue = []; // buffers that the socket did not take
let queued = 0; // their bytes
let spins = 0;
let retrying = false;
let corked = false;
let socket = null;
let listener = null;
let rehearsing = false;

// The frame that is only partly here: its head, then the whole of it.
const partHead = Buffer.allocUnsafeSlow(HEAD);
let partHave = 0;
let part = null;

/** Opens descriptor 3. onFrame(type, stream, buffer, start, end) gets each frame. */
function open(onFrame) {
  listener = onFrame;
  socket = new net.Socket({
    fd: FD, readable: true, writable: true, allowHalfOpen: false,
    onread: { buffer: input, callback: read },
  });
  const gone = () => prim.exit(0);
  socket.on('end', gone);
  socket.on('close', gone);
  socket.on('error', gone);
}

/** While on, output goes nowhere: a stem rehearses calls. */
function rehearse(on) {
  flush();
  rehearsing = on;
}

function read(n) {
  let at = 0;
  if (partHave > 0) {
    at = readPart(n);
    if (at < 0) return true;
  }
  while (n - at >= HEAD) {
    const length = (input[at] << 16) | (input[at + 1] << 8) | input[at + 2];
    if (length > FRAME_MAX) prim.exit(1);
    const end = at + HEAD + length;
    if (end > n) break;
    deliver(input, at, end);
    at = end;
  }
  if (at < n) {
    keep(at, n);
  }
  return true;
}

function deliver(buffer, at, end) {
  const stream = ((buffer[at + 4] << 24) | (buffer[at + 5] << 16) |
    (buffer[at + 6] << 8) | buffer[at + 7]) >>> 0;
  listener(buffer[at + 3], stream, buffer, at + HEAD, end);
}

// keep stores the beginning of a frame that ends in a later read.
function keep(at, n) {
  const have = n - at;
  if (have < HEAD) {
    bytes.copy(input, partHead, 0, at, n);
    partHave = have;
    return;
  }
  bytes.copy(input, partHead, 0, at, at + HEAD);
  startPart();
  bytes.copy(input, part, 0, at, n);
  partHave = have;
}

function startPart() {
  const length = (partHead[0] << 16) | (partHead[1] << 8) | partHead[2];
  if (length > FRAME_MAX) prim.exit(1);
  part = Buffer.allocUnsafeSlow(HEAD + length);
  bytes.copy(partHead, part, 0, 0, HEAD);
}

// readPart completes the frame begun earlier; it gives where the next one starts,
// or -1 when the input ended first.
function readPart(n) {
  let at = 0;
  if (part === null) {
    const take = Math.min(HEAD - partHave, n);
    bytes.copy(input, partHead, partHave, 0, take);
    partHave += take;
    at = take;
    if (partHave < HEAD) return -1;
    startPart();
  }
  const take = Math.min(part.length - partHave, n - at);
  bytes.copy(input, part, partHave, at, at + take);
  partHave += take;
  if (partHave < part.length) return -1;
  const whole = part;
  part = null;
  partHave = 0;
  deliver(whole, 0, whole.length);
  return at + take;
}

function putHead(at, type, stream, length) {
  output[at] = length >>> 16;
  output[at + 1] = length >>> 8;
  output[at + 2] = length;
  output[at + 3] = type;
  output[at + 4] = stream >>> 24;
  output[at + 5] = stream >>> 16;
  output[at + 6] = stream >>> 8;
  output[at + 7] = stream;
}

function room(length) {
  if (used + HEAD + length > OUTPUT) flush();
}

/** Gathers a frame without payload. */
function empty(type, stream) {
  room(0);
  putHead(used, type, stream, 0);
  used += HEAD;
}

/** Gathers a frame whose payload is text; gives the payload's length in bytes. */
function text(type, stream, string) {
  const most = string.length * 3;
  if (HEAD + most > OUTPUT) {
    const whole = bytes.from(string);
    large(type, stream, whole);
    return whole.length;
  }
  room(most);
  const length = bytes.write(output, string, used + HEAD, most);
  putHead(used, type, stream, length);
  used += HEAD + length;
  return length;
}

/** Gathers a log frame: which of stdout 1 and stderr 2, then the line. */
function log(stream, which, string) {
  const most = string.length * 3;
  room(most + 1);
  output[used + HEAD] = which;
  const length = 1 + bytes.write(output, string, used + HEAD + 1, most);
  putHead(used, TYPE.log, stream, length);
  used += HEAD + length;
}

/** Gathers a log frame that names the invocation: for calls that are no streams. */
function logNamed(id, which, string) {
  const name = bytes.byteLength(id);
  const most = string.length * 3;
  room(most + name + 2);
  output[used + HEAD] = which;
  output[used + HEAD + 1] = name;
  bytes.write(output, id, used + HEAD + 2, name);
  const length = 2 + name + bytes.write(output, string, used + HEAD + 2 + name, most);
  putHead(used, TYPE.logNamed, 0, length);
  used += HEAD + length;
}

/** Gathers a frame whose payload is a part of a buffer. */
function data(type, stream, buffer, start, end) {
  const length = end - start;
  room(length);
  bytes.copy(buffer, output, used + HEAD, start, end);
  putHead(used, type, stream, length);
  used += HEAD + length;
}

// large sends a payload that the output buffer cannot hold, such as a long head.
function large(type, stream, payload) {
  if (payload.length > FRAME_MAX) throw new RangeError('frame of ' + payload.length + ' bytes');
  flush();
  putHead(0, type, stream, payload.length);
  used = HEAD;
  flush();
  send(payload, payload.length, true);
}

/** Gathers a window frame. */
function grant(stream, count) {
  room(4);
  putHead(used, TYPE.window, stream, 4);
  output[used + 8] = count >>> 24;
  output[used + 9] = count >>> 16;
  output[used + 10] = count >>> 8;
  output[used + 11] = count;
  used += HEAD + 4;
}

/** Sends what was gathered. */
function flush() {
  if (used === 0) return;
  const n = used;
  used = 0;
  send(output, n, false);
}

/** Sends what was gathered, with what else comes up before the loop turns. */
function flushSoon() {
  if (corked) return;
  corked = true;
  prim.setImmediate(uncork);
}

function uncork() {
  corked = false;
  flush();
}

function send(buffer, length, owned) {
  let sent = 0;
  if (queue.length === 0) sent = attempt(buffer, 0, length);
  if (sent === length) return;
  let rest = bytes.sub(buffer, sent, length);
  if (!owned) rest = bytes.from(rest);
  prim.push(queue, rest);
  queued += rest.length;
  retrySoon();
}

// attempt writes once and gives how much was taken, 0 when the socket is full.
function attempt(buffer, start, end) {
  if (rehearsing) return end - start;
  try {
    return writeSync(FD, buffer, start, end - start);
  } catch (e) {
    if (e.code === 'EAGAIN') return 0;
    if (e.code === 'EINTR') return 0;
    return prim.exit(1); // the host is gone, or the function closed the descriptor
  }
}

function retrySoon() {
  if (retrying) return;
  retrying = true;
  if (spins++ < SPINS) prim.setImmediate(retry);
  else prim.setTimeout(retry, 1);
}

function retry() {
  retrying = false;
  if (drain()) {
    spins = 0;
    return;
  }
  retrySoon();
}

// drain sends the queue as far as the socket takes it.
function drain() {
  while (queue.length > 0) {
    const first = queue[0];
    const sent = attempt(first, 0, first.length);
    queued -= sent;
    if (sent > 0) spins = 0;
    if (sent < first.length) {
      queue[0] = bytes.sub(first, sent);
      return false;
    }
    prim.shift(queue);
  }
  return true;
}

/** Waits, blocking, until the queue is short enough: log lines have no other brake. */
function brake() {
  if (queued <= QUEUE_MAX) return;
  while (!drain() && queued > QUEUE_MAX) nap(1);
}

/** Sends everything, blocking, for a process that is about to end. */
function finish() {
  flush();
  const until = prim.now() + DRAIN_MS;
  while (!drain() && prim.now() < until) nap(1);
}

module.exports = {
  TYPE, BODY_MAX, WINDOW, FRAME_MAX,
  open, rehearse, empty, text, log, logNamed, data, grant, flush, flushSoon, brake, finish,
  ref: () => { if (socket !== null) socket.ref(); },
  unref: () => { if (socket !== null) socket.unref(); },
};
