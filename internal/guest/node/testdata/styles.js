// SPDX-License-Identifier: Apache-2.0

// One handler per path, each in another style.
const wait = (ms) => new Promise((r) => setTimeout(r, ms));
const late = (ms) => {
  globalThis.late = 0;
  return setTimeout(() => { globalThis.late = 1; }, ms);
};

const routes = {
  async: async (e, c) => ({ id: c.awsRequestId === e.requestContext.requestId }),
  sync: () => ({ lost: true }),
  callback: (e, c, cb) => { setTimeout(() => cb(null, { cb: 1 }), 1); },
  held: (e, c, cb) => {
    cb(null, { held: 1 });
    late(30);
  },
  islate: async () => ({ late: globalThis.late }),
  unheld: (e, c, cb) => {
    c.callbackWaitsForEmptyEventLoop = false;
    late(60000);
    cb(null, 'now');
  },
  succeed: (e, c) => { setTimeout(() => c.succeed({ ok: 1 }), 1); },
  done: (e, c) => c.done(null, { done: 1 }),
  donefail: (e, c) => c.done(new RangeError('no')),
  fail: (e, c) => c.fail('text'),
  failempty: (e, c) => c.fail(),
  cberror: (e, c, cb) => cb(new TypeError('cb')),
  twice: (e, c, cb) => {
    c.callbackWaitsForEmptyEventLoop = false;
    cb(null, 1);
    cb(null, 2);
    throw new Error('late');
  },
  throws: () => { throw new SyntaxError('boom'); },
  rejects: async () => {
    await wait(1);
    throw new URIError('later');
  },
  never: () => new Promise(() => {}),
  undef: async () => undefined,
  nothrow: async () => { throw undefined; },
  string: async () => { throw 'a string'; },
  object: async () => { throw { code: 7 }; },
  getter: async () => {
    throw Object.defineProperty(new Error('x'), 'message', { get() { throw 1; } });
  },
  circular: async () => {
    const a = {};
    a.a = a;
    return a;
  },
  bigint: async () => ({ n: 1n }),
  huge: async () => { throw new Error('x'.repeat(3 << 20)); },
  symbol: async () => Symbol('s'),
  thenable: () => ({ then(ok) { setTimeout(ok, 1, { thenable: true }); } }),
  env: async () => ({ env: process.env, cwd: process.cwd(), argv: process.argv.length }),
  context: async (e, c) => ({ c, left: c.getRemainingTimeInMillis() }),
  trace: async (e) => ({ id: process.env._X_AMZN_TRACE_ID, h: e.headers.traceparent }),
};

exports.handler = (e, c, cb) => routes[e.rawPath.slice(1)](e, c, cb);
exports.event = async (e) => ({ got: e });
