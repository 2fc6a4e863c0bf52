// SPDX-License-Identifier: Apache-2.0
'use strict';

// What require('@google-cloud/functions-framework') gives when it is not installed.

const shim = globalThis[Symbol.for('dayfly.functions-framework')];
exports.http = shim.http;
exports.cloudEvent = shim.cloudEvent;
exports.typed = shim.typed;
