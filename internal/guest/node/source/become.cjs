// SPDX-License-Identifier: Apache-2.0
'use strict';

// Specialising: from a stem to one revision of a function.

const fs = require('fs');
const path = require('path');
const Module = require('module');
const v8 = require('v8');
const { pathToFileURL } = require('url');
const prim = require('./prim.cjs');
const wire = require('./wire.cjs');
const logs = require('./logs.cjs');
const failure = require('./failure.cjs');
const load = require('./load.cjs');
const lambda = require('./lambda.cjs');
const streaming = require('./streaming.cjs');

// parts are what only some dialects need: loaded then, or while the stem idles.
const parts = {
  get detect() { return require('./detect.cjs'); },
  get fetch() { return require('./fetch.cjs'); },
  get framework() { return require('./framework.cjs'); },
  get serve() { return require('./serve.cjs'); },
  get spelling() { return require('./spelling.cjs'); },
};

// DIALECTS load what they serve by themselves, each from a file of its own.
const DIALECTS = {
  cloudevent: './events.cjs', event: './events.cjs', typed: './events.cjs',
  openfaas: './openfaas.cjs', openwhisk: './openwhisk.cjs', azure: './azure.cjs',
  vercel: './vercel.cjs', netlify: './netlify.cjs',
};
const CONFIG = '.dayfly/node.json'; // what detection found, when the guest cannot

const FRAMES = 'frames';
const SMALL = 512 << 20; // bytes of memory up to which the heap is kept tight
const TIGHT = 50; // percent that a heap grows by between full collections
const ROOMY = 100;

let waiting = false; // the module is loaded, and may still come to listen

// heap bounds how much garbage may pile up: V8 lets a heap of 60 MB grow to four times
// that before it collects, more than a small function may use, and a process that runs
// can no longer be given an absolute limit.
function heap(memoryBytes) {
  v8.setFlagsFromString('--heap-growing-percent=' + (memoryBytes <= SMALL ? TIGHT : ROOMY));
}

/** Becomes the revision: loads it and gives {dialect, ready, request, crash}. */
async function revision(spec) {
  heap(spec.memory_bytes);
  await environment(spec);
  const config = configuration(spec.task);
  const hooks = prepare(spec);
  if (config !== null) require('./standin.cjs').install(config, hooks, spec);
  wire.unref(); // a module that never finishes loading empties the event loop
  const own = DIALECTS[spec.dialect];
  if (own !== undefined) return require(own).become(spec, hooks, config || {});
  const loaded = await (config === null ? load.load(spec) : loadOrServed(spec, hooks));
  const dialect = spec.dialect || parts.detect.dialect(loaded, hooks, targets(spec, loaded));
  if (hooks.catcher !== null && dialect !== 'node-http') hooks.catcher.release();
  if (dialect === 'lambda') return becomeLambda(spec, loaded);
  if (dialect === 'fetch') return becomeFetch(spec, loaded, hooks, config);
  if (dialect === 'framework') return becomeFramework(spec, loaded, hooks);
  if (dialect === 'node-http') return becomeServer(spec, loaded, hooks);
  throw failure.named('Runtime.UnknownDialect', `dialect ${dialect} is not one of Node's`);
}

// loadOrServed loads the module; one that waits for the server that a stand-in started,
// as Deno's may, never finishes loading, and need not.
function loadOrServed(spec, hooks) {
  const served = new prim.Promise((resolve) => {
    hooks.onServed = () => resolve({ exports: {}, name: '' });
  });
  return prim.Promise.race([load.load(spec), served]);
}

// configuration reads what the build left for the guest; null when it left nothing.
function configuration(task) {
  const file = path.join(task, CONFIG);
  return fs.existsSync(file) ? prim.parse(fs.readFileSync(file, 'utf8')) : null;
}

// environment makes process.env exactly what the revision says, and all that Node
// derived from it at its start.
async function environment(spec) {
  const env = spec.env || {};
  for (const name of prim.keys(process.env)) {
    if (!prim.hasOwn(env, name)) delete process.env[name];
  }
  for (const name of prim.keys(env)) process.env[name] = env[name];
  process.chdir(spec.task);
  process.title = 'node';
  Module._initPaths(); // NODE_PATH
  if (spec.concurrency > 1) logs.overlap();
  if (env.NODE_OPTIONS) await options(env.NODE_OPTIONS, spec.task);
}

