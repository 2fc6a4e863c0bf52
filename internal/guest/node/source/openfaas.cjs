// SPDX-License-Identifier: Apache-2.0
'use strict';

// OpenFaaS's Node templates: module.exports = async (event, context) => …, which
// returns its answer or gives it to context.succeed, context.fail or a callback.

const prim = require('./prim.cjs');
const whole = require('./whole.cjs');
const load = require('./load.cjs');
const failure = require('./failure.cjs');

const HTML = 'text/html; charset=utf-8'; // as the templates' Express says of text

class FunctionEvent {
  constructor(incoming, body) {
    this.body = body;
    this.headers = incoming.headers;
    this.method = incoming.method;
    this.query = incoming.parameters;
    this.path = incoming.path;
  }
}

class FunctionContext {
  constructor(callback) {
    this.statusCode = 200;
    this.cb = callback;
    this.headerValues = {};
    this.cbCalled = 0;
  }

  status(code) {
    if (!code) return this.statusCode;
    this.statusCode = code;
    return this;
  }

  headers(values) {
    if (!values) return this.headerValues;
    this.headerValues = values;
    return this;
  }

  succeed(value) {
    this.cbCalled++;
    this.cb(undefined, value);
  }

  fail(value) {
    if (String(this.statusCode) === '200') this.statusCode = 500;
    this.cbCalled++;
    this.cb(value === undefined || value === null ? '' : value);
  }
}

async function become(spec) {
  const loaded = await load.load(spec);
  const fn = load.handlerOf(loaded, spec.entry);
  const raw = (spec.env || {}).RAW_BODY === 'true';
  whole.start((incoming) => serve(fn, incoming, raw));
  return whole.serving('openfaas');
}

function serve(fn, incoming, raw) {
  if (incoming.path === '/_/health' || incoming.path === '/_/ready') return { body: 'OK' };
  let body;
  try {
    body = raw ? incoming.body : whole.parsed(incoming);
  } catch (e) {
    return { status: 400, headers: { 'content-type': 'text/plain' }, body: 'Bad Request: ' + e.message };
  }
  return new prim.Promise((resolve, reject) => {
    const context = new FunctionContext((err, value) => {
      resolve(err === undefined || err === null ? answer(context, value) : refusal(context, err));
    });
    const event = new FunctionEvent(incoming, body === undefined ? {} : body);
    // The third parameter is the callback of the oldest template.
    prim.then(prim.resolve(fn(event, context, context.cb)), (value) => {
      if (context.cbCalled === 0 && (fn.length < 3 || value !== undefined)) context.succeed(value);
    }, (e) => { reject(e); });
  }).catch((e) => crash(e));
}

function answer(context, value) {
  const isData = ArrayBuffer.isView(value);
  const isObject = value !== null && typeof value === 'object' && !isData;
  const body = isData || typeof value === 'string' || value === undefined || value === null
    ? value : prim.stringify(value);
  const type = isData ? 'application/octet-stream' : isObject ? whole.JSON_TYPE : HTML;
  return { status: context.statusCode, headers: typed(context.headerValues, type), body };
}

function typed(headers, type) {
  for (const name of prim.keys(headers)) {
    if (prim.lower(name) === 'content-type') return headers;
  }
  return { 'content-type': type, ...headers };
}

// refusal is what context.fail answers: the function decided so, nothing crashed.
function refusal(context, err) {
  const status = +context.statusCode >= 400 ? context.statusCode : 500;
  return { status, headers: typed(context.headerValues, HTML), body: String(err) };
}

function crash(e) {
  return { status: 500, headers: { 'content-type': HTML }, body: failure.describe(e).message, failure: e };
}

module.exports = { become };
