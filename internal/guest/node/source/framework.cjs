// SPDX-License-Identifier: Apache-2.0
'use strict';

// functions-framework HTTP functions: functions.http(name, fn), and exports that are
// (req, res) functions. The function's own copy of the framework registers them when
// there is one; otherwise a small stand-in does. Requests pass through the function's
// Express when it has one, else through what express.cjs adds to Node's own.

const http = require('http');
const path = require('path');
const Module = require('module');
const serve = require('./serve.cjs');
const express = require('./express.cjs');
const failure = require('./failure.cjs');
const load = require('./load.cjs');

const PACKAGE = '@google-cloud/functions-framework';
const BODY_MAX = 1 << 30; // the framework's own limit; the gateway's is stricter
const CRASH = [['x-google-status', 'crash']];
const SYMBOL = Symbol.for('dayfly.functions-framework');

/** Makes require and import of the framework work; gives what was registered. */
function install(task) {
  const require = load.taskRequire(task);
  let main;
  try {
    main = require.resolve(PACKAGE);
  } catch {
    return standIn();
  }
  return {
    registered(name) {
      const registry = require(path.join(path.dirname(main), 'function_registry.js'));
      const found = registry.getRegisteredFunction(name);
      return found && { type: found.signatureType, fn: found.userFunction };
    },
  };
}

function standIn() {
  const table = new Map();
  const add = (type) => (name, fn) => { table.set(name, { type, fn }); };
  const shim = { http: add('http'), cloudEvent: add('cloudevent'), typed: add('typed') };
  globalThis[SYMBOL] = shim;
  const id = path.join(__dirname, 'functions-framework.cjs');
  const resolve = Module._resolveFilename;
  Module._resolveFilename = function (request, ...rest) {
    return request === PACKAGE ? id : resolve.call(this, request, ...rest);
  };
  hookImports(id);
  return { registered: (name) => table.get(name) || only(table, name) };
}

function only(table, name) {
  return table.size === 1 && name === '' ? [...table.values()][0] : undefined;
}

// hookImports leads import statements to the stand-in, too.
function hookImports(id) {
  const url = require('url').pathToFileURL(id).href;
  if (typeof Module.registerHooks === 'function') {
    Module.registerHooks({
      resolve(specifier, context, next) {
        return specifier === PACKAGE ? { url, format: 'commonjs', shortCircuit: true }
          : next(specifier, context);
      },
    });
  } else if (typeof Module.register === 'function') {
    const source = 'export async function resolve(s, c, n) { return s === ' +
      JSON.stringify(PACKAGE) +
      ` ? { url: ${JSON.stringify(url)}, format: 'commonjs', shortCircuit: true } : n(s, c); }`;
    Module.register('data:text/javascript,' + encodeURIComponent(source));
  }
}

/** Whether the module registered a function under one of the names. */
function registeredAny(framework, names) {
  return names.some((name) => framework.registered(name) !== undefined);
}

/** The function registered under that name; null when there is none. */
function find(framework, name) {
  const registered = framework.registered(name);
  if (registered === undefined) return null;
  if (registered.type !== 'http') {
    throw failure.named('Runtime.UnsupportedSignature',
      `function ${name} has the signature ${registered.type}, which is not supported yet: ` +
      'only http functions are');
  }
  return registered.fn;
}

/** Serves fn as the framework does; gives the listening server. */
function start(fn, spec) {
  const call = serve.guarded((req, res) => fn(req, res), CRASH);
  const app = application(spec.task, call);
  const listener = (req, res) => {
    if (req.url === '/robots.txt' || req.url === '/favicon.ico') {
      res.statusCode = 404;
      res.end();
      return;
    }
    express.readBody(req, BODY_MAX, (err) => {
      if (err) {
        res.statusCode = err.status;
        res.end(err.message);
        return;
      }
      app(req, res);
    });
  };
  const server = http.createServer({ maxHeaderSize: serve.HEADERS_MAX }, listener);
  return serve.start(server, spec.port);
}

// application wraps call in the function's Express, or in our additions.
function application(task, call) {
  const require = load.taskRequire(task);
  let make;
  try {
    make = require('express');
  } catch {
    return (req, res) => {
      express.enhance(req, res);
      call(req, res);
    };
  }
  const app = make();
  app.set('trust proxy', true);
  app.disable('x-powered-by');
  app.disable('etag');
  app.use((req, res) => call(req, res));
  return app;
}

module.exports = { install, find, registeredAny, start };
