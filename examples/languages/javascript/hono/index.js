import { Hono } from 'hono';

const app = new Hono();

app.get('/users/:id', (c) => c.json({ id: c.req.param('id') }));
app.post('/echo', async (c) => c.text(await c.req.text(), 201));

export default app;
