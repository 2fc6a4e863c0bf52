// SPDX-License-Identifier: Apache-2.0
'use strict';

// What a function finds that was written for another runtime: its globals and built-in
// modules, as far as plain functions use them. The build says which the source names.

const prim = require('./prim.cjs');
const resolve = require('./resolve.cjs');

const MODULES = {
  'cloudflare:workers': './standin-workers.cjs',
  '@azure/functions': './standin-azure.cjs',
  '@netlify/functions': './standin-netlify.cjs',
  '@vercel/functions': './standin-vercel.cjs',
};

const GLOBALS = {
  deno: './standin-deno.cjs', bun: './standin-bun.cjs', workers: './standin-worker-globals.cjs',
};

/**
 * Installs what the configuration names. A server that a stand-in is asked to start
 * becomes hooks.served.
 */
function install(config, hooks, spec) {
  for (const name of config.modules || []) {
    if (prim.hasOwn(MODULES, name)) resolve.provide(spec.task, name, MODULES[name]);
  }
  for (const name of config.globals || []) {
    if (prim.hasOwn(GLOBALS, name)) require(GLOBALS[name]).install(hooks, spec);
  }
}

/** Defines navigator.userAgent, which code tells runtimes by. */
function agent(userAgent) {
  const value = { userAgent, hardwareConcurrency: 1, language: 'en', onLine: true };
  Object.defineProperty(globalThis, 'navigator', { value, configurable: true, writable: true });
}

/** An error for what a stand-in has not. */
function absent(name, instead) {
  const e = new Error(`${name} is not there on this platform: ${instead}`);
  e.name = 'Runtime.NotSupported';
  return e;
}

/** An object of ours, whose other members say clearly that they are not there. */
function closed(name, object, instead) {
  return new Proxy(object, {
    get(target, key) {
      if (key in target || typeof key === 'symbol') return target[key];
      throw absent(`${name}.${key}`, instead);
    },
  });
}

module.exports = { install, agent, absent, closed };
