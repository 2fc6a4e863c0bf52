// SPDX-License-Identifier: Apache-2.0
'use strict';

// What @azure/functions gives when it is not installed: the programming model of
// version 4, as far as functions with an HTTP trigger use it.

const core = require('./azure-core.cjs');

const METHODS = { get: 'GET', put: 'PUT', post: 'POST', patch: 'PATCH', deleteRequest: 'DELETE' };
const EVENTS = [
  'timer', 'storageBlob', 'storageQueue', 'serviceBusQueue', 'serviceBusTopic', 'eventHub',
  'eventGrid', 'cosmosDB', 'warmup', 'sql', 'generic', 'mySql', 'webPubSub',
];

function http(name, given) {
  const options = typeof given === 'function' ? { handler: given } : given;
  const trigger = {
    type: 'httpTrigger', direction: 'in', name: 'httpTrigger', authLevel: options.authLevel,
    methods: options.methods || ['GET', 'POST'], route: options.route,
  };
  core.registerFunction({ name, bindings: { httpTrigger: trigger } }, options.handler);
}

const app = {
  http,
  setup() {},
  hook: new Proxy({}, { get: () => () => ({ dispose() {} }) }),
};
for (const [key, method] of Object.entries(METHODS)) {
  app[key] = (name, given) => {
    const options = typeof given === 'function' ? { handler: given } : given;
    http(name, { ...options, methods: [method] });
  };
}
for (const key of EVENTS) {
  app[key] = (name, options) => {
    const trigger = { type: key + 'Trigger', direction: 'in', name: key };
    core.registerFunction({ name, bindings: { [key]: trigger } }, options.handler);
  };
}

// binding makes the descriptions of inputs and outputs, which only name them here.
const binding = (direction) => new Proxy({}, {
  get: (target, type) => (options) => ({ ...options, type, direction, name: String(type) }),
});

class HttpResponse extends Response {
  constructor(init = {}) {
    const { body, headers } = core.initOf(init);
    super(body, { status: init.status || 200, headers });
    this.cookies = init.cookies || [];
  }
}

exports.app = app;
exports.input = binding('in');
exports.output = binding('out');
exports.trigger = binding('in');
exports.HttpRequest = core.HttpRequest;
exports.HttpResponse = HttpResponse;
exports.InvocationContext = core.InvocationContext;
