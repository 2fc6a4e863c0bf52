// SPDX-License-Identifier: Apache-2.0
'use strict';

// Stands for the addon through which AWS's runtime client speaks HTTP, which takes a C++
// compiler to build: the same three calls, by Node's own http. All else is AWS's.

const Module = require('module');
const http = require('http');

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
let last = Promise.resolve(); // one after the other, as the addon's calls are

function ask(method, path, headers, body) {
  const one = () => new Promise((resolve, reject) => {
    const req = http.request({ host, port, method, path: '/2018-06-01/runtime/invocation/' + path, headers }, (res) => {
      let bodyJson = '';
      res.setEncoding('utf8').on('data', (text) => { bodyJson += text; });
      res.on('end', () => resolve({ bodyJson, headers: res.headers }));
    });
    req.on('error', reject).end(body);
  });
  last = last.then(one);
  return last;
}

const client = {
  initializeClient() {},
  next: () => ask('GET', 'next', {}),
  done(id, body) { ask('POST', id + '/response', {}, body); },
  error(id, body) { ask('POST', id + '/error', {}, body); },
};

Module._extensions['.node'] = (module) => { module.exports = client; };
const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
  return request === './rapid-client.node' ? '/rapid-client.node' : resolve.call(this, request, ...rest);
};
