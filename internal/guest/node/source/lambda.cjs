// SPDX-License-Identifier: Apache-2.0
'use strict';

// AWS Lambda handlers: (event, context), with a promise, a callback or a stream.
//
// An answer by callback waits until the event loop is empty, unless the handler sets
// context.callbackWaitsForEmptyEventLoop to false. While calls run, the connection
// does not keep the loop alive, so the process's beforeExit tells that it is empty.

const prim = require('./prim.cjs');
const wire = require('./wire.cjs');
const logs = require('./logs.cjs');
const failure = require('./failure.cjs');
const payload = require('./payload.cjs');
const streaming = require('./streaming.cjs');
const { Call, Gathered, calls } = require('./call.cjs');
const { bytes } = prim;
const { TYPE } = wire;

const JSON_HEAD = prim.stringify({ status: 200, headers: [payload.JSON_TYPE] });
const STRINGIFY = 'Unable to stringify response body';

let state = null; // {spec, handler, streamed, context}: set once, by start

/** Makes the guest serve the handler. */
function start(spec, handler, env) {
  state = {
    spec, handler, env,
    http: spec.payload === undefined || spec.payload === '2.0' || spec.payload === ''
      ? payload : require('./payload-old.cjs').of(spec.payload),
    streamed: streaming.isStreamed(handler),
    trace: spec.concurrency <= 1,
    context: sharedContext(spec, env),
  };
}

function sharedContext(spec, env) {
  const version = env.AWS_LAMBDA_FUNCTION_VERSION || String(spec.number || '$LATEST');
  const region = env.AWS_REGION || env.AWS_DEFAULT_REGION || 'us-east-1';
  const day = prim.replaceAll(prim.slice(prim.toISOString(new prim.Date()), 0, 10), '-', '/');
  return {
    functionName: env.AWS_LAMBDA_FUNCTION_NAME || spec.function,
    functionVersion: version,
    invokedFunctionArn: 'arn:aws:lambda:' + region + ':000000000000:function:' + spec.function,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE ||
      String(Math.floor(spec.memory_bytes / 1048576)),
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME || '/aws/lambda/' + spec.function,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME || day + '/[' + version + ']' + spec.revision,
  };
}

class Context {
  constructor(call) {
    const shared = state.context;
    this.callbackWaitsForEmptyEventLoop = true;
    this.functionVersion = shared.functionVersion;
    this.functionName = shared.functionName;
    this.memoryLimitInMB = shared.memoryLimitInMB;
    this.logGroupName = shared.logGroupName;
    this.logStreamName = shared.logStreamName;
    this.clientContext = undefined;
    this.identity = undefined;
    this.tenantId = undefined;
    this.invokedFunctionArn = shared.invokedFunctionArn;
    this.awsRequestId = call.id;
    const deadline = call.head.deadline_ms;
    this.getRemainingTimeInMillis = () => deadline - prim.now();
    this.done = (err, data) => call.done(err, data);
    this.succeed = (data) => call.done(null, data);
    this.fail = (err) => call.done(err === undefined || err === null ? 'handled' : err);
  }
}

class LambdaCall extends Call {
  constructor(stream, head) {
    super(stream, head);
    this.body = null;
    this.context = null;
    this.held = null; // {data}: an answer by callback that waits for the empty loop
    this.async = false; // the handler gave a promise
    this.response = null; // the stream of a streaming handler
  }

  onBody(buffer, start, end) {
    if (this.body === null) this.body = new Gathered();
    this.body.add(buffer, start, end);
    this.consumed(end - start);
  }

  onEnd() { this.run(); }

  run() {
    if (calls.size === 1) wire.unref();
    let event;
    try {
      event = this.event();
    } catch (e) {
      this.fail('exception', failure.describe(failure.named('Runtime.UnmarshalError', e.message)));
      return;
    }
    if (state.trace && this.head.trace) setTrace(this.head.trace);
    this.context = new Context(this);
    logs.within(this, invoke, this, event);
  }

  event() {
    const body = this.body === null ? null : this.body.whole();
    this.body = null;
    if (this.head.kind !== 'event') return state.http.eventOf(this.head, body, state.spec);
    if (body === null) return null;
    return prim.parse(bytes.utf8(body, 0, body.length));
  }

  // done settles the call at once; the first time counts.
  done(err, data) {
    if (this.over) return;
    if (err !== undefined && err !== null) this.reject(err);
    else if (this.response !== null) this.response.settle();
    else this.answer(data);
  }

