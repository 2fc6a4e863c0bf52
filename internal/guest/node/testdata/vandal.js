// SPDX-License-Identifier: Apache-2.0

// Breaks everything that the guest could have relied on, then handles calls.
const broken = () => { throw new Error('vandal'); };
const define = Object.defineProperty;
const write = process.stdout.write.bind(process.stdout);

const spoil = (object, ...names) => {
  for (const name of names) define(object, name, { value: broken });
};
spoil(Buffer, 'from', 'alloc', 'allocUnsafe', 'concat', 'byteLength');
spoil(Buffer.prototype, 'copy', 'toString', 'write', 'subarray', 'slice');
spoil(Map.prototype, 'get', 'set', 'delete', 'values');
spoil(String.prototype, 'split', 'indexOf', 'slice', 'toLowerCase', 'replace', 'replaceAll');
spoil(String.prototype, 'startsWith', 'trim');
spoil(RegExp.prototype, 'test', 'exec');
spoil(process, 'nextTick');
spoil(require('fs'), 'writeSync');
spoil(globalThis, 'setTimeout', 'setImmediate', 'queueMicrotask');
define(Object.prototype, 'inherited', { value: 1, enumerable: true, configurable: true });
globalThis.Date = class {
  constructor() { broken(); }
  static now() { broken(); }
};
console.log = write;
spoil(JSON, 'parse', 'stringify');
spoil(Array.prototype, 'push', 'shift', 'join', 'map', 'filter', 'forEach', 'slice', 'concat');
spoil(Object, 'keys', 'defineProperty');

exports.handler = async (e) => {
  console.log('still here\n');
  if (e.rawPath === '/throw') throw new RangeError('thrown');
  const body = e.body + e.queryStringParameters.q;
  return { statusCode: 200, headers: { 'x-a': 'b' }, cookies: ['c=d'], body };
};
