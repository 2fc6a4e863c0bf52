// SPDX-License-Identifier: Apache-2.0
'use strict';

// Stand-ins: modules of ours that answer to a package's name when the function does not
// bring the package. require is led to them at once, import when the first ES module
// is about to load, since leading it costs Node before 22.15 a thread.

const Module = require('module');
const path = require('path');
const { pathToFileURL } = require('url');
const load = require('./load.cjs');

const table = new Map(); // name → file of ours
let patched = false;

/** Provides file, one of ours, under the name, unless the task has the package. */
function provide(task, name, file) {
  if (isInstalled(task, name)) return false;
  table.set(name, path.join(__dirname, file));
  if (!patched) {
    patched = true;
    const resolve = Module._resolveFilename;
    Module._resolveFilename = function (request, ...rest) {
      return table.get(request) || resolve.call(this, request, ...rest);
    };
    load.beforeImport(hookImports);
  }
  return true;
}

function isInstalled(task, name) {
  if (name.includes(':')) return false;
  try {
    load.taskRequire(task).resolve(name);
    return true;
  } catch (e) {
    return e.code === 'ERR_PACKAGE_PATH_NOT_EXPORTED'; // there, for import only
  }
}

function hookImports() {
  const urls = {};
  for (const [name, file] of table) urls[name] = pathToFileURL(file).href;
  if (typeof Module.registerHooks === 'function') {
    Module.registerHooks({
      resolve(specifier, context, next) {
        const url = Object.hasOwn(urls, specifier) ? urls[specifier] : undefined;
        return url ? { url, format: 'commonjs', shortCircuit: true } : next(specifier, context);
      },
    });
  } else if (typeof Module.register === 'function') {
    const source = 'const u = ' + JSON.stringify(urls) + '; export async function resolve(s, c, n) ' +
      "{ return Object.hasOwn(u, s) ? { url: u[s], format: 'commonjs', shortCircuit: true } : n(s, c); }";
    Module.register('data:text/javascript,' + encodeURIComponent(source));
  }
}

module.exports = { provide };
