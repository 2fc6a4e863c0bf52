import { Hono } from 'hono';

const app = new Hono();
app.get('/:name', (c) => c.text(`${c.req.param('name')} ${Deno.env.get('STAGE') ?? 'no stage'}`));

Deno.serve({ port: 8000 }, app.fetch);
