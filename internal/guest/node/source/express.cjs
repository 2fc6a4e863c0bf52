// SPDX-License-Identifier: Apache-2.0
'use strict';

// What functions-framework functions expect of req and res, for functions that bring
// no Express: the part of Express's interface that such functions use.

const http = require('http');
const path = require('path');
const querystring = require('querystring');

const TYPES = {
  html: 'text/html', htm: 'text/html', txt: 'text/plain', text: 'text/plain', css: 'text/css',
  js: 'text/javascript', json: 'application/json', xml: 'application/xml', csv: 'text/csv',
  bin: 'application/octet-stream', png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg',
  gif: 'image/gif', svg: 'image/svg+xml', webp: 'image/webp', pdf: 'application/pdf',
};
const COOKIE_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Reads the whole body into req.rawBody and, parsed by its type, into req.body. */
function readBody(req, most, done) {
  const chunks = [];
  let size = 0;
  let over = false;
  req.on('data', (chunk) => {
    size += chunk.length;
    if (size <= most) chunks.push(chunk);
    else if (!over) {
      over = true;
      done({ status: 413, message: 'Request Entity Too Large' });
    }
  });
  req.on('end', () => {
    if (over) return;
    req._body = true; // tells body parsers of Express that it is done
    const type = (req.headers['content-type'] || '').split(';')[0].trim().toLowerCase();
    if (size === 0) {
      req.body = {};
      return done(null);
    }
    req.rawBody = Buffer.concat(chunks, size);
    try {
      req.body = parseBody(type, req.rawBody);
    } catch (e) {
      return done({ status: 400, message: 'Bad Request: ' + e.message });
    }
    done(null);
  });
}

function parseBody(type, raw) {
  if (type === 'application/json' || type.endsWith('+json')) return JSON.parse(raw.toString());
  if (type === 'application/x-www-form-urlencoded') return { ...querystring.parse(raw.toString()) };
  if (type.startsWith('text/')) return raw.toString();
  return raw;
}

/** Adds to Node's req and res. */
function enhance(req, res) {
  enhanceRequest(req);
  Object.assign(res, responseMethods);
  res.req = req;
  req.res = res;
  res.locals = {};
}

function enhanceRequest(req) {
  const mark = req.url.indexOf('?');
  const forwarded = req.headers['x-forwarded-for'];
  req.originalUrl = req.url;
  req.baseUrl = '';
  req.path = mark < 0 ? req.url : req.url.slice(0, mark);
  req.query = mark < 0 ? {} : { ...querystring.parse(req.url.slice(mark + 1)) };
  req.params = { 0: req.path.slice(1) };
  req.ip = forwarded ? forwarded.split(',')[0].trim() : req.socket.remoteAddress;
  req.protocol = req.headers['x-forwarded-proto'] || 'http';
  req.secure = req.protocol === 'https';
  req.hostname = (req.headers['x-forwarded-host'] || req.headers.host || '').replace(/:\d+$/, '');
  req.xhr = req.headers['x-requested-with'] === 'XMLHttpRequest';
  req.cookies = {};
  req.get = req.header = (name) => {
    const key = name.toLowerCase();
    if (key === 'referer' || key === 'referrer') return req.headers.referrer || req.headers.referer;
    return req.headers[key];
  };
  req.is = (...types) => matchType(req.headers['content-type'], types.flat());
  req.accepts = (...types) => accepts(req.headers.accept, types.flat());
}

function matchType(header, types) {
  if (!header) return false;
  const type = header.split(';')[0].trim().toLowerCase();
  for (const want of types) {
    const full = want.includes('/') ? want : TYPES[want] || 'application/' + want;
    if (full === type || (full.endsWith('/*') && type.startsWith(full.slice(0, -1)))) return want;
  }
  return false;
}

function accepts(header, types) {
  if (!header || header.includes('*/*')) return types[0];
  for (const part of header.split(',')) {
    const hit = matchType(part, types);
    if (hit) return hit;
  }
  return false;
}

