// SPDX-License-Identifier: Apache-2.0
'use strict';

// functions-framework's functions of events, with or without its package: CloudEvent
// functions, background functions (data, context[, callback]) and typed functions.

const prim = require('./prim.cjs');
const whole = require('./whole.cjs');
const logs = require('./logs.cjs');
const errors = require('./failure.cjs');
const load = require('./load.cjs');
const framework = require('./framework.cjs');
const cloudevents = require('./cloudevents.cjs');
const background = require('./background.cjs');

const CRASH = { 'content-type': 'text/plain; charset=utf-8', 'x-google-status': 'crash' };
const PLAIN = { 'content-type': 'text/plain; charset=utf-8' };

async function become(spec) {
  const hooks = framework.install(spec.task);
  const loaded = await load.load(spec);
  const found = framework.registeredAs(hooks, [loaded.name, (spec.env || {}).FUNCTION_TARGET]);
  const type = found === null ? spec.dialect : found.type;
  const fn = found === null ? load.handlerOf(loaded, spec.entry) : found.fn;
  return serving(type, fn);
}

/** Serves a function of that signature. */
function serving(type, fn) {
  if (type === 'typed') {
    const typed = typeof fn === 'function' ? { handler: fn, format: JSON_FORMAT } : fn;
    whole.start((incoming) => answerTyped(typed, incoming));
    return whole.serving('typed');
  }
  const one = type === 'event' ? (event) => callBackground(fn, event) : (event) => callEvent(fn, event);
  whole.start((incoming) => answerEvents(one, type === 'event', incoming));
  return whole.serving(type);
}

async function answerEvents(one, isBackground, incoming) {
  if (incoming.method === 'OPTIONS') return cloudevents.permission(incoming);
  if (incoming.method !== 'POST') {
    return { status: 405, headers: { ...PLAIN, allow: 'POST, OPTIONS' }, body: 'Method Not Allowed' };
  }
  let events;
  try {
    events = read(incoming, isBackground);
  } catch (e) {
    if (!(e instanceof cloudevents.BadEvent)) throw e;
    return { status: e.status, headers: PLAIN, body: e.message };
  }
  const results = [];
  const failed = [];
  let failure;
  for (const event of events) {
    try {
      results.push(await one(event));
    } catch (e) {
      if (failed.length > 0) logs.print(logs.STDERR, errors.logText(errors.describe(failure)) + '\n');
      failure = wrap(e);
      failed.push(idOf(event));
    }
  }
  if (failed.length === 0) return answer(results);
  if (failed.length === events.length) {
    return { status: 500, headers: CRASH, body: 'Internal Server Error', failure };
  }
  logs.print(logs.STDERR, errors.logText(errors.describe(failure)) + '\n');
  return partly(failed);
}

// partly tells which events of a batch must come again.
function partly(failed) {
  const list = failed.map((id) => ({ itemIdentifier: id }));
  return {
    status: 207, headers: { 'content-type': whole.JSON_TYPE },
    body: prim.stringify({ batchItemFailures: list }),
  };
}

function idOf(event) {
  return event.context === undefined ? event.id : event.context.eventId;
}

// wrap gives what was thrown a form that is never undefined.
function wrap(e) {
  return e === undefined ? 'undefined' : e;
}

// read gives the events as the function takes them: CloudEvents, or {data, context}.
function read(incoming, isBackground) {
  if (cloudevents.isCloudEvent(incoming)) {
    const events = cloudevents.eventsOf(incoming);
    return isBackground ? events.map(background.fromCloudEvent) : events;
  }
  const body = json(incoming);
  const old = background.read(body, incoming.path);
  if (old !== null) return [isBackground ? old : background.toCloudEvent(old)];
  if (!incoming.isEvent) {
    if (isBackground) {
      throw new cloudevents.BadEvent(400, 'the request holds neither a CloudEvent nor a ' +
        'background event: an object with data and context');
    }
    return cloudevents.eventsOf(incoming); // which says what is missing
  }
  const list = prim.isArray(body) ? body : [body];
  const events = list.map(cloudevents.structured);
  return isBackground ? events.map(background.fromCloudEvent) : events;
}

function json(incoming) {
  if (incoming.body.length === 0 || !whole.isJSON(incoming.type)) return null;
  try {
    return prim.parse(incoming.text);
  } catch (e) {
    throw new cloudevents.BadEvent(400, 'the request body is no JSON: ' + e.message);
  }
}

// callEvent calls a CloudEvent function; one of two parameters takes a callback.
function callEvent(fn, event) {
  if (fn.length < 2) return fn(event);
  return withCallback((done) => fn(event, done));
}

function callBackground(fn, { data, context }) {
  if (fn.length < 3) return fn(data, context);
  return withCallback((done) => fn(data, context, done));
}

function withCallback(call) {
  return new prim.Promise((resolve, reject) => {
    const result = call((err, value) => {
      if (err) reject(err);
      else resolve(value);
    });
    if (result !== null && typeof result === 'object' && typeof result.then === 'function') {
      result.then((value) => { if (value !== undefined) resolve(value); }, reject);
    }
  });
}

// answer tells what the function gave: an event as an event, other values as they are.
function answer(results) {
  const given = results.filter((r) => r !== undefined && r !== null);
  if (given.length === 0) return { status: 204 };
  if (results.length > 1) {
    return { headers: { 'content-type': whole.JSON_TYPE }, body: prim.stringify(results) };
  }
  const [value] = given;
  if (cloudevents.isEvent(value)) return cloudevents.answerOf(value);
  if (typeof value === 'string') return { headers: PLAIN, body: value };
  if (ArrayBuffer.isView(value)) return { headers: { 'content-type': 'application/octet-stream' }, body: value };
  return { headers: { 'content-type': whole.JSON_TYPE }, body: prim.stringify(value) };
}

// JSON_FORMAT is how typed functions are called that name no format.
const JSON_FORMAT = {
  deserializeRequest(request) {
    const body = request.body();
    if (typeof body !== 'string') throw new Error('Unsupported Content-Type, expected application/json');
    try {
      return prim.parse(body);
    } catch (e) {
      throw new Error('Failed to parse malformatted JSON in request: ' + e.message, { cause: e });
    }
  },
  serializeResponse(writer, response) {
    writer.setHeader('content-type', whole.JSON_TYPE);
    writer.end(prim.stringify(response));
  },
};

async function answerTyped({ handler, format }, incoming) {
  let input;
  try {
    input = await format.deserializeRequest({
      body: () => incoming.text,
      header: (name) => incoming.headers[prim.lower(name)],
    });
  } catch (e) {
    return { status: 400, headers: PLAIN, body: String(e.message) };
  }
  const out = { status: 200, headers: {}, body: '' };
  try {
    await format.serializeResponse(writerOf(out), await handler(input));
  } catch (e) {
    return { status: 500, headers: CRASH, body: 'Internal Server Error', failure: wrap(e) };
  }
  return out;
}

function writerOf(out) {
  const write = (data) => {
    if (typeof data === 'string') out.body += data;
    else if (data !== undefined && data !== null) out.body = data;
  };
  return {
    setHeader: (name, value) => { out.headers[name] = value; },
    write, end: write,
  };
}

module.exports = { become, serving };
