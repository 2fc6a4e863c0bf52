// SPDX-License-Identifier: Apache-2.0
'use strict';

// Handlers that AWS's own client and our guest must serve alike.
exports.echo = async (event) => event;

exports.context = async (event, c) => ({
  id: c.awsRequestId, name: c.functionName, arn: c.invokedFunctionArn, version: c.functionVersion,
  memory: c.memoryLimitInMB, group: c.logGroupName, time: c.getRemainingTimeInMillis() > 1000,
});

exports.callback = (event, context, done) => setImmediate(done, null, { called: event });

exports.nothing = async () => {};

exports.shapes = async (event) => ({ text: 'é☃', list: [1, 2.5, true], date: new Date(0) })[event];

class OwnError extends Error {
  constructor(message) {
    super(message);
    this.name = 'OwnError';
  }
}

exports.raises = async () => { throw new OwnError('boom: é'); };

exports.throwsText = async () => { throw 'only text'; };

exports.callbackError = (event, context, done) => done(new TypeError('no'));

exports.streams = awslambda.streamifyResponse(async (event, out) => {
  out.setContentType('text/plain');
  out.write('one ');
  out.end('two');
});
