interface Reply { path: string; agent: string; secret: boolean }

Deno.serve((request: Request): Response => {
  const { pathname } = new URL(request.url);
  const reply: Reply = {
    path: pathname,
    agent: navigator.userAgent.split('/')[0],
    secret: Deno.env.has('SECRET'),
  };
  return Response.json(reply);
});
