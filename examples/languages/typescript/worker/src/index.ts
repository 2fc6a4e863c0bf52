interface Env { LIMITS: { items: number } }

interface Controller { cron: string }

let runs = 0;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    return Response.json({ runs, items: env.LIMITS.items, method: request.method });
  },
  async scheduled(_controller: Controller): Promise<void> {
    runs++;
  },
};
