Bun.serve({
  routes: {
    '/users/:id': (request) => Response.json({ id: request.params.id }),
  },
  fetch: () => new Response('none of them\n', { status: 404 }),
});
