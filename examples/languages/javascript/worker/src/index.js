const seen = [];

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === '/seen') return Response.json(seen);
    ctx.waitUntil(Promise.resolve().then(() => seen.push(pathname)));
    return new Response(`${env.STAGE} ${pathname} ${navigator.userAgent}\n`);
  },

  async scheduled(controller) {
    seen.push(`cron ${controller.cron}`);
  },

  async queue(batch) {
    for (const message of batch.messages) {
      if (message.body.ok) message.ack();
      else message.retry({ delaySeconds: 30 });
    }
  },
};
