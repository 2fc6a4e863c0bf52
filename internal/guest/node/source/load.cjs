// SPDX-License-Identifier: Apache-2.0
'use strict';

// Loads the function's module as AWS's Node runtime does, and finds its export.

const fs = require('fs');
const path = require('path');
const { createRequire } = require('module');
const { pathToFileURL } = require('url');
const prim = require('./prim.cjs');
const failure = require('./failure.cjs');

const ENTRY = /^([^.]*)\.(.*)$/;
const SCRIPT = /^(?:js|mjs|cjs)$/;

// SCHEMES are specifiers that only other runtimes resolve.
const SCHEMES = /protocol '(npm|jsr|https?|bun|cloudflare):'/;

let hook = null; // called before the first ES module is imported

/** Errors whose cause is that a module is missing. */
const MISSING = new Set(['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND']);

/**
 * Splits an entry into {dir, module, name}. Lambda's rules are strict: the first dot
 * of the last path element parts module from export, and there must be one.
 */
function parse(entry, strict) {
  if (entry.includes('..')) {
    throw failure.named('Runtime.MalformedHandlerName', `'${entry}' is not a valid handler name. ` +
      'Use absolute paths when specifying root directories in handler names.');
  }
  const base = path.basename(entry);
  const dir = entry.slice(0, entry.length - base.length);
  const match = ENTRY.exec(base);
  if (match) return { dir, module: match[1], name: match[2] };
  if (strict) throw failure.named('Runtime.MalformedHandlerName', 'Bad handler');
  return { dir, module: base, name: '' };
}

/**
 * Loads the module of an entry: {exports, name}. script, when given, may load a script
 * by itself: it gives its exports, or undefined.
 */
async function load(spec, script) {
  const strict = spec.dialect === 'lambda';
  const at = parse(spec.entry, strict);
  const found = locate(spec.task, at, strict);
  try {
    if (found === null) return { exports: lastResort(spec.task, at), name: at.name };
    const own = script && !found.module ? script(found.file, found.name) : undefined;
    if (own !== undefined) return { exports: own, name: found.name };
    return { exports: await open(spec.task, found.file, found.module), name: found.name };
  } catch (e) {
    throw translate(e);
  }
}

/** Loads one file, as Node does by its suffix and package.json. */
async function file(task, name) {
  try {
    return await open(task, name, name.endsWith('.js') && typeModule(name));
  } catch (e) {
    throw translate(e);
  }
}

function open(task, name, isModule) {
  if (!isModule && !name.endsWith('.mjs')) return requireFile(task, name);
  if (hook !== null) hook();
  hook = null;
  return import(pathToFileURL(name).href);
}

/** Has fn called before the first ES module is imported. */
function beforeImport(fn) { hook = fn; }

// locate finds the file in AWS's order. Outside Lambda the module's own name may hold
// dots, or the entry may be a file name: "server.js", "my.app.default".
function locate(task, at, strict) {
  const first = inOrder(path.resolve(task, at.dir, at.module));
  if (first && (strict || !SCRIPT.test(at.name))) return { ...first, name: at.name };
  if (strict) return null;
  const base = at.name === '' ? at.module : at.module + '.' + at.name;
  for (let dot = base.length; dot > 0; dot = base.lastIndexOf('.', dot - 1)) {
    const hit = inOrder(path.resolve(task, at.dir, base.slice(0, dot)));
    if (hit) return { ...hit, name: base.slice(dot + 1) };
  }
  return null;
}

function inOrder(stem) {
  if (isFile(stem)) return { file: stem, module: /\.js$/.test(stem) && typeModule(stem) };
  const module = typeModule(stem);
  if (isFile(stem + '.js')) return { file: stem + '.js', module };
  if (isFile(stem + '.mjs')) return { file: stem + '.mjs', module: true };
  if (isFile(stem + '.cjs')) return { file: stem + '.cjs', module: false };
  return inFolder(stem);
}