// options honours what of NODE_OPTIONS can be had in a process that runs already.
async function options(text, task) {
  const require = load.taskRequire(task);
  const words = text.trim().split(/\s+/);
  for (let i = 0; i < words.length; i++) {
    const eq = words[i].indexOf('=');
    const flag = eq < 0 ? words[i] : words[i].slice(0, eq);
    const value = () => (eq < 0 ? words[++i] : words[i].slice(eq + 1));
    if (flag === '--require' || flag === '-r') require(value());
    else if (flag === '--import') await import(pathToFileURL(require.resolve(value())).href);
    else if (flag === '--enable-source-maps') process.setSourceMapsEnabled(true);
    else if (flag === '--no-warnings') process.removeAllListeners('warning');
    else logs.print(logs.STDERR, `NODE_OPTIONS: ${words[i]} has no effect on a running process\n`);
  }
}

// prepare puts up what user code may call while it loads.
function prepare(spec) {
  const any = !spec.dialect;
  const hooks = { listeners: [], catcher: null, framework: null, served: null };
  if (any || spec.dialect === 'lambda') {
    streaming.install();
    if (!any) logs.lambdaConsole(spec.env || {});
  }
  if (spec.dialect === 'fetch') require('./fetch.cjs'); // before user code can patch what it takes
  if (any || spec.dialect === 'fetch') hooks.listeners = parts.spelling.listen();
  if (any || spec.dialect === 'node-http') hooks.catcher = new parts.serve.Catcher(spec.port);
  if (any || spec.dialect === 'framework') hooks.framework = parts.framework.install(spec.task);
  return hooks;
}

function becomeLambda(spec, loaded) {
  const handler = load.handlerOf(loaded, spec.entry);
  if (!spec.dialect) logs.lambdaConsole(spec.env || {});
  lambda.start(spec, handler, spec.env || {});
  return {
    dialect: 'lambda', ready: { serve: FRAMES, dialect: 'lambda' },
    request: lambda.request, crash: lambda.crash, onEmptyLoop: lambda.onEmptyLoop,
  };
}

function becomeFetch(spec, loaded, hooks, config) {
  const value = parts.detect.valueOf(loaded);
  const { fetch } = parts;
  let handler = hooks.served || parts.spelling.find(value, loaded.exports, hooks.listeners);
  if (parts.spelling.isWorker(value)) handler = require('./worker.cjs').wrap(value, handler, fetch.isEvent);
  if (handler === null) {
    throw failure.named('Runtime.HandlerNotFound', `${spec.entry} is not a fetch handler: ` +
      'export default { fetch(request) {…} }, a function, or functions named GET, POST …');
  }
  fetch.start(spec, handler, { ...(config && config.vars), ...spec.env });
  return {
    dialect: 'fetch', ready: { serve: FRAMES, dialect: 'fetch' },
    request: fetch.request, crash: failure.describe,
  };
}

// targets are the names under which functions-framework may know the function.
function targets(spec, loaded) {
  const named = (spec.env || {}).FUNCTION_TARGET;
  return [loaded.name, named === undefined ? 'function' : named];
}

async function becomeFramework(spec, loaded, hooks) {
  const found = parts.framework.registeredAs(hooks.framework, targets(spec, loaded));
  if (found !== null && found.type !== 'http') {
    return require('./events.cjs').serving(found.type, found.fn);
  }
  const fn = found === null ? load.handlerOf(loaded, spec.entry) : found.fn;
  return parts.serve.serving('framework', await parts.framework.start(fn, spec));
}

async function becomeServer(spec, loaded, hooks) {
  let server = hooks.catcher.server;
  if (server === null) server = await parts.serve.serverOf(parts.detect.appOf(loaded), spec.port);
  if (server === null || !server.listening) {
    waiting = true;
    server = await hooks.catcher.wait();
  }
  hooks.catcher.release();
  return parts.serve.serving('node-http', server);
}

/** Why a module that has loaded does not serve; null while it has not loaded. */
function excuse() {
  return waiting ? failure.named('Runtime.HandlerNotFound',
    'the module exports no (req, res) function and no application, and does not listen') : null;
}

module.exports = { revision, excuse };
