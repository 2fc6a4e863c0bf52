const express = require('express');

const app = express();

app.get('/', (req, res) => res.send('exported\n'));
app.post('/upper', express.text(), (req, res) => res.send(req.body.toUpperCase()));

module.exports = app;