// inFolder finds what require finds in a folder: its main, or its index.
function inFolder(dir) {
  let manifest = {};
  try {
    if (!fs.statSync(dir).isDirectory()) return null;
    manifest = JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8'));
  } catch (e) {
    if (e.code !== 'ENOENT' || !fs.existsSync(dir)) return null;
  }
  const names = ['index.js', 'index.mjs', 'index.cjs'];
  if (typeof manifest.main === 'string') names.unshift(manifest.main, manifest.main + '.js');
  for (const name of names) {
    const file = path.join(dir, name);
    if (isFile(file)) return { file, module: /\.js$/.test(file) && typeModule(file) };
  }
  return null;
}

function isFile(file) {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  return stat !== undefined && stat.isFile();
}

// typeModule tells whether the nearest package.json says "type": "module".
function typeModule(file) {
  for (let dir = path.dirname(file); ; dir = path.dirname(dir)) {
    if (dir.endsWith('/node_modules')) return false;
    try {
      const text = fs.readFileSync(path.join(dir, 'package.json'), 'utf8');
      return JSON.parse(text).type === 'module';
    } catch (e) {
      if (e.code !== 'ENOENT') return false;
    }
    if (dir === path.dirname(dir)) return false;
  }
}

function taskRequire(task) {
  return createRequire(path.join(task, 'package.json'));
}

function requireFile(task, file) {
  try {
    return taskRequire(task)(file);
  } catch (e) {
    if (e && e.code === 'ERR_REQUIRE_ASYNC_MODULE') return import(pathToFileURL(file).href);
    throw e;
  }
}

function lastResort(task, at) {
  const require = taskRequire(task);
  return require(require.resolve(at.module, { paths: [task, path.resolve(task, at.dir)] }));
}

// translate gives a load error the type that AWS gives it.
function translate(e) {
  if (e instanceof SyntaxError) return failure.named('Runtime.UserCodeSyntaxError', String(e), e);
  if (e !== null && typeof e === 'object' && MISSING.has(e.code)) {
    return failure.named('Runtime.ImportModuleError', String(e), e);
  }
  if (e !== null && typeof e === 'object' && e.code === 'ERR_UNSUPPORTED_ESM_URL_SCHEME') {
    const scheme = SCHEMES.exec(e.message);
    return failure.named('Runtime.ImportModuleError', scheme === null ? String(e)
      : `imports that begin with ${scheme[1]}: are resolved by another runtime than Node; ` +
        'add the package to package.json and import it by its name', e);
  }
  return e;
}

/** Follows a dotted name into exports; undefined when it is not there. */
function follow(exports, name) {
  let v = exports;
  const parts = prim.split(name, '.'); // user code has run: its patches are in force
  for (let i = 0; i < parts.length; i++) {
    if (v === undefined || v === null) return undefined;
    v = v[parts[i]];
  }
  return v;
}

/** The handler that a Lambda entry names. */
function handlerOf(loaded, entry) {
  const v = loaded.name === '' ? itself(loaded.exports) : follow(loaded.exports, loaded.name);
  if (v === undefined || v === null) {
    throw failure.named('Runtime.HandlerNotFound', `${entry} is undefined or not exported`);
  }
  if (typeof v !== 'function') {
    throw failure.named('Runtime.HandlerNotFound', `${entry} is not a function`);
  }
  return v;
}

/** What a module is when no export is named: its default export, or the module. */
function itself(exports) {
  if (exports === undefined || exports === null || typeof exports === 'function') return exports;
  let v = exports.default;
  // import() of a CommonJS file that was compiled from ES modules: default twice.
  if (v !== null && typeof v === 'object' && v.__esModule && v.default !== undefined) v = v.default;
  return v === undefined ? exports : v;
}

module.exports = { load, file, beforeImport, parse, handlerOf, itself, follow, taskRequire };
