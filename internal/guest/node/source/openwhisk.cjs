// SPDX-License-Identifier: Apache-2.0
'use strict';

// OpenWhisk actions: main(params) gives an object. HTTP reaches them as it reaches web
// actions: query and body merged, __ow_method, __ow_headers and __ow_path beside.

const Module = require('module');
const fs = require('fs');
const path = require('path');
const { isUtf8 } = require('buffer');
const prim = require('./prim.cjs');
const whole = require('./whole.cjs');
const load = require('./load.cjs');
const failure = require('./failure.cjs');
const { bytes } = prim;

const NOT_DICTIONARY = 'The action did not return a dictionary.';
const WORD = /^[A-Za-z_$][\w$]*$/;
const TEXT = /^(?:text\/|application\/(?:json|javascript|xml|x-www-form-urlencoded)|image\/svg|.*\+(?:json|xml))/;

async function become(spec, hooks, config) {
  const env = spec.env || {};
  for (const [name, value] of [
    ['__OW_ACTION_NAME', '/_/' + spec.function], ['__OW_ACTION_VERSION', String(spec.number)],
    ['__OW_NAMESPACE', spec.project || '_'],
  ]) {
    if (env[name] === undefined) process.env[name] = value;
  }
  const main = await actionOf(spec);
  const raw = (config.openwhisk || {}).raw === true;
  whole.start((incoming) => serve(main, incoming, raw));
  return whole.serving('openwhisk');
}

// actionOf gives the function: an export, or one that a script only defines.
async function actionOf(spec) {
  const loaded = await load.load(spec, exposing);
  const name = loaded.name === '' ? 'main' : loaded.name;
  const named = load.follow(loaded.exports, name);
  if (typeof named === 'function') return named;
  return load.handlerOf({ exports: loaded.exports, name: '' }, spec.entry);
}

/** Loads a script and exports what it defines under the name, as OpenWhisk does. */
function exposing(file, name) {
  const wanted = name === '' ? 'main' : name;
  if (!WORD.test(wanted)) return undefined;
  const text = fs.readFileSync(file, 'utf8');
  if (/\bexports\b/.test(text)) return undefined;
  const made = new Module(file, null);
  made.filename = file;
  made.paths = Module._nodeModulePaths(path.dirname(file));
  made._compile(text + `\nif (typeof ${wanted} === 'function') module.exports.${wanted} = ${wanted};`, file);
  return made.exports;
}

async function serve(main, incoming, raw) {
  process.env.__OW_ACTIVATION_ID = incoming.id.replaceAll('-', '');
  process.env.__OW_DEADLINE = String(incoming.deadline);
  if (incoming.isEvent) {
    const params = incoming.body.length === 0 ? {} : prim.parse(incoming.text);
    const result = check(await main(params));
    return { headers: { 'content-type': whole.JSON_TYPE }, body: prim.stringify(result) };
  }
  let params;
  try {
    params = paramsOf(incoming, raw);
  } catch {
    return refusal(400, 'The request content was malformed.', incoming);
  }
  try {
    return answer(check(await main(params)));
  } catch (e) {
    if (e.name === 'Runtime.MalformedResponse') throw e;
    return { ...refusal(502, failure.describe(e).message, incoming), failure: e };
  }
}

function check(result) {
  if (result !== null && typeof result === 'object') return result;
  if (result === undefined) return {};
  throw whole.bad(NOT_DICTIONARY);
}

function refusal(status, message, incoming) {
  return {
    status, headers: { 'content-type': whole.JSON_TYPE },
    body: prim.stringify({ code: incoming.id, error: message }),
  };
}

function paramsOf(incoming, raw) {
  const params = raw ? {} : incoming.parameters;
  const { type } = incoming;
  const body = raw ? undefined : whole.parsed(incoming);
  const isObject = body !== null && typeof body === 'object' && !ArrayBuffer.isView(body) && !Array.isArray(body);
  if (isObject) {
    Object.assign(params, body);
  } else if (incoming.body.length > 0 || raw) {
    const isText = (type === '' || TEXT.test(type)) && isUtf8(incoming.body);
    params.__ow_body = isText ? incoming.text : bytes.base64(incoming.body);
    if (!isText) params.__ow_isBase64Encoded = true;
  }
  if (raw) params.__ow_query = incoming.query;
  params.__ow_method = prim.lower(incoming.method);
  params.__ow_headers = incoming.headers;
  params.__ow_path = incoming.path === '/' ? '' : incoming.path;
  return params;
}

// answer makes HTTP of a result: as its statusCode, headers and body say, else as JSON.
function answer(result) {
  if (result.error !== undefined && result.error !== null) return failed(result.error);
  const isShaped = ['statusCode', 'headers', 'body'].some((key) => prim.hasOwn(result, key));
  if (Array.isArray(result) || !isShaped) {
    return { headers: { 'content-type': whole.JSON_TYPE }, body: prim.stringify(result) };
  }
  return shaped(result, 200);
}

// failed is an application's own error: it may say how it is answered.
function failed(error) {
  if (typeof error === 'object' && ['statusCode', 'body', 'headers'].some((k) => prim.hasOwn(error, k))) {
    return shaped(error, 400);
  }
  return {
    status: 400, headers: { 'content-type': whole.JSON_TYPE }, body: prim.stringify({ error }),
  };
}

function shaped(result, status) {
  const headers = {};
  let type;
  for (const [name, value] of Object.entries(result.headers || {})) {
    if (prim.lower(name) === 'content-type') type = String(value);
    headers[name] = value;
  }
  let { body } = result;
  const isText = typeof body === 'string';
  if (!isText && body !== undefined && body !== null && !ArrayBuffer.isView(body)) {
    body = prim.stringify(body);
    if (type === undefined) headers['content-type'] = type = whole.JSON_TYPE;
  }
  if (type === undefined && isText && body !== '') headers['content-type'] = type = 'text/html; charset=utf-8';
  if (isText && (result.isBase64Encoded === true || (type !== undefined && !TEXT.test(type)))) {
    body = bytes.from(body, 'base64');
  }
  const isEmpty = body === undefined || body === null || body === '';
  return { status: result.statusCode || (isEmpty && status === 200 ? 204 : status), headers, body };
}

module.exports = { become };
