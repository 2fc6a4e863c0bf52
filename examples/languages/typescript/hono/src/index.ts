import { Hono } from 'hono';

type Bindings = { STAGE?: string };

const app = new Hono<{ Bindings: Bindings }>();
app.get('/', (c) => c.text(c.env.STAGE ?? 'no stage'));

export default app;
