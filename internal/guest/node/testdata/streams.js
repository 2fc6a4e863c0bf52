// SPDX-License-Identifier: Apache-2.0

// One streaming handler per path.
const { pipeline } = require('stream/promises');
const { Readable } = require('stream');
const wait = (ms) => new Promise((r) => setTimeout(r, ms));
const { from } = awslambda.HttpResponseStream;

const routes = {
  plain: async (e, s) => {
    s.write('one ');
    s.write('two');
    s.end();
  },
  head: async (e, s) => {
    const headers = { 'X-A': 'b', 'Content-Type': 'text/plain' };
    s = from(s, { statusCode: 201, headers, cookies: ['a=1', 'b=2'] });
    s.write('made');
    s.end();
  },
  forgot: async (e, s) => { s.write('left open'); },
  empty: async (e, s) => { from(s, { statusCode: 204 }).end(); },
  typed: async (e, s) => {
    s.setContentType('text/csv');
    s.end('a,b');
  },
  pipe: async (e, s) => { await pipeline(Readable.from(['x', 'y', 'z']), s); },
  prelude: async (e, s) => {
    s.setContentType('application/vnd.awslambda.http-integration-response');
    s.write('{"statusCode":202,"headers":{"x-b":"c"}}');
    s.write('\0\0\0\0\0\0\0\0tail');
    s.end();
  },
  badprelude: async (e, s) => {
    s.setContentType('application/vnd.awslambda.http-integration-response');
    s.end('{"statusCode":');
  },
  early: async () => { throw new RangeError('before'); },
  mid: async (e, s) => {
    s.write('part');
    await wait(20);
    throw new RangeError('middle');
  },
  never: async (e, s) => {
    s.write('part');
    await new Promise(() => {});
  },
  big: async (e, s) => {
    for (let i = 0; i < 512; i++) {
      if (!s.write(Buffer.alloc(16384, 97))) await new Promise((r) => s.once('drain', r));
    }
    s.end();
  },
};

exports.handler = awslambda.streamifyResponse((e, s, c) => routes[e.rawPath.slice(1)](e, s, c));
