// SPDX-License-Identifier: Apache-2.0

// Takes an order that the gateway has validated, from a customer whom it knows. A web-standard
// fetch handler; prices come from the function that lists products, never from the caller.
const problem = (status, detail, errors) =>
  Response.json({ title: 'Bad Request', status, detail, errors },
    { status, headers: { 'content-type': 'application/problem+json' } });

export default {
  async fetch(request, env) {
    const order = await request.json();
    const { subject } = JSON.parse(request.headers.get('x-dayfly-principal'));
    const prices = await priceList(env);
    const errors = order.items.flatMap((item, i) => prices.has(item.product) ? [] :
      [{ in: 'body', field: `/items/${i}/product`, message: 'is not sold here' }]);
    if (errors.length > 0) return problem(400, 'the order names what is not sold here', errors);
    const total = order.items.reduce((sum, item) => sum + item.quantity * prices.get(item.product), 0);
    const id = crypto.randomUUID().slice(0, 8);
    await call(env, 'PUT', `/kv/orders/${id}`, { ...order, subject, total, at: new Date().toISOString() });
    return Response.json({ id, customer: subject, total }, { status: 201 });
  },
};

async function priceList(env) {
  const answer = await call(env, 'POST', '/functions/list-products/invoke', {});
  return new Map(JSON.parse((await answer.json()).body).map((product) => [product.id, product.price]));
}

async function call(env, method, path, body) {
  const answer = await fetch(env.DAYFLY_URL + path, {
    method,
    headers: { authorization: `Bearer ${env.DAYFLY_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`);
  return answer;
}
