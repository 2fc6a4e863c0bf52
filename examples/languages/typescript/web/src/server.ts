import { createServer } from 'node:http';

import { describe } from './describe.ts';

const server = createServer((req, res) => {
  res.setHeader('content-type', 'application/json');
  res.end(JSON.stringify(describe(req)));
});
server.listen(Number(process.env.PORT ?? 3000));
