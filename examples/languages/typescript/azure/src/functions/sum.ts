import { app } from '@azure/functions';

app.post('sum', async (request) => {
  const numbers = (await request.json()) as number[];
  return { status: 201, body: String(numbers.reduce((a, b) => a + b, 0)) };
});
