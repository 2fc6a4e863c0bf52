// SPDX-License-Identifier: Apache-2.0
'use strict';

// The Deno global: what simple functions of Deno use.

const fs = require('fs');
const os = require('os');
const util = require('util');
const { agent, closed } = require('./standin.cjs');

const env = {
  get: (name) => process.env[name],
  set: (name, value) => { process.env[name] = value; },
  has: (name) => process.env[name] !== undefined,
  delete: (name) => { delete process.env[name]; },
  toObject: () => ({ ...process.env }),
};

class NotFound extends Error {}
class PermissionDenied extends Error {}

function translate(e) {
  if (e.code === 'ENOENT') return new NotFound(e.message, { cause: e });
  if (e.code === 'EACCES' || e.code === 'EROFS') return new PermissionDenied(e.message, { cause: e });
  return e;
}

function promised(fn) {
  return (...args) => fn(...args).catch((e) => { throw translate(e); });
}

// serve remembers the handler; the platform listens.
function serve(hooks) {
  return (first, second) => {
    const options = typeof first === 'function' ? {} : first;
    const handler = typeof first === 'function' ? first : second || first.handler;
    const addr = { transport: 'tcp', hostname: '0.0.0.0', port: options.port || 8000 };
    hooks.served = (req) => {
      const hostname = (req.headers.get('x-forwarded-for') || '').split(',')[0].trim();
      const info = { remoteAddr: { transport: 'tcp', hostname, port: 0 }, completed: Promise.resolve() };
      if (options.onError === undefined) return handler(req, info);
      return (async () => handler(req, info))().catch(options.onError);
    };
    if (options.onListen) options.onListen(addr);
    // After a module that goes on has had its turn.
    setImmediate(() => setImmediate(() => hooks.onServed && hooks.onServed()));
    const never = new Promise(() => {});
    return { addr, finished: never, shutdown: async () => {}, ref() {}, unref() {} };
  };
}

function install(hooks) {
  agent('Deno/2.0.0');
  globalThis.Deno = closed('Deno', {
    serve: serve(hooks), env, args: [], pid: process.pid, noColor: true, mainModule: '',
    version: { deno: '2.0.0', v8: process.versions.v8, typescript: '5.6.2' },
    build: {
      os: 'linux', arch: process.arch === 'arm64' ? 'aarch64' : 'x86_64', vendor: 'unknown',
      target: 'x86_64-unknown-linux-gnu', standalone: false,
    },
    errors: { NotFound, PermissionDenied },
    cwd: () => process.cwd(), exit: (code) => process.exit(code), inspect: util.inspect,
    hostname: () => os.hostname(), memoryUsage: () => process.memoryUsage(),
    addSignalListener() {}, removeSignalListener() {},
    readTextFile: promised((file) => fs.promises.readFile(file, 'utf8')),
    readFile: promised(async (file) => new Uint8Array(await fs.promises.readFile(file))),
    writeTextFile: promised((file, text) => fs.promises.writeFile(file, text)),
    writeFile: promised((file, data) => fs.promises.writeFile(file, data)),
    mkdir: promised((dir, options) => fs.promises.mkdir(dir, options)),
    remove: promised((file, options) => fs.promises.rm(file, options)),
    readTextFileSync: (file) => fs.readFileSync(file, 'utf8'),
    readFileSync: (file) => new Uint8Array(fs.readFileSync(file)),
    writeTextFileSync: (file, text) => fs.writeFileSync(file, text),
  }, "use what the web's standards or Node have");
}

module.exports = { install };
