// SPDX-License-Identifier: Apache-2.0
'use strict';

// Functions that are the files of a folder: which there are, and their modules, loaded
// when they are first called.

const fs = require('fs');
const path = require('path');
const load = require('./load.cjs');

const FILES_MAX = 2000; // of one folder; more are no functions
const SCRIPT = /\.(?:js|mjs|cjs)$/;
const TYPED = /\.(?:ts|mts|cts|tsx)$/;

/**
 * The scripts below dir: {path, file}, path without its suffix. built tells which file
 * a TypeScript source was compiled to.
 */
function list(task, dir, built = {}) {
  const compiled = new Set(Object.values(built));
  const found = [];
  const walk = (below) => {
    const entries = fs.readdirSync(path.join(task, dir, below), { withFileTypes: true });
    for (const entry of entries) {
      if (found.length >= FILES_MAX) return;
      const name = path.join(below, entry.name);
      if (/^[._]/.test(entry.name) || entry.name === 'node_modules') continue;
      if (entry.isDirectory()) walk(name);
      else add(name);
    }
  };
  const add = (name) => {
    const whole = path.join(dir, name);
    const file = TYPED.test(name) ? built[whole] : whole;
    if (file === undefined || name.endsWith('.d.ts')) return;
    if (file === whole && (!SCRIPT.test(name) || compiled.has(whole))) return;
    found.push({ path: name.replace(/\.\w+$/, ''), file: path.join(task, file) });
  };
  walk('.');
  return found;
}

/** The module of a function, loaded once. A failure is not remembered. */
function moduleOf(task, one) {
  if (one.loading === undefined) {
    one.loading = load.file(task, one.file);
    one.loading.catch(() => { one.loading = undefined; });
  }
  return one.loading;
}

/** A JSON file of the task; an empty object when it is not there. */
function json(task, name) {
  try {
    return JSON.parse(fs.readFileSync(path.join(task, name), 'utf8'));
  } catch (e) {
    if (e.code === 'ENOENT') return {};
    throw e;
  }
}

module.exports = { list, moduleOf, json };