  callback(err, data) {
    if (this.over) return;
    if ((err !== undefined && err !== null) || !this.context.callbackWaitsForEmptyEventLoop) {
      this.done(err, data);
      return;
    }
    if (this.held === null) this.held = { data };
  }

  reject(err) {
    const d = failure.describe(err);
    logs.lambdaError('Invoke Error', d);
    this.fail('exception', d);
  }

  answer(data) {
    if (this.head.kind === 'event') this.answerEvent(data);
    else this.answerHTTP(data);
  }

  answerEvent(data) {
    let json;
    try {
      json = prim.stringify(data === undefined ? null : data);
      if (json === undefined) json = 'null';
    } catch (e) {
      this.unserialisable(e);
      return;
    }
    this.put(JSON_HEAD, json);
  }

  answerHTTP(data) {
    let a;
    try {
      a = state.http.answerOf(data);
    } catch (e) {
      if (e instanceof payload.Malformed) this.malformed(e.message);
      else this.unserialisable(e);
      return;
    }
    const plain = a.status === 200 && a.headers.length === 1 && a.headers[0] === payload.JSON_TYPE;
    this.put(plain ? JSON_HEAD : prim.stringify({ status: a.status, headers: a.headers }), a.body);
  }

  // put sends a whole answer, in one write when it is small.
  put(head, body) {
    if (!this.begin(head)) return;
    if (typeof body === 'string') {
      if (body.length * 3 <= wire.BODY_MAX) {
        if (body.length > 0 && !this.canceled) wire.text(TYPE.body, this.stream, body);
        this.end();
        return;
      }
      body = bytes.from(body);
    }
    this.send(body);
    this.end();
    wire.flush();
  }

  unserialisable(cause) {
    const d = failure.describe(cause);
    logs.lambdaError('Invoke Error', d);
    const trace = ['Error: ' + STRINGIFY];
    this.fail('bad_response', { type: 'Error', message: STRINGIFY, trace });
  }

  // onEmptyLoop: nothing is left that could still call us.
  onEmptyLoop() {
    if (this.context === null || this.waiting !== null) return; // it waits for the host
    if (this.held !== null) this.answer(this.held.data);
    else if (state.spec.concurrency > 1) return; // the next call may be what it waits for
    else if (this.response !== null || this.async) this.stuck();
    else this.answer(null);
  }

  stuck() {
    this.reject(failure.named('Runtime.NodeJsExit',
      'The Lambda runtime client detected an unexpected Node.js exit. ' +
      'This is most likely due to a Promise that was never settled.'));
  }

  onCancel() {
    if (this.response !== null) this.response.cancel();
  }

  onOver() {
    if (calls.size === 0) wire.ref();
  }
}

function invoke(call, event) {
  let result;
  try {
    if (state.streamed) {
      call.response = streaming.responseOf(call);
      result = state.handler(event, call.response.writable, call.context);
    } else {
      result = state.handler(event, call.context, (err, data) => call.callback(err, data));
    }
    if (result === null || typeof result !== 'object' || typeof result.then !== 'function') return;
    call.async = true;
    result.then((data) => call.done(null, data), (err) => call.done(given(err)));
  } catch (e) {
    call.done(given(e));
  }
}

// given makes an error of whatever was thrown, undefined and null included.
function given(e) {
  return e === undefined || e === null ? 'handled' : e;
}

function onEmptyLoop() {
  calls.forEach((call) => { logs.within(call, finishCall, call); });
  wire.ref(); // whatever is left waits for the host
}

function finishCall(call) {
  call.onEmptyLoop();
}

// setTrace leaves the trace context where X-Ray's and other SDKs look for it.
function setTrace(traceparent) {
  const id = payload.xray(traceparent);
  if (id !== undefined) process.env._X_AMZN_TRACE_ID = id;
}

/** A request frame opened a stream. */
function request(stream, head) {
  const call = new LambdaCall(stream, head);
  if (call.bodyEnded) call.run();
}

/** What uncaughtException and unhandledRejection do: tell the caller, then end. */
function crash(thrown, unhandled) {
  let d = failure.describe(thrown);
  if (unhandled) {
    const text = thrown === undefined || thrown === null ? String(thrown)
      : d.trace.length > 0 ? d.trace[0] : d.message;
    d = {
      type: 'Runtime.UnhandledPromiseRejection',
      message: text,
      trace: ['Runtime.UnhandledPromiseRejection: ' + text, ...d.trace.slice(1)],
    };
  }
  logs.lambdaError(unhandled ? 'Unhandled Promise Rejection' : 'Uncaught Exception', d);
  return d;
}

module.exports = { start, request, crash, onEmptyLoop };
