// SPDX-License-Identifier: Apache-2.0
'use strict';

// The guest for Node: boots as a stem, becomes a revision when told so, serves calls.
//
//   open ─▶ warm ─▶ hello ─▶ (specialise) ─▶ load ─▶ ready ─▶ (request …)

const logs = require('./logs.cjs');
logs.install();

const wire = require('./wire.cjs');
const failure = require('./failure.cjs');
const { calls, dispatch } = require('./call.cjs');
const prim = require('./prim.cjs');
const become = require('./become.cjs');
const warm = require('./warm.cjs');
const { bytes } = prim;
const { TYPE } = wire;

const EXIT_INIT = 1;
const EXIT_REJECTION = 128; // as AWS's runtime exits
const EXIT_EXCEPTION = 129;
const ANSWER_MS = 50; // how long a crashing server may take to send its last answers

let live = null; // {dialect, request, crash}: once ready
let specialised = false;

function receive(type, stream, buffer, start, end) {
  if (type === TYPE.request) {
    live.request(stream, prim.parse(bytes.utf8(buffer, start, end)));
  } else if (stream !== 0) {
    dispatch(type, stream, buffer, start, end);
  } else if (type === TYPE.specialise && !specialised) {
    specialised = true;
    specialise(prim.parse(bytes.utf8(buffer, start, end)));
  }
}

async function specialise(spec) {
  try {
    await warm.idle();
    const made = await become.revision(spec);
    live = made;
    wire.ref();
    wire.text(TYPE.ready, 0, prim.stringify(made.ready));
    wire.flush();
  } catch (e) {
    fatal(e);
  }
}

// fatal ends a guest whose initialisation failed.
function fatal(e) {
  const d = failure.describe(e);
  logs.close(logs.nobody);
  logs.print(logs.STDERR, failure.logText(d) + '\n');
  wire.text(TYPE.error, 0, failure.frameOf('init', d));
  wire.finish();
  prim.exit(EXIT_INIT);
}

// onEmptyLoop: nothing is left that could go on by itself.
function onEmptyLoop() {
  if (live !== null) {
    if (live.onEmptyLoop) live.onEmptyLoop();
  } else if (specialised) {
    fatal(become.excuse() || failure.named('Runtime.NodeJsExit',
      'the module waits at its top level for something that can never happen'));
  }
}

// crash ends a process in which something was thrown that nobody caught: the callers
// are told, as their dialect tells it.
function crash(thrown, unhandled) {
  if (live === null) return fatal(thrown);
  const d = live.crash(thrown, unhandled);
  if (live.dialect !== 'lambda') logs.print(logs.STDERR, failure.logText(d) + '\n');
  if (unhandled && live.dialect === 'fetch') return undefined; // as Workers do: logged only
  const code = unhandled ? EXIT_REJECTION : EXIT_EXCEPTION;
  if (live.ready.serve === 'http') {
    prim.setTimeout(() => process.exit(code), ANSWER_MS);
    return undefined;
  }
  const call = logs.current();
  if (call.stream !== 0) call.fail('exception', d);
  else calls.forEach((each) => { each.fail('exception', d); });
  process.exit(code);
  return undefined;
}

function onUncaught(name, unhandled) {
  process.on(name, (thrown) => {
    // A function that listens itself has taken over, save on Lambda, where AWS's own
    // listener comes first as well.
    if (live !== null && live.dialect !== 'lambda' && process.listenerCount(name) > 1) return;
    crash(thrown, unhandled);
  });
}

async function boot() {
  await warm.first();
  wire.open(receive);
  onUncaught('uncaughtException', false);
  onUncaught('unhandledRejection', true);
  process.on('beforeExit', onEmptyLoop);
  process.on('exit', () => {
    logs.close(logs.current());
    wire.finish();
  });
  wire.text(TYPE.hello, 0, prim.stringify({
    protocol: 1, language: 'node', version: process.versions.node,
  }));
  wire.flush();
  warm.second(() => specialised);
}

boot();
