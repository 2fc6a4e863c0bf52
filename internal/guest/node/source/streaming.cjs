// SPDX-License-Identifier: Apache-2.0
'use strict';

// Lambda response streaming: the awslambda global. AWS sends status and headers as a
// JSON prelude, ended by eight NUL bytes, within the body; here they become the head
// of the answer at once. A prelude that the function wrote itself is understood too.

const { Writable } = require('stream');
const prim = require('./prim.cjs');
const wire = require('./wire.cjs');
const failure = require('./failure.cjs');
const payload = require('./payload.cjs');
const { bytes } = prim;

const MARK = Symbol.for('aws.lambda.runtime.handler.streaming');
const WATER = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');
const INTEGRATION = 'application/vnd.awslambda.http-integration-response';
const PRELUDE_MAX = 16 << 10; // API Gateway looks for the eight NULs this far
const NULS = 8;

const responses = new WeakMap(); // Writable → Response

/** Whether the handler was given to awslambda.streamifyResponse. */
function isStreamed(handler) {
  return handler[MARK] === 'response';
}

/** Defines the awslambda global, before user code loads. */
function install() {
  globalThis.awslambda = {
    streamifyResponse(handler, options) {
      handler[MARK] = 'response';
      if (options && options.highWaterMark !== undefined) handler[WATER] = options.highWaterMark;
      return handler;
    },
    HttpResponseStream: class HttpResponseStream {
      static from(stream, metadata) {
        const response = responses.get(stream);
        if (response === undefined) {
          throw new prim.TypeError('HttpResponseStream.from needs the stream of this call');
        }
        response.describe(metadata);
        return stream;
      }
    },
  };
}

// Response is what stands behind the stream that a handler writes to.
class Response {
  constructor(call) {
    this.call = call;
    this.type = 'application/octet-stream';
    this.metadata = null;
    this.prelude = null; // bytes of a prelude that the function writes itself
    this.settled = false; // the handler's promise is fulfilled
    this.finished = false; // the stream was ended
    const self = this;
    this.writable = new Writable({
      write(chunk, encoding, done) { self.write(chunk, done); },
      final(done) { self.final(done); },
      destroy(err, done) { self.destroyed(err); done(null); },
    });
    this.writable.setContentType = (type) => { this.type = String(type); };
    this.writable.on('error', () => {}); // the call's failure says it already
    responses.set(this.writable, this);
  }

  describe(metadata) {
    if (this.call.headSent) {
      throw new prim.Error('HttpResponseStream.from was called after the first write');
    }
    this.metadata = metadata === undefined || metadata === null ? {} : metadata;
  }

  write(chunk, done) {
    if (this.metadata === null && this.type === INTEGRATION && !this.call.headSent) {
      chunk = this.gatherPrelude(chunk);
      if (chunk === null) return done();
    }
    if (!this.begin()) return done();
    this.call.send(chunk, done);
    wire.flushSoon();
  }

  // gatherPrelude gives what follows the prelude, or null while it is not complete.
  gatherPrelude(chunk) {
    const all = this.prelude === null ? chunk : bytes.concat([this.prelude, chunk]);
    const at = all.indexOf(bytes.from('\0'.repeat(NULS)));
    if (at < 0 && all.length <= PRELUDE_MAX) {
      this.prelude = bytes.from(all);
      return null;
    }
    this.prelude = null;
    try {
      if (at < 0) throw new prim.Error('no eight NUL bytes in the first 16 KiB');
      this.metadata = prim.parse(bytes.utf8(all, 0, at));
    } catch (e) {
      this.call.malformed('the prelude of the response is not valid: ' + e.message);
      return null;
    }
    return bytes.sub(all, at + NULS);
  }

  // begin sends the head; it gives false when the call is over.
  begin() {
    const call = this.call;
    if (call.over) return false;
    if (call.headSent) return true;
    try {
      call.respond(...this.head());
    } catch (e) {
      call.malformed(e.message);
      return false;
    }
    return true;
  }

  head() {
    if (this.metadata === null) return [200, [['content-type', this.type]]];
    const m = this.metadata;
    const a = payload.answerOf({
      statusCode: m.statusCode === undefined ? 200 : m.statusCode,
      headers: m.headers, multiValueHeaders: m.multiValueHeaders, cookies: m.cookies,
    });
    return [a.status, a.headers];
  }

  final(done) {
    this.finished = true;
    if (this.prelude !== null) this.call.malformed('the response ended within its prelude');
    if (this.begin()) wire.flushSoon();
    if (this.settled) this.call.end();
    done();
  }

  /** The handler is through: the answer ends with its stream. */
  settle() {
    this.settled = true;
    if (this.finished) this.call.end();
    else if (!this.writable.writableEnded) this.writable.end();
  }

  destroyed(err) {
    if (this.finished || this.call.over) return;
    const e = err || failure.named('Runtime.StreamClosed', 'the response stream was destroyed');
    this.call.reject(e);
  }

  /** The caller is gone: what is still written goes nowhere. */
  cancel() {
    this.writable.emit('close');
  }
}

function responseOf(call) {
  return new Response(call);
}

module.exports = { isStreamed, install, responseOf };
