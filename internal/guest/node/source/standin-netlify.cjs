// SPDX-License-Identifier: Apache-2.0
'use strict';

// What @netlify/functions gives when it is not installed: wrappers around handlers.

exports.builder = (handler) => handler;
exports.schedule = (cron, handler) => handler;
exports.stream = (handler) => handler;
exports.purgeCache = async () => {};
