// SPDX-License-Identifier: Apache-2.0
'use strict';

// The handlers of a worker beside fetch: scheduled(controller, env, ctx) and
// queue(batch, env, ctx). They are called by CloudEvents of the types below, and
// scheduled also by the addresses that wrangler's local server has for it.

const CRON = 'dev.dayfly.cron';
const BATCH = 'dev.dayfly.queue.batch';
const HANDLER = { [CRON]: 'scheduled', [BATCH]: 'queue' }; // a worker without it gets a request
const LOCAL = { '/cdn-cgi/handler/scheduled': 'ok', '/__scheduled': 'Ran scheduled event' };

/** A handler that serves events too; base serves requests, and may be null. */
function wrap(value, base, isEvent) {
  return async (req, env, ctx) => {
    const worker = typeof value === 'function' ? new value(ctx, env) : value;
    const event = await eventOf(req, isEvent(req));
    if (event !== null && (base === null || typeof worker[HANDLER[event.type]] === 'function')) {
      return dispatch(worker, event, env, ctx);
    }
    const url = new URL(req.url);
    if (LOCAL[url.pathname] !== undefined && typeof worker.scheduled === 'function') {
      const cron = url.searchParams.get('cron') || '';
      const at = Number(url.searchParams.get('time')) || Date.now();
      await scheduled(worker, { cron, at }, env, ctx);
      return new Response(LOCAL[url.pathname]);
    }
    if (base === null) return new Response('The worker has no fetch handler.', { status: 404 });
    return base(req, env, ctx);
  };
}

// eventOf reads an event of ours; null when the request is none.
async function eventOf(req, isEvent) {
  const type = req.headers.get('content-type') || '';
  const binary = req.headers.get('ce-type');
  if (req.method !== 'POST') return null;
  if (binary === CRON || binary === BATCH) {
    return { type: binary, time: req.headers.get('ce-time'), data: await req.clone().json() };
  }
  if (!isEvent && !type.startsWith('application/cloudevents+json')) return null;
  const event = await req.clone().json();
  return event !== null && (event.type === CRON || event.type === BATCH) ? event : null;
}

async function dispatch(worker, event, env, ctx) {
  if (event.type === CRON) {
    if (typeof worker.scheduled !== 'function') throw new Error('the worker has no scheduled handler');
    const data = event.data || {};
    const time = data.scheduledTime === undefined ? event.time : data.scheduledTime;
    const at = new Date(time || Date.now()).getTime();
    const retry = await scheduled(worker, { cron: data.cron || '', at }, env, ctx);
    return Response.json({ retry });
  }
  if (typeof worker.queue !== 'function') throw new Error('the worker has no queue handler');
  return queued(worker, event.data || {}, env, ctx);
}

// scheduled calls the handler; it tells whether a failure may be tried again.
async function scheduled(worker, { cron, at }, env, ctx) {
  let retry = true;
  const controller = { cron, scheduledTime: at, type: 'scheduled', noRetry() { retry = false; } };
  await worker.scheduled(controller, env, ctx);
  return retry;
}

class Message {
  #settle;
  constructor(given, settle) {
    this.#settle = settle;
    this.id = String(given.id);
    this.timestamp = new Date(given.timestamp || Date.now());
    this.body = given.bodyBase64 === undefined ? given.body : bufferOf(given.bodyBase64);
    this.attempts = given.attempts || 1;
  }

  ack() { this.#settle(this.id, { ok: true }); }
  retry(options) { this.#settle(this.id, { ok: false, delay: options && options.delaySeconds }); }
}

// bufferOf gives bytes as Workers do: an ArrayBuffer of its own.
function bufferOf(text) {
  return new Uint8Array(Buffer.from(text, 'base64')).buffer;
}

// queued calls the handler with a batch, and tells which messages must come again: all
// that were not acknowledged, when it throws; those to be retried, when it does not.
async function queued(worker, data, env, ctx) {
  const decided = new Map();
  const settle = (id, what) => { if (!decided.has(id)) decided.set(id, what); };
  const messages = (data.messages || []).map((m) => new Message(m, settle));
  const all = (what) => { for (const m of messages) settle(m.id, what); };
  const batch = {
    queue: data.queue || '', messages,
    ackAll() { all({ ok: true }); },
    retryAll(options) { all({ ok: false, delay: options && options.delaySeconds }); },
  };
  try {
    await worker.queue(batch, env, ctx);
  } catch (e) {
    if (decided.size === 0) throw e;
    console.error(e);
    all({ ok: false });
  }
  const failures = [];
  for (const m of messages) {
    const what = decided.get(m.id);
    if (what === undefined || what.ok) continue;
    const failure = { itemIdentifier: m.id };
    if (what.delay !== undefined) failure.delaySeconds = what.delay;
    failures.push(failure);
  }
  return Response.json({ batchItemFailures: failures });
}

module.exports = { wrap };
