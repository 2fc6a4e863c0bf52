// SPDX-License-Identifier: Apache-2.0
'use strict';

// Warms a stem: first calls run along the very paths that real ones take, before any
// revision is known. The first part runs before hello, since every function gains by
// it; the second loads what is dear and needed by some, while the stem lies idle.

const path = require('path');
const { pathToFileURL } = require('url');
const prim = require('./prim.cjs');
const wire = require('./wire.cjs');
const lambda = require('./lambda.cjs');
const load = require('./load.cjs');
const failure = require('./failure.cjs');
const { dispatch, calls } = require('./call.cjs');
const { TYPE } = wire;

// What handlers commonly load, by what it costs.
const FIRST = ['events', 'os', 'path', 'url', 'util'];
const SECOND = [
  'crypto', 'http', 'https', 'zlib', 'fs/promises', 'assert', 'child_process', 'dns',
  'querystring', 'stream/promises', 'timers/promises', 'tls',
];
const PARTS = ['./serve.cjs', './spelling.cjs', './detect.cjs', './framework.cjs'];

const ROUNDS = 2; // the first compiles, the second settles inline caches
const IDLE_MS = 200; // past the burst that the stem may have been started for
const TURNS_MAX = 100; // turns of the event loop that a rehearsed call may take

const SPEC = {
  function: 'warm', revision: 'warm@0', number: 0, concurrency: 1, memory_bytes: 1 << 28,
  task: __dirname, entry: 'warm', dialect: 'fetch',
};

const HEAD = {
  id: '00000000-0000-7000-8000-000000000000', kind: 'http', deadline_ms: 1, received_ms: 1,
  method: 'POST', path: '/a', prefix: '/function/warm', query: 'a=1&b=%20', proto: 'HTTP/1.1',
  scheme: 'http', host: 'localhost:8080', remote: '127.0.0.1', length: 2,
  headers: [['content-type', 'application/json'], ['cookie', 'a=b; c=d'], ['accept', '*/*']],
  trace: '00-00000000000000000000000000000000-0000000000000000-00',
};

const HANDLERS = [
  async (event) => ({ statusCode: 200, headers: { a: 'b' }, body: event.body }),
  (event, context, callback) => {
    context.callbackWaitsForEmptyEventLoop = false;
    callback(null, { ok: event.rawPath, left: context.getRemainingTimeInMillis() });
  },
  async () => 'text',
];

let stream = 0;
let running = null; // the step of the second part under way

/** Waits for the step of the second part that runs just now. */
async function idle() {
  if (running !== null) await running.catch(() => {});
}

/** The first part, before hello. */
async function first() {
  for (const name of FIRST) require(name);
  await load.load(SPEC); // a CommonJS module of ours
  for (let round = 0; round < ROUNDS; round++) {
    for (const handler of HANDLERS) {
      lambda.start(SPEC, handler, {});
      await rehearse(lambda);
    }
  }
  failure.frameOf('exception', failure.describe(new Error('warm')));
  delete process.env._X_AMZN_TRACE_ID;
}

/** The second part, once the stem has idled for a while; busy tells that it is used. */
function second(busy) {
  const steps = [
    ...SECOND.map((name) => () => require(name)),
    ...PARTS.map((name) => () => require(name)),
    () => import(pathToFileURL(path.join(__dirname, 'warm.mjs')).href),
    () => globalThis.Request, // loads Node's fetch
    () => require('./fetch.cjs'),
    fetching,
    serving,
  ];
  const next = async () => {
    const step = steps.shift();
    if (step === undefined || busy()) return;
    running = Promise.resolve().then(step);
    try {
      await running;
    } catch {
      return; // what cannot be warmed stays cold
    }
    running = null;
    prim.setImmediate(next); // input comes first
  };
  prim.setTimeout(next, IDLE_MS).unref();
}

async function fetching() {
  const fetch = require('./fetch.cjs');
  fetch.start(SPEC, async (req) => new Response(await req.text(), { headers: { a: 'b' } }), {});
  await rehearse(fetch);
}

// serving lets a server of ours answer one request.
async function serving() {
  const http = require('http');
  const server = await require('./serve.cjs').serverOf((req, res) => { res.end('ok'); }, 0);
  const { port } = server.address();
  await new Promise((resolve, reject) => {
    const req = http.get({ port, host: '127.0.0.1', agent: false }, (res) => {
      res.resume();
      res.on('end', resolve);
    });
    req.on('error', reject);
  });
  await new Promise((resolve) => { server.close(resolve); });
}

// rehearse runs one call of a dialect as if the host had sent it.
async function rehearse(dialect) {
  stream++;
  const body = Buffer.from('{}');
  wire.rehearse(true);
  dialect.request(stream, JSON.parse(JSON.stringify(HEAD)));
  dispatch(TYPE.body, stream, body, 0, body.length);
  dispatch(TYPE.end, stream, body, 0, 0);
  for (let turn = 0; calls.size > 0 && turn < TURNS_MAX; turn++) {
    await new Promise((resolve) => { setImmediate(resolve); });
  }
  wire.rehearse(false);
}

module.exports = { first, second, idle };
