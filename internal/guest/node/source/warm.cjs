// SPDX-License-Identifier: Apache-2.0
'use strict';

// Warms a stem: what handlers commonly use is loaded, and first calls have run along
// the very paths that real ones take, before any revision is known.

const fs = require('fs');
const path = require('path');
const Module = require('module');
const { pathToFileURL } = require('url');
const wire = require('./wire.cjs');
const lambda = require('./lambda.cjs');
const fetch = require('./fetch.cjs');
const load = require('./load.cjs');
const failure = require('./failure.cjs');
const { dispatch, calls } = require('./call.cjs');
const { TYPE } = wire;

const PRELOADED = [
  'assert', 'child_process', 'crypto', 'dns', 'events', 'fs/promises', 'http', 'https', 'os',
  'querystring', 'stream/promises', 'timers/promises', 'tls', 'util', 'zlib',
];
const ROUNDS = 3; // the first compiles, the next ones settle inline caches

const SPEC = {
  function: 'warm', revision: 'warm@0', number: 0, concurrency: 1, memory_bytes: 1 << 28,
  task: __dirname, entry: 'warm',
};

const HEAD = {
  id: '00000000-0000-7000-8000-000000000000', kind: 'http', deadline_ms: 1, received_ms: 1,
  method: 'POST', path: '/a', prefix: '/function/warm', query: 'a=1&b=%20', proto: 'HTTP/1.1',
  scheme: 'http', host: 'localhost:8080', remote: '127.0.0.1', length: 2,
  headers: [['content-type', 'application/json'], ['cookie', 'a=b; c=d'], ['accept', '*/*']],
  trace: '00-00000000000000000000000000000000-0000000000000000-00',
};

/** Warms everything; what it did leaves no trace but warmth. */
async function up() {
  for (const name of PRELOADED) require(name);
  const env = process.env._X_AMZN_TRACE_ID;
  wire.listen(receive);
  await loading();
  await calling();
  if (env === undefined) delete process.env._X_AMZN_TRACE_ID;
}

function receive(type, stream, buffer, start, end) {
  if (type !== TYPE.request) return dispatch(type, stream, buffer, start, end);
  const serve = stream % 2 === 1 ? lambda : fetch;
  return serve.request(stream, JSON.parse(buffer.toString('utf8', start, end)));
}

// loading runs the loaders of both kinds of modules.
async function loading() {
  await load.load({ ...SPEC, dialect: 'fetch' });
  await import(pathToFileURL(path.join(__dirname, 'warm.mjs')).href);
  load.taskRequire(__dirname)('./prim.cjs');
  Module._initPaths();
  fs.existsSync(__filename);
}

// calling runs calls of the dialects that are served by frames.
async function calling() {
  const handlers = [
    async (event) => ({ statusCode: 200, headers: { a: 'b' }, body: event.body }),
    (event, context, callback) => {
      context.callbackWaitsForEmptyEventLoop = false;
      callback(null, { ok: event.rawPath, left: context.getRemainingTimeInMillis() });
    },
    async () => 'text',
  ];
  fetch.start(SPEC, async (req) => new Response(await req.text(), { headers: { a: 'b' } }), {});
  failure.frameOf('exception', failure.describe(new Error('warm')));
  let stream = 1;
  for (let round = 0; round < ROUNDS; round++) {
    for (const handler of handlers) {
      lambda.start(SPEC, handler, {});
      wire.rehearse(call(stream));
      await settled();
      stream += 2;
    }
    wire.rehearse(call(stream + 1));
    await settled();
    stream += 2;
  }
}

// settled waits until no call is open: all of ours end within a few turns.
async function settled() {
  for (let turn = 0; calls.size > 0 && turn < 100; turn++) {
    await new Promise((resolve) => { setImmediate(resolve); });
  }
}

function call(stream) {
  return Buffer.concat([
    frame(TYPE.request, stream, JSON.stringify(HEAD)),
    frame(TYPE.body, stream, '{}'),
    frame(TYPE.end, stream, ''),
  ]);
}

function frame(type, stream, text) {
  const head = Buffer.alloc(8);
  head.writeUIntBE(text.length, 0, 3);
  head[3] = type;
  head.writeUInt32BE(stream, 4);
  return Buffer.concat([head, Buffer.from(text)]);
}

module.exports = { up };
