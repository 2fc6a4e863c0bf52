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
const payload = require('./payload.cjs');
const failure = require('./failure.cjs');
const { bytes } = prim;

const NOT_DICTIONARY = 'The action did not return a dictionary.';
const WORD = /^[A-Za-z_$][\w$]*$/;
const FORM = /^\s*application\/x-www-form-urlencoded\s*(?:;|$)/i;
const RESERVED = '__ow_';
const JSON_HEAD = { 'content-type': 'application/json' };

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
  const tail = `if (typeof ${wanted} === 'function') module.exports.${wanted} = ${wanted};`;
  made._compile(text + '\n' + tail, file);
  return made.exports;
}

async function serve(main, incoming, raw) {
  process.env.__OW_ACTIVATION_ID = prim.replaceAll(incoming.id, '-', '');
  process.env.__OW_DEADLINE = String(incoming.deadline);
  if (incoming.isEvent) {
    const params = incoming.body.length === 0 ? {} : prim.parse(incoming.text);
    const result = check(await main(params));
    if (result.error !== undefined && result.error !== null) throw faultOf(result.error);
    return { headers: JSON_HEAD, body: prim.stringify(result) };
  }
  return answer(check(await main(paramsOf(incoming, raw))));
}

function check(result) {
  if (result === undefined) return {};
  const form = payload.plain(result);
  if (form !== null && typeof form === 'object') return form;
  throw whole.bad(NOT_DICTIONARY);
}

function faultOf(error) {
  return failure.named('ApplicationError', typeof error === 'string' ? error : prim.stringify(error));
}

// paramsOf merges query and body, and adds what is known of the request. Only we name
// parameters that begin with __ow_.
function paramsOf(incoming, raw) {
  const params = {};
  const put = (name, value) => {
    if (!prim.startsWith(name, RESERVED)) payload.put(params, name, value);
  };
  const headers = headersOf(incoming.head);
  const type = headers['content-type'];
  const query = incoming.query;
  if (!raw) for (const [name, value] of pairs(query)) put(name, value);
  const isWhole = raw || mergeBody(incoming, type, put);
  params.__ow_method = prim.lower(incoming.method);
  params.__ow_headers = headers;
  params.__ow_path = incoming.path === '/' ? '' : incoming.path;
  if (raw) params.__ow_query = query;
  if (isWhole && (raw || incoming.body.length > 0)) {
    const encoding = headers['content-encoding'] || 'identity';
    const mayBe = !type || payload.isText(type) || prim.test(FORM, type);
    const isText = mayBe && encoding === 'identity' && isUtf8(incoming.body);
    params.__ow_body = isText ? incoming.text : bytes.base64(incoming.body);
  }
  return params;
}

function pairs(query) {
  return payload.queryPairs(query, payload.unescapeQuery);
}

// mergeBody puts each member of a body that has members; it tells whether the body has
// none, and stays whole.
function mergeBody(incoming, type, put) {
  if (type !== undefined && prim.test(FORM, type)) {
    for (const [name, value] of pairs(incoming.text)) put(name, value);
    return false;
  }
  if (incoming.type !== whole.JSON_TYPE) return true;
  let value;
  try {
    value = prim.parse(incoming.text);
  } catch {
    return true;
  }
  if (value === null || typeof value !== 'object' || prim.isArray(value)) return true;
  for (const name of prim.keys(value)) put(name, value[name]);
  return false;
}

function headersOf(head) {
  const out = {};
  for (const [name, value] of payload.headerPairs(head)) {
    const join = name === 'cookie' ? '; ' : ',';
    payload.put(out, name, prim.hasOwn(out, name) ? out[name] + join + value : value);
  }
  return out;
}

// answer makes HTTP of a result: as its statusCode, headers and body say, else as JSON.
// An error is the application's own: it may say how it is answered.
function answer(result) {
  const { error } = result;
  if (error === undefined || error === null) return shaped(result, result, 200);
  const isObject = typeof error === 'object' && !prim.isArray(error);
  return { ...shaped({ error }, isObject ? error : {}, 400), failure: faultOf(error) };
}

function shaped(result, given, usual) {
  let { body } = given;
  if (body === null) body = undefined;
  if (given.statusCode === undefined && given.headers === undefined && body === undefined) {
    return { status: usual, headers: JSON_HEAD, body: prim.stringify(result) };
  }
  let status = body === undefined && usual === 200 ? 204 : usual;
  if (given.statusCode !== undefined) status = payload.statusOf(given.statusCode);
  const headers = whole.pairsOf(given.headers);
  if (body === undefined) return { status, headers };
  const isText = typeof body === 'string';
  if (!isText && !ArrayBuffer.isView(body)) body = prim.stringify(body);
  let type = typeOf(headers);
  if (type === undefined) {
    type = isText ? 'text/html; charset=utf-8' : whole.JSON_TYPE;
    prim.push(headers, ['content-type', type]);
  }
  if (isText && !payload.isText(type) && !prim.test(FORM, type)) body = payload.fromBase64(body) || body;
  return { status, headers, body };
}

function typeOf(headers) {
  for (const [name, value] of headers) if (name === 'content-type') return value;
  return undefined;
}

module.exports = { become };
