import { WorkerEntrypoint } from 'cloudflare:workers';

export default class extends WorkerEntrypoint {
  async fetch(request) {
    return new Response(`${request.method} ${typeof this.ctx.waitUntil} ${typeof this.env}\n`);
  }
}
