// SPDX-License-Identifier: Apache-2.0
'use strict';

// Path patterns of the platforms whose functions are files. Each makes a matcher:
// path → parameters, or null.

const ESCAPE = /[.*+?^${}()|[\]\\]/g;
const escape = (text) => text.replace(ESCAPE, '\\$&');

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function matcher(source, names, lists) {
  const expression = new RegExp('^' + source + '/?$');
  return (path) => {
    const hit = expression.exec(path);
    if (hit === null) return null;
    const params = {};
    names.forEach((name, i) => {
      const text = hit[i + 1];
      if (text === undefined) return;
      params[name] = lists.has(name) ? text.split('/').map(decode) : decode(text);
    });
    return params;
  };
}

/** /a/:id, /a/:id?, /a/:rest*, /a/* : Netlify's, Bun's and Vercel's vercel.json. */
function pattern(path) {
  const names = [];
  let source = '';
  for (const part of path.split('/').filter((p) => p !== '')) {
    const named = /^:(\w+)(\([^)]*\))?([?*+])?$/.exec(part);
    if (part === '*' || part === '**') {
      names.push('splat');
      source += '(?:/(.*))?';
    } else if (named) {
      names.push(named[1]);
      source += segment(named[3]);
    } else {
      source += '/' + escape(part);
    }
  }
  return matcher(source, names, new Set());
}

function segment(suffix) {
  if (suffix === '?') return '(?:/([^/]+))?';
  if (suffix === '*') return '(?:/(.+))?';
  return suffix === '+' ? '/(.+)' : '/([^/]+)';
}

/** /a/{id}, /a/{id?}, /a/{id:int?}, /a/{*rest}: Azure's route templates. */
function template(path) {
  const names = [];
  let source = '';
  for (const part of path.split('/').filter((p) => p !== '')) {
    const named = /^\{(\*?)(\w+)(?::(\w+)(?:\([^)]*\))?)?(\??)\}$/.exec(part);
    if (!named) {
      source += '/' + escape(part);
      continue;
    }
    const [, rest, name, type, optional] = named;
    names.push(name);
    const text = rest ? '(.*)' : CONSTRAINTS[type] || '([^/]+)';
    source += rest || optional ? `(?:/${text})?` : '/' + text;
  }
  return matcher(source, names, new Set());
}

// CONSTRAINTS are those of ASP.NET's routes that functions use.
const CONSTRAINTS = {
  int: '(-?\\d+)', long: '(-?\\d+)', bool: '([Tt]rue|[Ff]alse)', alpha: '([A-Za-z]+)',
  guid: '([0-9A-Fa-f-]{36})', decimal: '(-?\\d+(?:\\.\\d+)?)', double: '(-?\\d+(?:\\.\\d+)?)',
};

/** A file's path with [id], [...slug] and [[...slug]]: Vercel's. */
function fileRoute(path) {
  const names = [];
  const lists = new Set();
  let source = '';
  for (const part of path.split('/').filter((p) => p !== '')) {
    const rest = /^\[?\[\.\.\.(\w+)\]\]?$/.exec(part);
    const one = /^\[(\w+)\]$/.exec(part);
    if (rest) {
      names.push(rest[1]);
      lists.add(rest[1]);
      source += part.startsWith('[[') ? '(?:/(.+))?' : '/(.+)';
    } else if (one) {
      names.push(one[1]);
      source += '/([^/]+)';
    } else {
      source += '/' + escape(part);
    }
  }
  return matcher(source, names, lists);
}

// RANKS put plain routes before those with parameters, and these before open ends.
function rank(path) {
  return path.split('/').map((part) => {
    if (/^\[\[?\.\.\.|\*/.test(part)) return '3';
    return /^[[:{]/.test(part) ? '2' : '1';
  }).join('');
}

/** Orders routes, {path, …}, by how exact they are. */
function byRank(a, b) {
  const [x, y] = [rank(a.path), rank(b.path)];
  if (x === y) return a.path < b.path ? -1 : 1;
  return x < y ? -1 : 1;
}

module.exports = { pattern, template, fileRoute, byRank };
