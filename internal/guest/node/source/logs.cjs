// SPDX-License-Identifier: Apache-2.0
'use strict';

// What the function prints, line by line, as log frames of the call that printed it.
//
// With one call at a time the current call is a variable. With more it is found
// through AsyncLocalStorage, which costs something at each promise.

const util = require('util');
const { AsyncLocalStorage } = require('async_hooks');
const { Writable } = require('stream');
const { StringDecoder } = require('string_decoder');
const prim = require('./prim.cjs');
const wire = require('./wire.cjs');
const { bytes } = prim;

const LINE_MAX = 16384; // bytes of one line in a log frame
const STDOUT = 1;
const STDERR = 2;

const format = util.format;
const nobody = { stream: 0, id: undefined, partial: ['', '', ''] };
let single = nobody; // the call that runs, while there is one at a time
let storage = null;

/** From now on calls may overlap. */
function overlap() {
  storage = new AsyncLocalStorage();
}

/** The call in whose name this code runs; one of stream 0 when there is none. */
function current() {
  if (storage === null) return single;
  const call = storage.getStore();
  return call === undefined || call.over ? nobody : call;
}

/** Runs fn(a, b) as a part of call. */
function within(call, fn, a, b) {
  if (storage !== null) return storage.run(call, fn, a, b);
  single = call;
  return fn(a, b);
}

/** Ends what call printed: a last line without a newline, and the call's name. */
function close(call) {
  if (call.partial[STDOUT] !== '') endLine(call, STDOUT);
  if (call.partial[STDERR] !== '') endLine(call, STDERR);
  if (single === call) single = nobody;
}

function endLine(call, which) {
  const rest = call.partial[which];
  call.partial[which] = '';
  line(call, which, rest);
}

/** Writes text that may hold many lines and end within one. */
function print(which, text) {
  const call = current();
  let at = 0;
  for (;;) {
    const end = prim.indexOf(text, '\n', at);
    if (end < 0) break;
    const before = call.partial[which];
    if (before !== '') call.partial[which] = '';
    line(call, which, before + prim.slice(text, at, end));
    at = end + 1;
  }
  if (at < text.length) {
    call.partial[which] += at === 0 ? text : prim.slice(text, at);
    if (call.partial[which].length > LINE_MAX) endLine(call, which);
  }
  wire.flush();
  wire.brake();
}

// line gathers one line, in pieces when it is too long for a frame.
function line(call, which, text) {
  if (text.length * 3 < LINE_MAX) {
    put(call, which, text);
    return;
  }
  const all = bytes.from(text);
  let at = 0;
  do {
    let end = Math.min(at + LINE_MAX - 64, all.length);
    while (end < all.length && (all[end] & 0xc0) === 0x80) end--;
    put(call, which, bytes.utf8(all, at, end));
    at = end;
    wire.brake();
  } while (at < all.length);
}

function put(call, which, text) {
  if (call.named) wire.logNamed(call.id, which, text);
  else wire.log(call.stream, which, text);
}

/** Writes one entry at once, of whatever call runs. */
function entry(which, text) {
  print(which, text + '\n');
}

// stream makes what stands for process.stdout or process.stderr.
function stream(which) {
  const decoder = new StringDecoder('utf8');
  const accept = (chunk, encoding) => {
    if (typeof chunk !== 'string') chunk = decoder.write(chunk);
    else if (encoding && encoding !== 'utf8' && encoding !== 'utf-8') {
      chunk = bytes.from(chunk, encoding).toString();
    }
    print(which, chunk);
  };
  const s = new Writable({
    decodeStrings: false,
    write(chunk, encoding, done) { accept(chunk, encoding); done(); },
  });
  s.write = function write(chunk, encoding, done) {
    if (typeof encoding === 'function') { done = encoding; encoding = undefined; }
    if (typeof chunk !== 'string' && !ArrayBuffer.isView(chunk)) {
      throw new prim.TypeError('The "chunk" argument must be of type string or an instance ' +
        'of Buffer, TypedArray, or DataView.');
    }
    accept(chunk, encoding);
    if (typeof done === 'function') prim.nextTick(done);
    return true;
  };
  s.end = function end(chunk) {
    if (typeof chunk === 'string' || ArrayBuffer.isView(chunk)) s.write(chunk);
    return s;
  };
  s.destroy = () => s;
  s._type = 'pipe';
  s.fd = which;
  return s;
}

/** Puts our streams in the place of the process's. */
function install() {
  const streams = [undefined, stream(STDOUT), stream(STDERR)];
  for (const [name, which] of [['stdout', STDOUT], ['stderr', STDERR]]) {
    Object.defineProperty(process, name, {
      configurable: true, enumerable: true, get: () => streams[which],
    });
  }
}

const LEVELS = {
  trace: ['TRACE', 4], debug: ['DEBUG', 8], info: ['INFO', 12], log: ['INFO', 12],
  warn: ['WARN', 16], error: ['ERROR', 20],
};
const RANK = { TRACE: 4, DEBUG: 8, INFO: 12, WARN: 16, ERROR: 20, FATAL: 24 };

/** Gives console the form that AWS's Node runtime gives it. */
function lambdaConsole(env) {
  const json = env.AWS_LAMBDA_LOG_FORMAT === 'JSON';
  const least = json ? RANK[String(env.AWS_LAMBDA_LOG_LEVEL).toUpperCase()] || 0 : 0;
  for (const name of prim.keys(LEVELS)) {
    const [level, rank] = LEVELS[name];
    console[name] = (...args) => {
      if (rank >= least) lambdaEntry(json, level, args);
    };
  }
}

function lambdaEntry(json, level, args) {
  const time = prim.toISOString(new prim.Date());
  const id = current().id;
  if (!json) {
    const text = prim.replaceAll(format(...args), '\n', '\r');
    entry(STDOUT, time + '\t' + id + '\t' + level + '\t' + text);
    return;
  }
  const record = { timestamp: time, level, requestId: id };
  if (args.length === 1 && typeof args[0] === 'object' && args[0] !== null &&
      !(args[0] instanceof prim.Error)) {
    record.message = args[0];
  } else {
    record.message = format(...args);
  }
  let text;
  try {
    text = prim.stringify(record);
  } catch {
    record.message = format(...args);
    text = prim.stringify(record);
  }
  entry(STDOUT, text);
}

/** Logs an error as AWS does: "Invoke Error" and the error as JSON. */
function lambdaError(title, d) {
  lambdaEntry(false, 'ERROR', [title + ' \t' +
    prim.stringify({ errorType: d.type, errorMessage: d.message, stack: d.trace })]);
}

module.exports = {
  STDOUT, STDERR, nobody, overlap, current, within, close, print, entry, install,
  lambdaConsole, lambdaError,
};
