// SPDX-License-Identifier: Apache-2.0
'use strict';

// Which dialect a module speaks, from what it exports.

const spelling = require('./spelling.cjs');
const framework = require('./framework.cjs');
const load = require('./load.cjs');
const serve = require('./serve.cjs');

const USUAL = ['default', 'app', 'server', 'handler', 'fetch', 'main'];
const COMMENTS = /\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
const REQUEST = /^_?(?:req|request|ctx\.req|rq)$/i;
const RESPONSE = /^_?(?:res|resp|response|reply)$/i;

/** The dialect of what was loaded; targets are names of functions-framework. */
function dialect(loaded, hooks, targets) {
  if (framework.registeredAs(hooks.framework, targets) !== null) return 'framework';
  if (loaded.name === '') loaded.name = usualName(loaded.exports);
  const value = valueOf(loaded);
  if (serve.isApp(value)) return 'node-http';
  if (has(value, 'fetch') || spelling.isEntrypoint(value)) return 'fetch';
  if (spelling.byMethod(loaded.exports) || hooks.listeners.length > 0) return 'fetch';
  if (hooks.catcher.server !== null) return 'node-http';
  if (typeof value !== 'function') return isThenable(value) ? 'node-http' : 'lambda';
  if (loaded.name === 'fetch') return 'fetch';
  const [first, second] = parameters(value);
  if (REQUEST.test(first)) {
    if (RESPONSE.test(second)) return 'node-http';
    if (second === undefined || second === 'env' || second === 'context') return 'fetch';
  }
  return 'lambda';
}

// usualName gives the export that is meant when none is named and the module itself is
// none of what is served: "app", "handler" and the like; else "".
function usualName(exports) {
  const value = load.itself(exports);
  if (typeof value === 'function' || serve.isApp(value) || has(value, 'fetch')) return '';
  for (const name of USUAL) {
    const v = load.follow(exports, name);
    if (typeof v === 'function' || serve.isApp(v) || has(v, 'fetch')) return name;
  }
  return '';
}

function has(v, name) {
  return v !== null && v !== undefined && typeof v[name] === 'function';
}

function isThenable(v) {
  return has(v, 'then');
}

// parameters gives the names of a function's first two parameters, as far as they are
// plain names.
function parameters(fn) {
  const text = Function.prototype.toString.call(fn).replace(COMMENTS, '');
  const arrow = /^(?:async\s+)?([\w$]+)\s*=>/.exec(text);
  if (arrow) return [arrow[1]];
  const open = text.indexOf('(');
  const close = text.indexOf(')', open);
  if (open < 0 || close < 0) return [];
  return text.slice(open + 1, close).split(',')
    .map((p) => p.trim().replace(/\s*=.*$/, ''))
    .filter((p) => p !== '');
}

/** What the entry names; without a name the default export, or the module itself. */
function valueOf(loaded) {
  if (loaded.name !== '') {
    const v = load.follow(loaded.exports, loaded.name);
    if (v !== undefined) return v;
  }
  return load.itself(loaded.exports);
}

/** The application that a module exports, under its entry's name or a usual one. */
function appOf(loaded) {
  const value = valueOf(loaded);
  if (typeof value === 'function' || serve.isApp(value) || isThenable(value)) return value;
  for (const name of USUAL) {
    const v = load.follow(loaded.exports, name);
    if (typeof v === 'function' || serve.isApp(v) || isThenable(v)) return v;
  }
  return has(value, 'handle') ? value : null;
}

module.exports = { dialect, valueOf, appOf };
