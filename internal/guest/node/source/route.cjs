// SPDX-License-Identifier: Apache-2.0
'use strict';

// What the gateway says of the route and the caller of a request, as Lambda has it: the key
// of the route, what its path captured, and requestContext.authorizer.

const prim = require('./prim.cjs');

const NAMES = ['x-dayfly-route', 'x-dayfly-params', 'x-dayfly-principal'];

/** Tells whether a header, in lower case, is one of those that tell of the route. */
function isOurs(name) {
  return prim.startsWith(name, 'x-dayfly-') &&
    (name === NAMES[0] || name === NAMES[1] || name === NAMES[2]);
}

/** What pairs of headers tell: {key, params, principal}, each undefined if it is not told. */
function routeOf(pairs) {
  let key;
  let params;
  let principal;
  for (let i = 0; i < pairs.length; i++) {
    const name = pairs[i][0];
    if (!prim.startsWith(name, 'x-dayfly-')) continue;
    const value = pairs[i][1];
    if (name === NAMES[0]) key = prim.replaceAll(value, '...}', '+}');
    else if (name === NAMES[1]) params = objectOf(value);
    else if (name === NAMES[2]) principal = objectOf(value);
  }
  if (principal !== undefined && !principal.kind) principal = undefined;
  return { key, params, principal };
}

function objectOf(text) {
  try {
    const value = prim.parse(text);
    if (value !== null && typeof value === 'object' && !prim.isArray(value)) return value;
  } catch {
    // the gateway wrote it; whoever else did is not heard
  }
  return undefined;
}

/** The path of a route's key. */
function pathOf(key) {
  return prim.slice(key, prim.indexOf(key, ' ') + 1);
}

const isToken = (who) => who.kind === 'jwt' || who.kind === 'login';

/** requestContext.authorizer of payload 2.0. */
function authorizer2(who) {
  if (isToken(who)) return { jwt: tokenOf(who) };
  return { lambda: who.kind === 'function' ? who.claims || {} : plainOf(who) };
}

/** requestContext.authorizer of payload 1.0. */
function authorizer1(who) {
  if (isToken(who)) return tokenOf(who);
  if (who.kind !== 'function') return plainOf(who);
  return { principalId: who.subject || '', ...claimsOf(who) };
}

function tokenOf(who) {
  const scopes = who.scopes && who.scopes.length > 0 ? who.scopes : null;
  return { claims: claimsOf(who), scopes };
}

function plainOf(who) {
  const told = { principalId: who.subject || '', kind: who.kind, name: who.name || '' };
  if (who.scopes && who.scopes.length > 0) told.scopes = who.scopes;
  if (who.key) told.key = who.key;
  return told;
}

function claimsOf(who) {
  const out = {};
  const claims = who.claims || {};
  const names = prim.keys(claims);
  for (let i = 0; i < names.length; i++) {
    const value = claimOf(claims[names[i]]);
    prim.define(out, names[i], { value, enumerable: true, configurable: true, writable: true });
  }
  return out;
}

// claimOf makes a text of a claim, as AWS does: a list is in brackets, with spaces between.
function claimOf(value) {
  if (typeof value === 'string') return value;
  if (!prim.isArray(value)) return prim.stringify(value);
  const parts = [];
  for (let i = 0; i < value.length; i++) prim.push(parts, claimOf(value[i]));
  return '[' + prim.join(parts, ' ') + ']';
}

module.exports = { isOurs, routeOf, pathOf, authorizer1, authorizer2 };
