// SPDX-License-Identifier: Apache-2.0

// One (req, res) function per path.
const wait = (ms) => new Promise((r) => setTimeout(r, ms));

const routes = {
  hello: (q, s) => {
    const named = q.headers['x-dayfly-invocation'] !== undefined;
    s.end(['hello', q.method, q.url, q.headers.host, named].join(' '));
  },
  echo: (q, s) => {
    s.setHeader('x-a', ['1', '2']);
    q.pipe(s);
  },
  throws: () => { throw new RangeError('sync'); },
  rejects: async () => { throw new TypeError('async'); },
  midway: async (q, s) => {
    s.write('part');
    await wait(20);
    throw new TypeError('midway');
  },
  log: (q, s) => {
    console.log('one');
    setTimeout(() => {
      console.error('two');
      s.end();
    }, 5);
  },
};

module.exports = (req, res) => routes[req.url.split(/[/?]/)[1]](req, res);
