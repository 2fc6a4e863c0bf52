const path = require('path');
const express = require('express');

const app = express();
const tasks = [{ id: 1, title: 'write the app' }];

app.use(express.json());
app.use(express.static(path.join(__dirname, 'public')));

app.get('/tasks', (req, res) => res.json(tasks));

app.get('/tasks/:id', (req, res) => {
  const task = tasks.find((t) => t.id === Number(req.params.id));
  if (!task) return res.status(404).json({ error: 'no such task' });
  res.json(task);
});

app.post('/greet', (req, res) => {
  res.set('X-Powered-By', 'Express').status(201).json({ hello: req.body.name });
});

const port = process.env.PORT || 3000;
app.listen(port, () => console.log(`listening on ${port}`));
