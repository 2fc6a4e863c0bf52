// SPDX-License-Identifier: Apache-2.0
'use strict';

// What @vercel/functions gives when it is not installed.

const { headersOf } = require('./vercel.cjs');

exports.waitUntil = (promise) => {
  require('./vercel.cjs').waitUntil(promise);
};
exports.ipAddress = (input) => headersOf(input).get('x-real-ip') || headersOf(input).get('x-forwarded-for');
exports.geolocation = () => ({});
exports.getEnv = () => ({ ...process.env });
