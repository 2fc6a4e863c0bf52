// SPDX-License-Identifier: Apache-2.0

// Functions of the functions-framework.
const functions = require('@google-cloud/functions-framework');

functions.http('hello', (req, res) => {
  switch (req.path) {
    case '/json': {
      const raw = req.rawBody && req.rawBody.toString();
      return res.status(201).json({ query: req.query, body: req.body, raw });
    }
    case '/send': return res.set('X-A', 'b').type('txt').send('text');
    case '/object': return res.send({ a: 1 });
    case '/status': return res.sendStatus(404);
    case '/redirect': return res.redirect('/other');
    case '/cookie': return res.cookie('a', 'b c', { maxAge: 1000, httpOnly: true }).end();
    case '/get': {
      const seen = [req.get('X-Q'), req.ip, req.method, req.protocol, req.hostname, req.is('json')];
      return res.send(seen.join(' '));
    }
    case '/throw': throw new RangeError('crash');
    case '/reject': return Promise.reject(new TypeError('later'));
    case '/log':
      console.log('logged');
      return res.end();
    default: return res.send('hello ' + req.path);
  }
});
functions.cloudEvent('event', () => {});
exports.plain = (req, res) => { res.send('plain ' + (req.body.name || req.query.name)); };
