// SPDX-License-Identifier: Apache-2.0
'use strict';

// Errors: from whatever was thrown to the error frame, and to AWS's spelling of it.
// What was thrown is foreign: getters may throw, texts may be of any size.

const path = require('path');
const util = require('util');
const prim = require('./prim.cjs');
const { bytes } = prim;

const FRAME_MAX = 256 << 10; // an error frame is kept below this
const TEXT_MAX = 64 << 10; // characters of a message
const TEXT_MIN = 4 << 10; // characters of a message when the frame got too long
const LINES_MAX = 100; // lines of a stack
const LINE_MAX = 1024; // characters of such a line
const HEADER_MAX = 16 << 10; // an error that travels as an HTTP header

const isNativeError = util.types.isNativeError;
const inspect = util.inspect;
const HOME = __dirname + path.sep;

/** An error of the platform's own vocabulary: Runtime.HandlerNotFound and the like. */
function named(type, message, cause) {
  const e = new prim.Error(message);
  e.name = type;
  if (cause !== undefined && typeof cause.stack === 'string') {
    e.stack = type + ': ' + cause.stack;
  } else {
    e.stack = type + ': ' + message;
  }
  return e;
}

function looksLikeError(v) {
  return v !== null && typeof v === 'object' && typeof v.name === 'string' &&
    typeof v.message === 'string' && typeof v.stack === 'string';
}

/** Describes what was thrown: {type, message, trace}, as AWS's Node runtime does. */
function describe(thrown) {
  try {
    if (isNativeError(thrown) || looksLikeError(thrown)) {
      return {
        type: cut(String(thrown.name), LINE_MAX),
        message: cut(String(thrown.message), TEXT_MAX),
        trace: traceOf(thrown.stack),
      };
    }
    return {
      type: typeof thrown, message: cut(textOf(thrown), TEXT_MAX), trace: [],
      spelled: cut(String(thrown), TEXT_MAX), // as AWS shows it: [object Object]
    };
  } catch {
    return {
      type: 'handled',
      message: 'callback called with Error argument, but there was a problem while ' +
        'retrieving one or more of its message, name, and stack',
      trace: [],
    };
  }
}

function textOf(v) {
  if (v === null || v === undefined) return String(v);
  if (typeof v === 'object' && v.toString === Object.prototype.toString) {
    return inspect(v, { depth: 2, breakLength: Infinity });
  }
  return v.toString();
}

function cut(s, most) {
  return s.length <= most ? s : prim.slice(s, 0, most) + '… (' + s.length + ' characters)';
}

// traceOf gives the lines of a stack without the guest's own.
function traceOf(stack) {
  if (typeof stack !== 'string') return [];
  const lines = prim.split(prim.slice(stack, 0, LINES_MAX * LINE_MAX), '\n');
  const kept = [];
  for (let i = 0; i < lines.length && kept.length < LINES_MAX; i++) {
    if (prim.indexOf(lines[i], HOME) >= 0) continue;
    prim.push(kept, cut(lines[i], LINE_MAX));
  }
  return kept;
}

/** The error as AWS spells it for callers. */
function payloadOf(d) {
  const errorMessage = d.spelled === undefined ? d.message : d.spelled;
  return prim.stringify({ errorType: d.type, errorMessage, trace: d.trace });
}

/** The payload of an error frame. kind is exception, init or bad_response. */
function frameOf(kind, d) {
  let json = encode(kind, d);
  if (json.length > FRAME_MAX) {
    json = encode(kind, shorter(d, TEXT_MIN, 20));
  }
  return json;
}

/** The error as the value of X-Dayfly-Failure. */
function headerOf(kind, d) {
  let json = encode(kind, d);
  if (json.length > HEADER_MAX) json = encode(kind, shorter(d, 1024, 10));
  return bytes.base64(bytes.from(json));
}

function shorter(d, text, lines) {
  const trace = [];
  for (let i = 0; i < d.trace.length && i < lines; i++) {
    prim.push(trace, cut(d.trace[i], 256));
  }
  return { type: cut(d.type, 128), message: cut(d.message, text), trace };
}

function encode(kind, d) {
  return prim.stringify({
    kind, type: d.type, message: d.message, stack: framesOf(d),
    payload: bytes.base64(bytes.from(payloadOf(d))),
  });
}

// framesOf gives the places only: the lines of a trace that begin with "at".
function framesOf(d) {
  const places = [];
  for (let i = 0; i < d.trace.length; i++) {
    const line = prim.trim(d.trace[i]);
    if (prim.startsWith(line, 'at ')) prim.push(places, prim.slice(line, 3));
  }
  return places;
}

/** The text that a log shows: the stack, or the value itself. */
function logText(d) {
  return d.trace.length > 0 ? prim.join(d.trace, '\n') : d.type + ': ' + d.message;
}

module.exports = { named, describe, payloadOf, frameOf, headerOf, logText };
