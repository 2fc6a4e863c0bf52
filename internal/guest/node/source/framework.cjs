// SPDX-License-Identifier: Apache-2.0
'use strict';

// functions-framework HTTP functions: functions.http(name, fn), and exports that are
// (req, res) functions. The function's own copy of the framework registers them when
// there is one; otherwise a small stand-in does. Requests pass through the function's
// Express when it has one, else through what express.cjs adds to Node's own.

const http = require('http');
const path = require('path');
const serve = require('./serve.cjs');
const express = require('./express.cjs');
const load = require('./load.cjs');
const resolve = require('./resolve.cjs');

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
    return standIn(task);
  }
  return {
    registered(name) {
      const registry = require(path.join(path.dirname(main), 'function_registry.js'));
      const found = registry.getRegisteredFunction(name);
      return found && { type: found.signatureType, fn: found.userFunction };
    },
  };
}

function standIn(task) {
  const table = new Map();
  const add = (type) => (name, fn) => { table.set(name, { type, fn }); };
  const shim = { http: add('http'), cloudEvent: add('cloudevent'), typed: add('typed') };
  globalThis[SYMBOL] = shim;
  resolve.provide(task, PACKAGE, 'functions-framework.cjs');
  return { registered: (name) => table.get(name) || only(table, name) };
}

function only(table, name) {
  return table.size === 1 && name === '' ? [...table.values()][0] : undefined;
}

/** What is registered under one of the names, {type, fn}; null when nothing is. */
function registeredAs(framework, names) {
  for (const name of names) {
    const found = name === undefined ? undefined : framework.registered(name);
    if (found !== undefined) return found;
  }
  return null;
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

module.exports = { install, registeredAs, start };
