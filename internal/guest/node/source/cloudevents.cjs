// SPDX-License-Identifier: Apache-2.0
'use strict';

// CloudEvents 1.0 over HTTP: binary, structured and batch in, binary out.

const prim = require('./prim.cjs');
const whole = require('./whole.cjs');
const { bytes } = prim;

const STRUCTURED = 'application/cloudevents';
const BATCH = 'application/cloudevents-batch';
const REQUIRED = ['id', 'source', 'specversion', 'type'];
const BATCH_MAX = 10000; // events of one request
const NAME = /^[a-z0-9]+$/;

/** A request that holds no event, and the status that says so. */
class BadEvent extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Whether the request speaks of itself as of CloudEvents. */
function isCloudEvent(incoming) {
  return prim.startsWith(incoming.type, STRUCTURED) || isBinary(incoming);
}

function isBinary(incoming) {
  return REQUIRED.every((name) => incoming.headers['ce-' + name] !== undefined);
}

/** The events of a request; it throws BadEvent. */
function eventsOf(incoming) {
  const { type } = incoming;
  if (prim.startsWith(type, BATCH)) return batch(incoming);
  if (prim.startsWith(type, STRUCTURED)) return [structured(inJSON(incoming))];
  if (isBinary(incoming)) return [binary(incoming)];
  throw new BadEvent(400, 'the request holds no CloudEvent: it has neither the four headers ' +
    'ce-id, ce-source, ce-specversion and ce-type nor the content type ' + STRUCTURED + '+json');
}

function inJSON(incoming) {
  if (!whole.isJSON(incoming.type)) {
    throw new BadEvent(415, 'CloudEvents are read as JSON, not as ' + incoming.type);
  }
  try {
    return prim.parse(incoming.text);
  } catch (e) {
    throw new BadEvent(400, 'the CloudEvent is no JSON: ' + e.message);
  }
}

function batch(incoming) {
  const list = inJSON(incoming);
  if (!prim.isArray(list)) throw new BadEvent(400, 'a batch of CloudEvents must be a list');
  if (list.length > BATCH_MAX) {
    throw new BadEvent(413, 'a batch holds at most ' + BATCH_MAX + ' CloudEvents');
  }
  return list.map(structured);
}

/** Checks an event that came as one JSON value, and gives it with its data. */
function structured(value) {
  if (value === null || typeof value !== 'object' || prim.isArray(value)) {
    throw new BadEvent(400, 'a CloudEvent must be a JSON object');
  }
  const event = { ...value };
  if (typeof event.data_base64 === 'string') {
    event.data = bytes.from(event.data_base64, 'base64');
    if (whole.isJSON(whole.mediaType(event.datacontenttype))) event.data = jsonData(event.data);
  }
  return checked(event);
}

function binary(incoming) {
  const event = {};
  for (const name of prim.keys(incoming.headers)) {
    if (!prim.startsWith(name, 'ce-')) continue;
    const attribute = prim.slice(name, 3);
    if (attribute === 'datacontenttype' || attribute === 'data') continue;
    if (prim.test(NAME, attribute)) event[attribute] = decoded(incoming.headers[name]);
  }
  const type = incoming.headers['content-type'];
  if (type !== undefined) event.datacontenttype = type;
  checked(event);
  if (incoming.body.length === 0) return event;
  if (type === undefined || whole.isJSON(incoming.type)) event.data = jsonData(incoming.body);
  else event.data = whole.parsed(incoming);
  return event;
}

function jsonData(buffer) {
  try {
    return prim.parse(bytes.utf8(buffer, 0, buffer.length));
  } catch (e) {
    throw new BadEvent(400, "the event's data is no JSON: " + e.message);
  }
}

// decoded reads a header value: quoted strings first, then percent-encoded once.
function decoded(value) {
  if (value.length > 1 && value[0] === '"' && prim.endsWith(value, '"')) {
    value = prim.slice(value, 1, -1).replace(/\\(.)/g, '$1');
  }
  if (prim.indexOf(value, '%') < 0) return value;
  try {
    return prim.decodeURIComponent(value.replace(/%(?![0-9A-Fa-f]{2})/g, '%25'));
  } catch {
    throw new BadEvent(400, 'a header of the CloudEvent is not valid UTF-8: ' + value);
  }
}

function checked(event) {
  for (const name of REQUIRED) {
    if (typeof event[name] !== 'string' || event[name] === '') {
      throw new BadEvent(400, `the CloudEvent has no ${name}`);
    }
  }
  if (event.specversion !== '1.0' && event.specversion !== '0.3') {
    throw new BadEvent(400, `the CloudEvent's specversion is ${event.specversion}, not 1.0`);
  }
  if (event.time !== undefined && Number.isNaN(Date.parse(event.time))) {
    throw new BadEvent(400, `the CloudEvent's time is ${event.time}, which is no RFC 3339 time`);
  }
  return event;
}

/** Whether a value is an event. */
function isEvent(value) {
  return value !== null && typeof value === 'object' &&
    REQUIRED.every((name) => typeof value[name] === 'string' && value[name] !== '');
}

/** The answer that carries an event, in binary. */
function answerOf(event) {
  const plain = typeof event.toJSON === 'function' ? event.toJSON() : event;
  const headers = {};
  for (const name of prim.keys(plain)) {
    const value = plain[name];
    if (value === undefined || value === null || !prim.test(NAME, name)) continue;
    if (name === 'data' || name === 'datacontenttype') continue;
    headers['ce-' + name] = encoded(value instanceof Date ? value.toISOString() : String(value));
  }
  let body = plain.data;
  let type = plain.datacontenttype;
  if (typeof plain.data_base64 === 'string') body = bytes.from(plain.data_base64, 'base64');
  const isRaw = body === undefined || body === null || ArrayBuffer.isView(body) ||
    (typeof body === 'string' && type !== undefined && !whole.isJSON(whole.mediaType(type)));
  if (!isRaw) {
    body = prim.stringify(body);
    type = type || whole.JSON_TYPE;
  }
  if (type !== undefined) headers['content-type'] = type;
  return { status: 200, headers, body };
}

// encoded writes what a header cannot hold as it is, in percents of its UTF-8.
function encoded(value) {
  return value.replace(/[^\x21\x23\x24\x26-\x7e]/gu, (c) => {
    let out = '';
    for (const byte of bytes.from(c)) out += '%' + byte.toString(16).toUpperCase().padStart(2, '0');
    return out;
  });
}

/** The answer to a sender that asks whether it may send (HTTP webhooks for events). */
function permission(incoming) {
  const origin = incoming.headers['webhook-request-origin'];
  if (origin === undefined) return { status: 204, headers: { allow: 'POST, OPTIONS' } };
  return {
    status: 200,
    headers: {
      allow: 'POST, OPTIONS', 'webhook-allowed-origin': origin,
      'webhook-allowed-rate': incoming.headers['webhook-request-rate'] || '120',
    },
  };
}

module.exports = {
  BadEvent, isCloudEvent, eventsOf, structured, isEvent, answerOf, permission,
};
