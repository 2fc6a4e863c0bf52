// SPDX-License-Identifier: Apache-2.0

export default {
  async fetch(request, env, ctx) {
    console.log('got', request.method, new URL(request.url).pathname, request.headers.get('ce-type'), await request.text());
    return new Response('ok');
  },
  async scheduled(controller, env, ctx) {
    console.log('got', 'scheduled', controller.cron, typeof controller.scheduledTime);
  },
  async queue(batch, env, ctx) {
    for (const message of batch.messages) {
      console.log('got', batch.queue, message.attempts, message.timestamp instanceof Date, JSON.stringify(message.body));
      if (message.body.bad) message.retry({ delaySeconds: 1 });
      else message.ack();
    }
  },
};