const responseMethods = {
  status(code) {
    this.statusCode = code;
    return this;
  },
  sendStatus(code) {
    this.statusCode = code;
    return this.type('txt').send(http.STATUS_CODES[code] || String(code));
  },
  set(name, value) {
    if (typeof name === 'object') {
      for (const key of Object.keys(name)) this.set(key, name[key]);
      return this;
    }
    this.setHeader(name, Array.isArray(value) ? value.map(String) : String(value));
    return this;
  },
  header(name, value) { return this.set(name, value); },
  get(name) { return this.getHeader(name); },
  append(name, value) {
    const had = this.getHeader(name);
    const all = had === undefined ? [] : [].concat(had);
    return this.set(name, all.concat(value));
  },
  vary(name) { return this.append('vary', name); },
  location(url) { return this.set('location', encodeURI(decodeURISafe(url))); },
  type(name) {
    const known = TYPES[name.replace(/^\./, '')] || 'application/octet-stream';
    const full = name.includes('/') ? name : known;
    const text = /^text\/|json|javascript/.test(full) && !full.includes('charset');
    return this.set('content-type', text ? full + '; charset=utf-8' : full);
  },
  contentType(name) { return this.type(name); },
  json(value) {
    if (!this.hasHeader('content-type')) this.type('json');
    return this.send(JSON.stringify(value));
  },
  send(body) {
    if (body === undefined || body === null) body = '';
    else if (typeof body === 'object' && !ArrayBuffer.isView(body)) return this.json(body);
    else if (typeof body === 'number' || typeof body === 'boolean') return this.json(body);
    if (!this.hasHeader('content-type')) this.type(typeof body === 'string' ? 'html' : 'bin');
    if (this.statusCode === 204 || this.statusCode === 304) {
      this.removeHeader('content-type');
      body = '';
    } else {
      this.setHeader('content-length', Buffer.byteLength(body));
    }
    if (this.req.method === 'HEAD') this.end();
    else this.end(body);
    return this;
  },
  redirect(status, url) {
    if (typeof status !== 'number') [status, url] = [typeof url === 'number' ? url : 302, status];
    this.location(url);
    this.statusCode = status;
    this.type('txt').send(http.STATUS_CODES[status] + '. Redirecting to ' + url);
  },
  cookie(name, value, options = {}) {
    if (!COOKIE_NAME.test(name)) throw new TypeError('cookie name is not valid: ' + name);
    const text = typeof value === 'object' ? 'j:' + JSON.stringify(value) : String(value);
    return this.append('set-cookie', cookieText(name, encodeURIComponent(text), options));
  },
  clearCookie(name, options = {}) {
    return this.cookie(name, '', { ...options, expires: new Date(1) });
  },
  attachment(name) {
    if (name) this.type(path.extname(name) || 'bin');
    return this.set('content-disposition', name ? `attachment; filename="${path.basename(name)}"`
      : 'attachment');
  },
};

function decodeURISafe(url) {
  try {
    return decodeURI(url);
  } catch {
    return url;
  }
}

function cookieText(name, value, o) {
  let s = `${name}=${value}`;
  if (o.maxAge !== undefined) {
    s += `; Max-Age=${Math.floor(o.maxAge / 1000)}`;
    if (o.expires === undefined) o = { ...o, expires: new Date(Date.now() + o.maxAge) };
  }
  if (o.domain) s += `; Domain=${o.domain}`;
  s += `; Path=${o.path || '/'}`;
  if (o.expires) s += `; Expires=${o.expires.toUTCString()}`;
  if (o.httpOnly) s += '; HttpOnly';
  if (o.secure) s += '; Secure';
  if (o.sameSite) s += `; SameSite=${o.sameSite === true ? 'Strict' : o.sameSite}`;
  return s;
}

module.exports = { readBody, parseBody, enhance };
