export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case '/json':
        return Response.json({ method: request.method, agent: request.headers.get('user-agent') });
      case '/echo':
        return new Response(request.body, { headers: { 'content-type': 'application/octet-stream' } });
      case '/away':
        return Response.redirect('https://example.com/', 302);
      default:
        return new Response('not found', { status: 404 });
    }
  },
};
