// SPDX-License-Identifier: Apache-2.0
'use strict';

// Between Node's req and res and the web's Request and Response.

const { Readable } = require('stream');
const { pipeline } = require('stream/promises');

const STREAM_EVENTS = new Set(['data', 'end', 'readable']);
const CONNECTION = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te']);

/** The Request that a Node request is. */
function requestOf(req) {
  const headers = new Headers();
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    const name = req.rawHeaders[i].toLowerCase();
    if (!CONNECTION.has(name)) headers.append(name, req.rawHeaders[i + 1]);
  }
  const scheme = req.headers['x-forwarded-proto'] || 'http';
  const url = `${scheme}://${req.headers.host || 'localhost'}${req.url}`;
  const init = { method: req.method, headers };
  if (req.method !== 'GET' && req.method !== 'HEAD') {
    init.body = Readable.toWeb(req);
    init.duplex = 'half';
  }
  return new Request(url, init);
}

/** Sends a Response as the answer. */
async function send(res, response, method) {
  if (response === null || typeof response !== 'object' || typeof response.status !== 'number') {
    throw new TypeError('the handler must return a Response, got ' + typeof response);
  }
  res.statusCode = response.status;
  for (const [name, value] of response.headers) {
    if (name !== 'set-cookie') res.setHeader(name, value);
  }
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) res.setHeader('set-cookie', cookies);
  if (response.body === null || method === 'HEAD') {
    res.end();
    return;
  }
  await pipeline(Readable.fromWeb(response.body), res);
}

/** Reads a request's body, at most so many bytes. */
async function readBody(req, most) {
  const chunks = [];
  let size = 0;
  for await (const chunk of req) {
    size += chunk.length;
    if (size > most) throw Object.assign(new Error('the body is too large'), { statusCode: 413 });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** Lets a request whose body was read be read once more, as a stream. */
function replay(req, raw) {
  const copy = Readable.from(raw.length === 0 ? [] : [raw]);
  const { on } = req;
  req.on = req.addListener = (name, fn) => {
    if (STREAM_EVENTS.has(name)) copy.on(name, fn);
    else on.call(req, name, fn);
    return req;
  };
  const { once } = req;
  req.once = (name, fn) => {
    if (STREAM_EVENTS.has(name)) copy.once(name, fn);
    else once.call(req, name, fn);
    return req;
  };
  for (const name of ['pipe', 'read', 'unpipe', 'setEncoding', 'resume', 'pause']) {
    req[name] = (...args) => {
      const result = copy[name](...args);
      return result === copy ? req : result;
    };
  }
  req[Symbol.asyncIterator] = () => copy[Symbol.asyncIterator]();
}

module.exports = { requestOf, send, readBody, replay };
