// SPDX-License-Identifier: Apache-2.0
'use strict';

// What the guest needs of the language, taken before any foreign code runs: a
// function that patches JSON, Buffer, Date or timers must not break the guest.

const uncurry = Function.prototype.bind.bind(Function.prototype.call);
const exec = uncurry(RegExp.prototype.exec);

module.exports = {
  uncurry,
  parse: JSON.parse,
  stringify: JSON.stringify,
  now: Date.now,
  Date,
  Promise,
  Error,
  TypeError,
  keys: Object.keys,
  define: Object.defineProperty,
  hasOwn: uncurry(Object.prototype.hasOwnProperty),
  isArray: Array.isArray,
  join: uncurry(Array.prototype.join),
  push: uncurry(Array.prototype.push),
  shift: uncurry(Array.prototype.shift),
  split: uncurry(String.prototype.split),
  indexOf: uncurry(String.prototype.indexOf),
  slice: uncurry(String.prototype.slice),
  lower: uncurry(String.prototype.toLowerCase),
  replaceAll: uncurry(String.prototype.replaceAll),
  replace: uncurry(String.prototype.replace),
  startsWith: uncurry(String.prototype.startsWith),
  endsWith: uncurry(String.prototype.endsWith),
  trim: uncurry(String.prototype.trim),
  test: (pattern, text) => exec(pattern, text) !== null, // RegExp's own calls this.exec
  exec,
  toISOString: uncurry(Date.prototype.toISOString),
  then: uncurry(Promise.prototype.then),
  resolve: Promise.resolve.bind(Promise),
  decodeURIComponent,
  setTimeout,
  clearTimeout,
  setImmediate,
  nextTick: process.nextTick,
  exit: process.reallyExit.bind(process),
  bytes: {
    alloc: Buffer.allocUnsafe,
    from: Buffer.from,
    concat: Buffer.concat,
    byteLength: Buffer.byteLength,
    utf8: uncurry(Buffer.prototype.utf8Slice),
    latin1: uncurry(Buffer.prototype.latin1Slice),
    base64: uncurry(Buffer.prototype.base64Slice),
    write: uncurry(Buffer.prototype.utf8Write),
    copy: uncurry(Buffer.prototype.copy),
    sub: uncurry(Buffer.prototype.subarray),
  },
};
