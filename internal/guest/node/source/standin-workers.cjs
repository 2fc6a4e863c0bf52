// SPDX-License-Identifier: Apache-2.0
'use strict';

// What import … from 'cloudflare:workers' gives.

const { absent } = require('./standin.cjs');

class WorkerEntrypoint {
  constructor(ctx, env) {
    this.ctx = ctx;
    this.env = env;
  }
}

function missing(name) {
  return class {
    constructor() {
      throw absent(name, 'keep state in a database, a bucket or a queue');
    }
  };
}

exports.WorkerEntrypoint = WorkerEntrypoint;
exports.RpcTarget = class RpcTarget {};
exports.DurableObject = missing('DurableObject');
exports.WorkflowEntrypoint = missing('WorkflowEntrypoint');
exports.env = process.env;
exports.waitUntil = (promise) => {
  require('./fetch.cjs').waitUntil(promise);
};
