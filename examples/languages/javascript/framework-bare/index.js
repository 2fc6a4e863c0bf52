const functions = require('@google-cloud/functions-framework');

functions.http('greet', (req, res) => {
  res.set('x-kind', req.get('content-type') || 'none').status(200);
  res.send(`Hello ${req.query.name || req.body.name || 'World'}!`);
});
