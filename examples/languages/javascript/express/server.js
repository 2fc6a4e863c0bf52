const express = require('express');

const app = express();
app.use(express.json());
app.get('/users/:id', (req, res) => res.json({ id: req.params.id }));
app.post('/sum', (req, res) => res.status(201).send(String(req.body.a + req.body.b)));
app.listen(process.env.PORT || 3000);
